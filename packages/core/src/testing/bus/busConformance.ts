/**
 * `busConformance`: puts a bus of events to the test of its laws, in real time, on whatever keeps its events.
 */
import { Effect } from "effect"
import { textOfCause } from "../../thrown.ts"
import type { BusAdapter } from "./BusAdapter.ts"
import { type BusLaw, busLaws } from "./busLaws.ts"
import { busTrial } from "./busTrial.ts"

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

/** Runs the laws of the bus. Never fails: what is wrong is in the report. */
export const busConformance = Effect.fnUntraced(function* (
  adapter: BusAdapter,
  { rounds = 20, crashes = 2, seed = 1, settleMillis = 30_000 }: BusOptions = {},
): Effect.fn.Return<BusReport> {
  const found = new Map<BusLaw["id"], { readonly message: string; readonly seed: number }>()
  const crashed = adapter.crash === undefined ? 0 : Math.min(rounds, crashes)
  for (let round = 0; round < rounds; round++) {
    const of = seed * 1_000 + round
    const trial = Effect.scoped(busTrial(adapter, of, round < crashed, settleMillis))
    const broken = yield* Effect.catchCause(trial, (cause) =>
      Effect.succeed({ "BUS-01": `The trial did not end. ${textOfCause(cause)}` }),
    )
    for (const { id } of busLaws) {
      const message: string | undefined = { "BUS-02": undefined, "BUS-03": undefined, ...broken }[id]
      if (message !== undefined && !found.has(id)) found.set(id, { message, seed: of })
    }
  }
  const laws = busLaws.map((law): BusLawReport => {
    const breach = found.get(law.id)
    if (breach !== undefined) return { ...law, ...breach, verdict: "broken" }
    return { ...law, verdict: law.needs === "crash" && crashed === 0 ? "untested" : "held" }
  })
  return { name: adapter.name, ok: found.size === 0, laws }
})
