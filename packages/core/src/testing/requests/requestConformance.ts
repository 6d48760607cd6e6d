/**
 * `requestConformance`: puts a log of coupon requests to the test of its laws, in real time, with several processes that
 * append and decide.
 */
import { Effect } from "effect"
import { textOfCause } from "../../thrown.ts"
import { KitBook, type KitReport } from "../kit/KitReport.ts"
import { requestLaws } from "./requestLaws.ts"
import { type RequestLogAdapter, requestTrial } from "./requestTrial.ts"

export interface RequestOptions {
  /** How many trials. 10. */
  readonly rounds?: number | undefined
  /** Fixes what is appended and when slices come again. 1. */
  readonly seed?: number | undefined
  /** How long nothing may be decided before what is missing counts as lost, in milliseconds. 30,000. */
  readonly settleMillis?: number | undefined
}

/** Runs the laws of a request log. Never fails: what is wrong is in the report. */
export const requestConformance = Effect.fnUntraced(function* (
  adapter: RequestLogAdapter,
  { rounds = 10, seed = 1, settleMillis = 30_000 }: RequestOptions = {},
): Effect.fn.Return<KitReport> {
  const book = new KitBook(requestLaws)
  for (let round = 0; round < rounds; round++) {
    const trial = Effect.scoped(requestTrial(adapter, seed * 1_000 + round, settleMillis, book))
    yield* Effect.catchCause(trial, (cause) =>
      Effect.sync(() => book.broken("REQ-01", `The trial did not end. ${textOfCause(cause)}`)),
    )
  }
  return book.report(adapter.name, seed, rounds)
})
