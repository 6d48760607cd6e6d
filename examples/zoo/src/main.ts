/**
 * `npm run zoo`: hunts every broken adapter with 20 independent seeds, and runs 20,000 trials on healthy ones.
 *
 * Prints a table, the laws each mutant fell to, and with `--json` one last line of JSON. Fails where a mutant escapes, a
 * healthy store is accused, or a mutant needs more than three times the trials of the committed baseline (the kit has
 * lost its teeth). `--write-baseline` takes the numbers of this run as the new baseline. `--laws` writes `docs/laws.md`
 * instead (with `--check` it only compares). `--search 30` looks for 30 minutes for a schedule of several processes on a
 * simulated server that breaks a law, from a seed (`--seed`). The work is split over two processes; the seeds fix every plan and schedule,
 * so the numbers are the same on every machine.
 */
import { execFile } from "node:child_process"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { Zoo } from "@holdfast/core/testing"
import { lostTeeth, readBaseline, writeBaseline } from "./baseline.ts"

const seeds = Array.from({ length: 20 }, (_, index) => index + 1)
const controlTrials = 20_000
const processes = 2

interface Part {
  readonly caught: ReadonlyArray<Zoo.Caught & { readonly millis: number }>
  readonly alarms: number
  readonly trials: number
  readonly first: string | undefined
}

/** Every n-th mutant, and its share of the control trials. */
const work = (part: number): Part => {
  const hunts = [
    ...Zoo.mutants.map((mutant) => () => Zoo.hunt(mutant, seeds)),
    ...Zoo.requestMutants.map((mutant) => () => Zoo.huntRequests(mutant, seeds)),
  ]
  const caught = hunts
    .filter((_, index) => index % processes === part)
    .map((hunt) => {
      const began = performance.now()
      const found = hunt()
      return { ...found, millis: Math.round(performance.now() - began) }
    })
  const each = controlTrials / processes / Zoo.controls.length
  const controls = Zoo.controls.map((adapter) => Zoo.falseAlarms(adapter, 1_000 + part, each))
  return {
    caught,
    alarms: controls.reduce((sum, { alarms }) => sum + alarms, 0),
    trials: each * Zoo.controls.length,
    first: controls.find(({ first }) => first !== undefined)?.first,
  }
}

const partOf = async (part: number): Promise<Part> => {
  const script = fileURLToPath(import.meta.url)
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [...process.execArgv, script, "--part", String(part)],
    { maxBuffer: 16 * 1024 * 1024 },
  )
  const parsed: Part = JSON.parse(stdout)
  return parsed
}

const main = async (): Promise<void> => {
  const began = performance.now()
  const parts = await Promise.all(Array.from({ length: processes }, (_, part) => partOf(part)))
  const caught = parts.flatMap((part) => part.caught).sort((left, right) => left.name.localeCompare(right.name))
  const falseAlarms = parts.reduce((sum, { alarms }) => sum + alarms, 0)
  const trials = parts.reduce((sum, part) => sum + part.trials, 0)
  if (process.argv.includes("--write-baseline")) writeBaseline(caught)
  const problems: Array<string> = parts.flatMap(({ first }) => (first === undefined ? [] : [`false alarm: ${first}`]))
  for (const { name, caught: times, of, meanRuns, p95Runs, laws, millis } of caught) {
    const by = Object.entries(laws).map(([id, count]) => `${id} ${count}`)
    console.log(
      `${name.padEnd(40)} ${`${times}/${of}`.padStart(6)}  mean ${String(meanRuns).padStart(6)}  p95 ${String(p95Runs).padStart(5)}  ${String(millis).padStart(6)} ms  ${by.join(", ")}`,
    )
  }
  problems.push(...lostTeeth(caught, readBaseline()))
  const seconds = Math.round((performance.now() - began) / 1_000)
  console.log(`${caught.length} mutants, ${trials} trials on healthy stores, ${falseAlarms} false alarms, ${seconds} s`)
  for (const problem of problems) console.log(`! ${problem}`)
  if (process.argv.includes("--json")) {
    const mutants = caught.map(({ name, caught: times, of, meanRuns, p95Runs }) => ({
      name,
      caught: times,
      of,
      meanRuns,
      p95Runs,
    }))
    console.log(JSON.stringify({ mutants, falseAlarms }))
  }
  if (problems.length > 0) process.exitCode = 1
}

const part = process.argv.indexOf("--part")
if (process.argv.includes("--laws")) await import("./laws.ts")
else if (process.argv.includes("--search")) await import("./search.ts")
else if (part < 0) await main()
else process.stdout.write(JSON.stringify(work(Number(process.argv[part + 1]))))
