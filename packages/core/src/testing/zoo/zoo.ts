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

/** The trials of a standard run, one after the other. */
function* attemptsOf(adapter: Adapter, seed: number, rounds = standardRounds, needs?: "processes"): Generator<Attempt> {
  for (let round = 0; round < rounds; round++) yield* roundOf(adapter, seed, round, needs)
}

function* roundOf(adapter: Adapter, seed: number, round: number, needs?: "processes"): Generator<Attempt> {
  for (const [index, workload] of workloadsFor(adapter).entries()) {
    if (needs !== undefined && workload.needs !== needs) continue
    const { plan, strategy } = trialAt(seed, round, index, workload)
    yield simulate(adapter, plan, strategy, seed)
  }
}

/** Hunts one mutant with each of the seeds. */
export const hunt = ({ name, adapter }: Mutant, seeds: ReadonlyArray<number>): Caught => {
  const runs: Array<number> = []
  const by: { [id: string]: number } = {}
  for (const seed of seeds) {
    let tried = 0
    // What shows only among processes is hunted with their workloads alone: the others would cost twice as much again.
    const needs = adapter.processes === undefined ? undefined : "processes"
    for (const attempt of attemptsOf(adapter, seed, standardRounds, needs)) {
      tried++
      const breach = breachOf(attempt, laws)
      if (breach === undefined) continue
      runs.push(tried)
      by[breach.law.id] = (by[breach.law.id] ?? 0) + 1
      break
    }
  }
  runs.sort((left, right) => left - right)
  const mean = runs.reduce((sum, each) => sum + each, 0) / Math.max(1, runs.length)
  return {
    name,
    caught: runs.length,
    of: seeds.length,
    meanRuns: Math.round(mean * 10) / 10,
    p95Runs: runs[Math.min(runs.length - 1, Math.floor(runs.length * 0.95))] ?? 0,
    laws: by,
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
  let tried = 0
  for (const attempt of attemptsOf(adapter, seed, Math.ceil(trials / workloadsFor(adapter).length))) {
    if (tried++ >= trials) break
    const breach = breachOf(attempt, laws)
    if (breach === undefined) continue
    alarms++
    first ??= `${adapter.name}: ${breach.law.id} ${breach.violation.message}`
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
      for (const attempt of roundOf(adapter, seed, round, needs)) {
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
