/**
 * `npm run bench -- <scenario>`: runs one scenario and says what it measured.
 */
import { relative } from "node:path"
import { Ending } from "./ending.ts"
import { type Environment, environmentNow, environmentText } from "./environment.ts"
import { heapIsEnough, runAgainWithHeap } from "./heap.ts"
import { helpText, type Options, parseOptions, UsageError } from "./options.ts"
import { writePage } from "./page.ts"
import { loadScenarios } from "./registry.ts"
import { table } from "./report.ts"
import type { Result, Scenario } from "./Scenario.ts"

const say = (text: string): void => {
  process.stderr.write(`${text}\n`)
}

const ending = new Ending()

const main = async (): Promise<void> => {
  const options = parseOptions(process.argv.slice(2))
  const scenarios = await loadScenarios()
  const { scenario: name, help } = options
  if (help || name === undefined) {
    process.stdout.write(`${helpText}\nScenarios:\n${list(scenarios)}`)
    return
  }
  const scenario = scenarios.get(name)
  if (scenario === undefined) throw new UsageError(`There is no scenario "${name}". There is:\n${list(scenarios)}`)
  const megabytes = scenario.heapMegabytes?.(options) ?? 0
  if (heapIsEnough(megabytes)) return measure(scenario, options)
  say(`The default heap is too small for "${name}": starting again with ${megabytes.toLocaleString("en-US")} MB.`)
  process.exitCode = runAgainWithHeap(megabytes)
}

const measure = async (scenario: Scenario, { quick, large, json }: Options): Promise<void> => {
  const environment = environmentNow()
  say(environmentText(environment))
  const result = await scenario.run({ quick, large, progress: (text) => say(`  ${text}`), atEnd: ending.later })
  const file = await writePage(scenario, environment, result)
  say(`  plots: ${relative(process.cwd(), file)}`)
  process.stdout.write(json ? `${jsonOf(scenario, environment, result)}\n` : table(result))
  if (!result.audit.ok) process.exitCode = 1
}

const jsonOf = ({ name }: Scenario, environment: Environment, { ratios, figures, audit }: Result): string =>
  JSON.stringify({ scenario: name, ratios, figures, audit, environment })

const list = (scenarios: ReadonlyMap<string, Scenario>): string =>
  Array.from(scenarios.values(), ({ name, about }) => `  ${name.padEnd(10)} ${about}\n`).join("")

/** Ends the program, whatever is still open. What went wrong is said before anything is cleaned up. */
const end = async (code: number, why?: unknown): Promise<never> => {
  if (why !== undefined) {
    say(why instanceof UsageError ? why.message.trimEnd() : String(why instanceof Error ? why.stack : why))
  }
  await ending.now(say)
  process.exit(code)
}

process.once("uncaughtException", (error) => void end(1, error))
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => void end(130, `Ended by ${signal}.`))

await main().then(
  () => end(Number(process.exitCode ?? 0)),
  (error: unknown) => end(error instanceof UsageError ? 2 : 1, error),
)
