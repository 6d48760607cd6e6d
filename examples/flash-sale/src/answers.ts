/**
 * What the buyers were told. The recount compares it with what the shop holds.
 */
import { isDeepStrictEqual } from "node:util"
import type { HoldfastError } from "@holdfast/core"

/** An answer to a call that changes something. */
export interface Told {
  readonly replayed: boolean
}

export class Answers {
  /** Calls that changed something. */
  accepted = 0
  /** Answers that were served from the receipt of an earlier call. */
  replayed = 0
  /** Keys that were sent twice at once, with both accepted. */
  doubleClicks = 0
  /** Of those: not exactly one of the two is `replayed`, or they differ in anything else. */
  unequal = 0
  readonly refusals = new Map<string, number>()
  /** How long each order call took until its final answer, with every wait, in milliseconds. */
  readonly orderMillis: Array<number> = []

  hear(told: Told): void {
    if (told.replayed) this.replayed++
    else this.accepted++
  }

  hearTwice(left: Told, right: Told): void {
    this.doubleClicks++
    if (!areEqualButReplayed(left, right)) this.unequal++
  }

  /** Counts a refusal that belongs to a flash sale. Any other is a bug of the demo or of the shop. */
  hearNo(error: HoldfastError): void {
    if (!expectedCodes.has(error.code) && !error.retryable) throw error
    this.refusals.set(error.code, (this.refusals.get(error.code) ?? 0) + 1)
  }
}

const expectedCodes: ReadonlySet<string> = new Set(["OUT_OF_STOCK", "POINTS_NOT_ENOUGH", "COUPONS_SOLD_OUT"])

/** Whether two answers to one key are the same answer, given once afresh and once from the receipt. */
export const areEqualButReplayed = (left: Told, right: Told): boolean =>
  left.replayed !== right.replayed && isDeepStrictEqual({ ...left, replayed: true }, { ...right, replayed: true })
