/**
 * `requestConformance`: puts a log of coupon requests to the test of its laws, in real time, with several processes that
 * append and decide.
 */
import { Effect, Exit } from "effect"
import { textOfCause } from "../../thrown.ts"
import { within } from "../kit/inTime.ts"
import { KitBook, type KitReport } from "../kit/KitReport.ts"
import type { RequestLogAdapter } from "./RequestLogAdapter.ts"
import { requestLaws } from "./requestLaws.ts"
import { requestTrial } from "./requestTrial.ts"

export interface RequestOptions {
  /** How many trials. 10. */
  readonly rounds?: number | undefined
  /** Fixes what is appended and when slices come again. 1. */
  readonly seed?: number | undefined
  /**
   * How long nothing may be decided before what is missing counts as lost, and how long a call may take before it counts as one
   * that never ends, in milliseconds. 30,000.
   */
  readonly settleMillis?: number | undefined
}

/** A trial in which something moves all the time ends after so many times as long as nothing may. */
const mostSettlings = 20

/** Runs the laws of a request log. Never fails: what is wrong is in the report. */
export const requestConformance = Effect.fnUntraced(function* (
  adapter: RequestLogAdapter,
  { rounds = 10, seed = 1, settleMillis = 30_000 }: RequestOptions = {},
): Effect.fn.Return<KitReport> {
  const book = new KitBook(requestLaws)
  const trialMillis = mostSettlings * settleMillis
  let tried = 0
  // What hangs in one trial hangs in the next, and each of them would take its time.
  while (tried < rounds && !book.isBroken("REQ-07")) {
    const exit = yield* within(
      Effect.scoped(requestTrial(adapter, seed * 1_000 + tried++, settleMillis, book)),
      trialMillis,
    )
    if (exit === undefined) {
      book.broken(
        "REQ-07",
        `A trial had not ended after ${trialMillis} ms: its store hangs, or the closing of it or of the log.`,
      )
    } else if (Exit.isFailure(exit) && !book.isBroken("REQ-07")) {
      book.broken("REQ-01", `The trial did not end. ${textOfCause(exit.cause)}`)
    }
  }
  return book.report(adapter.name, seed, tried)
})
