/**
 * The zoo at work: how soon each broken adapter is caught, which law catches which, and whether healthy ones are accused.
 *
 * A trial of the zoo is one conformance run in the standard profile that stops at its first catch, so what is measured
 * here is what users get.
 */

import { Effect, Layer } from "effect"
import { InterleavingStore, MemoryStore } from "../../memory/index.ts"
import { Store } from "../../ports/index.ts"
import { type Adapter, type Attempt, breachOf, simulate } from "../conformance/Adapter.ts"
import { standardRounds, trialAt } from "../conformance/trials.ts"
import type { Law } from "../laws/Law.ts"
import { laws } from "../laws/laws.ts"
import type { Workload } from "../workloads/Workload.ts"
import { workloadsFor } from "../workloads/workloads.ts"
import { looseGuarantees, makeLooseStore, reopenLooseStore } from "./LooseStore.ts"
import type { Mutant } from "./Mutant.ts"
import { mutants } from "./mutants.ts"
import { simulatedServer } from "./simulatedServer.ts"

/** How a mutant fared over several seeds. */
export interface Caught {
  readonly name: string
  /** In how many of the seeds it was caught, out of how many. */
  readonly caught: number
  readonly of: number
  /** Trials until it was caught, on average and for all but one in twenty. */
  readonly meanRuns: number
  readonly p95Runs: number
  /** The laws that caught it first, with how often. */
  readonly laws: { readonly [id: string]: number }
  /** The workloads that did. */
  readonly workloads: { readonly [name: string]: number }
}

/** Stores that keep every law: whoever accuses one of them is wrong. */
export const controls: ReadonlyArray<Adapter> = [
  { name: "memory", layer: MemoryStore.layer, guarantees: MemoryStore.guarantees, runs: "simulated" },
  {
    name: "interleaving, optimistic",
    layer: InterleavingStore.layer(),
    guarantees: InterleavingStore.guarantees,
    runs: "simulated",
  },
  {
    name: "interleaving, locked",
    layer: InterleavingStore.layer({ optimistic: false }),
    guarantees: InterleavingStore.guarantees,
    runs: "simulated",
  },
  simulatedServer("simulated server"),
  {
    name: "loose, with everything in place",
    layer: Layer.effect(
      Store,
      Effect.suspend(() => makeLooseStore()),
    ),
    guarantees: looseGuarantees,
    runs: "simulated",
    reopen: reopenLooseStore,
  },
  {
    name: "loose, whose waits for a standby are cancelled",
    layer: Layer.effect(
      Store,
      Effect.suspend(() => makeLooseStore({ standby: "waits" })),
    ),
    guarantees: looseGuarantees,
    runs: "simulated",
    reopen: reopenLooseStore,
  },
]

/** A trial of a standard run. */
interface Tried {
  readonly workload: string
  /** Its place in the run, from 1 on. */
  readonly run: number
  readonly attempt: Attempt
}

type Choice = (workload: Workload) => boolean
const all: Choice = () => true
const ofProcesses: Choice = ({ needs }) => needs === "processes"

/** The trials of one round of a run of the workloads `among` all: those that are wanted of them. */
function* roundOf(adapter: Adapter, seed: number, round: number, among = all, isWanted = all): Generator<Tried> {
  const run = Array.from(workloadsFor(adapter).entries()).filter(([, workload]) => among(workload))
  for (const [place, [index, workload]] of run.entries()) {
    if (!isWanted(workload)) continue
    const { plan, strategy } = trialAt(seed, round, index, workload)
    const attempt = simulate(adapter, plan, strategy, seed)
    yield { workload: workload.name, run: round * run.length + place + 1, attempt }
  }
}

/**
 * Hunts one mutant with each of the seeds.
 *
 * `telling` are the workloads that are tried first: those that caught it before. A trial depends on no other one, so what is
 * caught by them in so many rounds is caught by a run of all workloads too, no later than `run` says.
 */
export const hunt = (mutant: Mutant, seeds: ReadonlyArray<number>, telling: ReadonlyArray<string> = []): Caught => {
  const runs: Array<number> = []
  const by: { [id: string]: number } = {}
  const workloads: { [name: string]: number } = {}
  for (const seed of seeds) {
    const caught =
      firstCatch(mutant, seed, ({ name }) => telling.includes(name)) ??
      firstCatch(mutant, seed, ({ name }) => !telling.includes(name))
    if (caught === undefined) continue
    runs.push(caught.run)
    by[caught.law] = (by[caught.law] ?? 0) + 1
    workloads[caught.workload] = (workloads[caught.workload] ?? 0) + 1
  }
  return { name: mutant.name, caught: runs.length, of: seeds.length, ...howSoon(runs), laws: by, workloads }
}

const firstCatch = ({ adapter }: Mutant, seed: number, isWanted: Choice) => {
  // What shows only among processes is hunted with their workloads alone: the others would cost twice as much again.
  const among = adapter.processes === undefined ? all : ofProcesses
  if (!workloadsFor(adapter).some(isWanted)) return undefined
  for (let round = 0; round < standardRounds; round++) {
    for (const { workload, run, attempt } of roundOf(adapter, seed, round, among, isWanted)) {
      const breach = breachOf(attempt, laws)
      if (breach !== undefined) return { workload, run, law: breach.law.id }
    }
  }
  return undefined
}

/** How many trials it took. */
export const howSoon = (runs: ReadonlyArray<number>): Pick<Caught, "meanRuns" | "p95Runs"> => {
  const sorted = Array.from(runs).sort((left, right) => left - right)
  const mean = sorted.reduce((sum, each) => sum + each, 0) / Math.max(1, sorted.length)
  return {
    meanRuns: Math.round(mean * 10) / 10,
    p95Runs: sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * 0.95))] ?? 0,
  }
}

/** Runs trials on a healthy store and counts accusations, with the first one's message. */
export const falseAlarms = (
  adapter: Adapter,
  seed: number,
  trials: number,
): { readonly alarms: number; readonly first: string | undefined } => {
  let alarms = 0
  let first: string | undefined
  for (let round = 0, tried = 0; tried < trials; round++) {
    for (const { attempt } of roundOf(adapter, seed, round)) {
      if (tried++ >= trials) break
      const breach = breachOf(attempt, laws)
      if (breach === undefined) continue
      alarms++
      first ??= `${adapter.name}: ${breach.law.id} ${breach.violation.message}`
    }
  }
  return { alarms, first }
}

/**
 * Which laws accuse which mutants, in `rounds` rounds of all workloads. A law that has accused none by then is given up to
 * four times as many, and one of processes up to 24 times as many of theirs.
 */
export const matrixOf = (rounds: number, seed = 1): ReadonlyMap<string, ReadonlySet<string>> => {
  const matrix = new Map<string, Set<string>>(laws.map(({ id }) => [id, new Set()]))
  const judge = (round: number, asked: () => ReadonlyArray<Law>, needs?: "processes"): void => {
    for (const { name, adapter } of mutants) {
      if (asked().length === 0) return
      if (needs !== undefined && adapter.processes === undefined) continue
      for (const { attempt } of roundOf(adapter, seed, round, needs === undefined ? all : ofProcesses)) {
        for (const law of asked()) {
          const found = matrix.get(law.id)
          if (found !== undefined && !found.has(name) && accuses(law, attempt)) found.add(name)
        }
      }
    }
  }
  for (let round = 0; round < rounds; round++) judge(round, () => laws)
  const toothless = (needs?: "processes") =>
    laws.filter((law) => law.level !== "UNTESTED" && law.needs === needs && matrix.get(law.id)?.size === 0)
  for (let round = rounds; round < 4 * rounds; round++) judge(round, () => toothless())
  // What shows only among processes has few mutants, and workloads of its own.
  for (let round = rounds; round < 24 * rounds; round++) judge(round, () => toothless("processes"), "processes")
  return matrix
}

// A trial without an end accuses the law that every call is answered, and says nothing of the others.
const accuses = (law: Law, attempt: Attempt): boolean =>
  (attempt.record !== undefined || law.id === "STK-07") && breachOf(attempt, [law]) !== undefined
