/**
 * What the bench can be told on the command line.
 */
import { parseArgs } from "node:util"

export interface Options {
  /** Undefined lists the scenarios. */
  readonly scenario: string | undefined
  readonly quick: boolean
  readonly large: boolean
  readonly json: boolean
  readonly help: boolean
}

/** Something on the command line that cannot be meant. */
export class UsageError extends Error {
  override readonly name = "UsageError"
}

export const helpText = `Usage: npm run bench -- <scenario> [--quick] [--large] [--json]

  --quick  less of everything, to see that it works
  --large  more of what takes long, for a scenario that says so
  --json   progress on standard error, one JSON object as the last line of standard output
  --help   this text
`

/** Reads the arguments after the program's name, or throws a UsageError. */
export const parseOptions = (args: ReadonlyArray<string>): Options => {
  const { values, positionals } = parsed(args)
  const [scenario, ...more] = positionals
  if (more.length > 0) throw new UsageError(`One scenario at a time: "${scenario}" or "${more[0]}"?`)
  return {
    scenario,
    quick: values.quick ?? false,
    large: values.large ?? false,
    json: values.json ?? false,
    help: values.help ?? false,
  }
}

const parsed = (args: ReadonlyArray<string>) => {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: {
        quick: { type: "boolean" },
        large: { type: "boolean" },
        json: { type: "boolean" },
        help: { type: "boolean", short: "h" },
      },
    })
  } catch (error) {
    const [sentence] = String(error instanceof Error ? error.message : error).split(/\.\s|\n/)
    throw new UsageError(`${sentence?.replace(/\.$/, "")}. See --help.`)
  }
}
