/**
 * `busConformance`: puts a bus of events to the test of its laws, in real time, on whatever keeps its events.
 */
import { Cause, Effect, Exit, Option } from "effect"
import type { BusFault } from "../../ports/index.ts"
import { textOfCause } from "../../thrown.ts"
import { within } from "../kit/inTime.ts"
import type { BusAdapter } from "./BusAdapter.ts"
import { type BusLaw, busLaws } from "./busLaws.ts"
import { type Broken, busTrial, type GaveUp } from "./busTrial.ts"

export interface BusOptions {
  /** How many trials. 20. */
  readonly rounds?: number | undefined
  /** In how many of them, from the first one on, there is a crash. 2, where the adapter has one. */
  readonly crashes?: number | undefined
  /** Fixes what is published and how handlers behave. 1. */
  readonly seed?: number | undefined
  /** How long nothing may come before what is missing counts as lost, in milliseconds. 30,000. */
  readonly settleMillis?: number | undefined
}

export interface BusLawReport extends BusLaw {
  readonly verdict: "held" | "broken" | "untested"
  /** How it was broken first, and in the trial of which seed. */
  readonly message?: string | undefined
  readonly seed?: number | undefined
}

export interface BusReport {
  readonly name: string
  readonly ok: boolean
  readonly laws: ReadonlyArray<BusLawReport>
}

/** A trial in which something moves all the time ends after so many times as long as nothing may, and this much beside. */
const mostSettlings = 10
const leastMillis = 30_000

interface Ended {
  readonly broken: Broken
  readonly isLast: boolean
}

/** How laws were broken in a trial that came to no good end, and whether another one has nothing to tell. */
const unended = (exit: Exit.Failure<Broken, BusFault | GaveUp> | undefined, trialMillis: number): Ended => {
  if (exit === undefined) {
    const message = `A trial had not ended after ${trialMillis} ms: its bus hangs, or the closing of it.`
    return { broken: { "BUS-05": message }, isLast: true }
  }
  const failure = Option.getOrUndefined(Cause.findErrorOption(exit.cause))
  return failure?._tag === "GaveUp"
    ? { broken: { [failure.law]: failure.message }, isLast: true }
    : { broken: { "BUS-01": `The trial did not end. ${textOfCause(exit.cause)}` }, isLast: false }
}

/** Runs the laws of the bus. Never fails: what is wrong is in the report. */
export const busConformance = Effect.fnUntraced(function* (
  adapter: BusAdapter,
  { rounds = 20, crashes = 2, seed = 1, settleMillis = 30_000 }: BusOptions = {},
): Effect.fn.Return<BusReport> {
  const found = new Map<BusLaw["id"], { readonly message: string; readonly seed: number }>()
  const trialMillis = mostSettlings * (settleMillis + leastMillis)
  const crashed = adapter.crash === undefined ? 0 : Math.min(rounds, crashes)
  for (let round = 0; round < rounds; round++) {
    const of = seed * 1_000 + round
    const exit = yield* within(Effect.scoped(busTrial(adapter, of, round < crashed, settleMillis)), trialMillis)
    const isWhole = exit !== undefined && Exit.isSuccess(exit)
    const { broken, isLast }: Ended = isWhole ? { broken: exit.value, isLast: false } : unended(exit, trialMillis)
    for (const { id } of busLaws) {
      const message = broken[id]
      if (message !== undefined && !found.has(id)) found.set(id, { message, seed: of })
    }
    // What hangs in one trial hangs in the next, and each of them would take its time.
    if (isLast) break
  }
  const laws = busLaws.map((law): BusLawReport => {
    const breach = found.get(law.id)
    if (breach !== undefined) return { ...law, ...breach, verdict: "broken" }
    return { ...law, verdict: law.needs === "crash" && crashed === 0 ? "untested" : "held" }
  })
  return { name: adapter.name, ok: found.size === 0, laws }
})
