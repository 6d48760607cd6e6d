/**
 * The `Ranking` port: what was sold in windows of whole days, added up and sorted as it is sold, for shops with so many
 * products that adding up a window takes long.
 *
 * Everything in it comes from the store and is put as absolute numbers, so a repeat changes nothing. One feeder fills it.
 * It may be wiped at any moment: then it is not complete, answers nothing, and is filled again.
 */
import { Context, type Effect } from "effect"
import * as Options from "../options.ts"
import type { ProductSales, SalesWindow } from "../popularity/SalesBucket.ts"
import type { CacheFault } from "./SharedCache.ts"

export interface RankingGuarantees {
  /** What the ranking is called in messages. */
  readonly name: string
  /** Who may use the same ranking at once. */
  readonly scope: "one process" | "many machines"
  /** No call takes longer than this. */
  readonly timeoutMillis: number
  /** The lengths of the windows that are kept, in days, at least one: each ends with the hour that it was filled to. */
  readonly days: readonly [number, ...ReadonlyArray<number>]
  /** It answers nothing that is older. */
  readonly mostAgeMillis: number
}

/** The windows of a ranking where its host names none: as `popularity.top` has it. */
export const defaultRankingDays: RankingGuarantees["days"] = [3]

/** What the windows of a ranking must be: more of them, or longer ones, would make each sale dear. */
export const rankingDays: Options.Check = Options.must("1 to 4 different whole numbers from 1 to 31", (days) => {
  if (!Array.isArray(days) || days.length < 1 || days.length > 4 || new Set(days).size < days.length) return false
  return days.every((each: unknown) => Number.isInteger(each) && Number(each) >= 1 && Number(each) <= 31)
})

/** Who fills the ranking, and with which of its steps. */
export interface FeederStep {
  /** A value that no other feeder uses. */
  readonly feeder: string
  /** Grows with every step, and with every repeat of one. */
  readonly number: number
  /** The last step that the ranking is known to have taken: where it has not, it has lost something. 0 after `begin`. */
  readonly after: number
}

/** The products sold most, as the ranking has them. */
export interface Ranked {
  /** Most sold first, ties by product id; sums of 0 left out, retired products not. */
  readonly sales: ReadonlyArray<ProductSales>
  /** How long ago the moment was that its feeder has vouched for: nothing is missing that was committed before. */
  readonly ageMillis: number
}

/** What a ranking does: see {@link Ranking}. */
export interface RankingShape {
  readonly guarantees: RankingGuarantees
  /** Whether it is asked nothing for the moment, after several faults: for dashboards. Absent where that never is. */
  readonly isLeftAlone?: (() => boolean) | undefined
  /** Empties it for a feeder, whose windows end before `untilHour`. It answers nothing until the feeder vouches for it. */
  readonly begin: (feeder: string, untilHour: number) => Effect.Effect<void, CacheFault>
  /**
   * Sets what was sold of products in an hour, in all. Hours that no window has any more are passed over; one after the end
   * of the windows is refused.
   */
  readonly put: (
    step: FeederStep,
    hour: number,
    sales: ReadonlyArray<ProductSales>,
  ) => Effect.Effect<boolean, CacheFault>
  /** Moves the end of every window on by an hour, to `untilHour`; nothing where it is there already. */
  readonly roll: (step: FeederStep, untilHour: number) => Effect.Effect<boolean, CacheFault>
  /** Remembers the moment, by the ranking's own clock: before its feeder looks whether everything is in. */
  readonly mark: (step: FeederStep) => Effect.Effect<boolean, CacheFault>
  /** The feeder's word that everything is in that was committed before the last `mark`: from now on it is answered. */
  readonly vouch: (step: FeederStep) => Effect.Effect<boolean, CacheFault>
  /** The first `limit` products of a window. Undefined where the window is not kept, or nobody vouches for it. */
  readonly top: (window: SalesWindow, limit: number) => Effect.Effect<Ranked | undefined, CacheFault>
  /** Empties it. Its feeder finds out, and fills it again. */
  readonly clear: Effect.Effect<void, CacheFault>
}

/**
 * A ranking that one feeder fills.
 *
 * **Atomicity.** Every call happens as a whole or not at all.
 *
 * **Isolation.** One feeder at a time: `begin` ends the one before it. Its steps are refused, answered with false, from
 * then on.
 *
 * **Idempotency.** All steps may be repeated, with a greater number. What a fault left open is settled by
 * the repeat.
 *
 * **Order.** Of a feeder's steps only a greater number is taken than all before it.
 *
 * **Failure.** It may lose anything at any time. A step that comes after a lost one is refused, and what is not whole is
 * not answered. A fault means: ask the store. No call waits longer than `guarantees.timeoutMillis`.
 */
export class Ranking extends Context.Service<Ranking, RankingShape>()("@holdfast/core/Ranking") {}
