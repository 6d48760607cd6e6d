/**
 * `npm run zoo`: hunts every broken adapter with 20 independent seeds, and runs 20,000 trials on healthy ones.
 *
 * Prints a table, the laws each mutant fell to, and with `--json` one last line of JSON. Fails where a mutant escapes, a
 * healthy store is accused, or a mutant needs more than three times the trials of the committed baseline (the kit has
 * lost its teeth). Each mutant is hunted with the workloads that the baseline names first, and with all the others where
 * those do not catch it. `--write-baseline` hunts with all of them, and takes the numbers of this run as the new baseline.
 * `--laws` writes `docs/laws.md` instead (with `--check` it only compares). `--search 30` looks for 30 minutes for a schedule
 * of several processes on a simulated server that breaks a law, from a seed (`--seed`). Two processes share the work; the
 * seeds fix every plan and schedule, so the numbers are the same on every machine.
 */
import { type ChildProcess, fork } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { Zoo } from "@holdfast/core/testing"
import { lostTeeth, readBaseline, writeBaseline } from "./baseline.ts"

const seeds = Array.from({ length: 20 }, (_, index) => index + 1)
const controlTrials = 20_000
const processes = 2
/** In so many pieces each healthy store is tried. */
const pieces = 2

type Caught = Zoo.Caught & { readonly millis: number }
interface Control {
  readonly alarms: number
  readonly trials: number
  readonly first: string | undefined
}
type Answer = { readonly caught: Caught } | { readonly control: Control }

const writes = process.argv.includes("--write-baseline")

/** The work in pieces, the longest first, so that both processes end at about the same time. */
const tasks = (): ReadonlyArray<() => Answer> => {
  const baseline = readBaseline()
  const usual = (name: string): number => baseline[name]?.meanRuns ?? 0
  const telling = (name: string): ReadonlyArray<string> => (writes ? [] : (baseline[name]?.workloads ?? []))
  const each = Math.ceil(controlTrials / pieces / Zoo.controls.length)
  const controls = Zoo.controls.flatMap((adapter) =>
    Array.from({ length: pieces }, (_, piece) => (): Answer => {
      return { control: { trials: each, ...Zoo.falseAlarms(adapter, 1_000 + piece, each) } }
    }),
  )
  const hunts = [
    ...Zoo.mutants.map((mutant) => ({
      name: mutant.name,
      hunt: () => Zoo.hunt(mutant, seeds, telling(mutant.name)),
    })),
    ...Zoo.requestMutants.map((mutant) => ({ name: mutant.name, hunt: () => Zoo.huntRequests(mutant, seeds) })),
  ].sort((left, right) => usual(right.name) - usual(left.name))
  return [
    ...controls,
    ...hunts.map(({ hunt }) => () => ({ caught: timed(hunt) })),
  ]
}

const timed = (hunt: () => Zoo.Caught): Caught => {
  const began = performance.now()
  const caught = hunt()
  return { ...caught, millis: Math.round(performance.now() - began) }
}

/** A process of its own, which answers the tasks that it is sent. */
const work = (): void => {
  const all = tasks()
  process.on("message", (task: number) => process.send?.(all[task]?.()))
}

const answersOf = async (): Promise<ReadonlyArray<Answer>> => {
  const waiting = Array.from(tasks().keys())
  const answers: Array<Answer> = []
  const serve = async (): Promise<void> => {
    const worker = fork(fileURLToPath(import.meta.url), [...process.argv.slice(2), "--worker"])
    const ended = once(worker, "exit").then(([code]) => Promise.reject(new Error(`A worker ended with ${code}.`)))
    try {
      for (let task = waiting.shift(); task !== undefined; task = waiting.shift()) {
        answers.push(await Promise.race([ask(worker, task), ended]))
      }
    } finally {
      ended.catch(() => {})
      worker.kill()
    }
  }
  await Promise.all(Array.from({ length: processes }, serve))
  return answers
}

const ask = async (worker: ChildProcess, task: number): Promise<Answer> => {
  const answered = once(worker, "message")
  worker.send(task)
  const [answer]: Array<Answer> = await answered
  if (answer === undefined) throw new Error("A worker answered nothing.")
  return answer
}

const main = async (): Promise<void> => {
  const began = performance.now()
  const answers = await answersOf()
  const caught = answers
    .flatMap((answer) => ("caught" in answer ? [answer.caught] : []))
    .sort((left, right) => left.name.localeCompare(right.name))
  const controls = answers.flatMap((answer) => ("control" in answer ? [answer.control] : []))
  const falseAlarms = controls.reduce((sum, { alarms }) => sum + alarms, 0)
  const trials = controls.reduce((sum, control) => sum + control.trials, 0)
  if (writes) writeBaseline(caught)
  const problems: Array<string> = controls.flatMap(({ first }) =>
    first === undefined ? [] : [`false alarm: ${first}`],
  )
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

if (process.argv.includes("--laws")) await import("./laws.ts")
else if (process.argv.includes("--search")) await import("./search.ts")
else if (process.argv.includes("--worker")) work()
else await main()
