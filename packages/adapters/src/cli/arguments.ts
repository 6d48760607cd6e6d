/**
 * What was asked of the `holdfast` command.
 */
import { parseArgs } from "node:util"

export const usage = `Usage: holdfast <command> [options]

  migrate   creates the shop's schema or brings it up to date
  sql       prints the SQL that does the same, for other migration tools
  audit     recounts every promise of the shop, changing nothing; exit code 1 where one is broken
  doctor    looks at the server, the schema and the outbox, and says what is wrong and what to do

  --url <url>        postgres://user:password@host:port/database (default: $DATABASE_URL)
  --schema <name>    the schema that holds the shop (default: holdfast)
  --after <version>  sql: the version that the schema has already (default: 0, it does not exist)
  --json             audit, doctor: prints one JSON document
  --help             prints this`

export interface Options {
  /** Empty for `sql`, which asks nobody. */
  readonly url: string
  readonly schema: string
  readonly after: number
  readonly json: boolean
}

type CommandName = "migrate" | "sql" | "audit" | "doctor"

/** Which options a command has beside the schema. */
const takes: { readonly [Name in CommandName]: ReadonlyArray<string> } = {
  migrate: ["url"],
  sql: ["after"],
  audit: ["url", "json"],
  doctor: ["url", "json"],
}

export type Asked =
  | { readonly _tag: "Command"; readonly command: CommandName; readonly options: Options }
  | { readonly _tag: "Help" }
  | { readonly _tag: "Unclear"; readonly why: string }

const options = {
  url: { type: "string" },
  schema: { type: "string" },
  after: { type: "string" },
  json: { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const

const unclear = (why: string): Asked => ({ _tag: "Unclear", why })

/** Reads the arguments behind the program's name. `databaseUrl` stands in for a missing `--url`. */
export const asked = (args: ReadonlyArray<string>, databaseUrl: string | undefined): Asked => {
  const parsed = parse(args)
  if (typeof parsed === "string") return unclear(parsed)
  const { positionals, values } = parsed
  const [command, ...more] = positionals
  if (values.help === true || command === "help") return { _tag: "Help" }
  if (command === undefined) return unclear("Say what to do.")
  if (!isCommand(command)) return unclear(`There is no command "${command}".`)
  if (more.length > 0) return unclear(`"${more.join(" ")}" is one word too many.`)
  const foreign = Object.keys(values).find((name) => name !== "schema" && !takes[command].includes(name))
  if (foreign !== undefined) return unclear(`${command} has no option --${foreign}.`)
  const { schema = "holdfast", after = "0", json = false, url = databaseUrl ?? "" } = values
  if (schema === "") return unclear("--schema must not be empty.")
  if (!/^\d{1,6}$/.test(after)) return unclear("--after must be a version, such as 1.")
  if (takes[command].includes("url") && !/^postgres(ql)?:\/\//.test(url))
    return unclear("Say which database with --url postgres://…, or set DATABASE_URL.")
  return { _tag: "Command", command, options: { url, schema, after: Number(after), json } }
}

const parse = (args: ReadonlyArray<string>) => {
  try {
    return parseArgs({ args: [...args], options, allowPositionals: true })
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

const isCommand = (name: string): name is CommandName => Object.hasOwn(takes, name)
