/**
 * A feeder that dies behind its word: what it has filled is answered until the moment that it marked is too long ago, and no
 * longer.
 */
import { Effect } from "effect"
import type { CacheFault, RankingShape } from "../../ports/index.ts"
import { ProductId, Quantity } from "../../values.ts"
import type { KitBook } from "../kit/KitReport.ts"

const untilHour = 500_000
/** By how much clocks may part while an answer becomes too old. */
const drift = 0.01
const clockStepMillis = 20

export const ageTrial = Effect.fnUntraced(function* (
  ranking: RankingShape,
  feeder: string,
  book: KitBook,
): Effect.fn.Return<void, CacheFault> {
  const { days, mostAgeMillis } = ranking.guarantees
  const top = ranking.top({ fromHour: untilHour - 24 * days[0], untilHour }, 9)
  const step = (number: number) => ({ feeder, number, after: number - 1 })
  yield* ranking.begin(feeder, untilHour)
  yield* ranking.put(step(1), untilHour - 1, [{ productId: ProductId.make("a"), sold: Quantity.make(1) }])
  yield* ranking.mark(step(2))
  yield* Effect.sleep(mostAgeMillis / 2)
  yield* ranking.vouch(step(3))
  if ((yield* top) === undefined) {
    return book.broken("RANK-05", "A whole ranking answered nothing, half its most age after its moment.")
  }
  const restMillis = mostAgeMillis * (1 / 2 + drift) + clockStepMillis
  yield* Effect.sleep(restMillis)
  const late = yield* top
  if (late !== undefined) {
    const sinceMillis = Math.round(mostAgeMillis / 2 + restMillis)
    book.broken(
      "RANK-05",
      `A list was answered ${sinceMillis} ms after its moment, and none is to be older than ${mostAgeMillis} ms. It was said to be ${late.ageMillis} ms old.`,
    )
  }
  book.saw("an answer became too old")
})
