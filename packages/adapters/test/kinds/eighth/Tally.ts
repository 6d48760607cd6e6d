/**
 * A tally: how many units of a product an account has taken. A kind that exists only in a test, to show what one needs.
 */
import type { AccountId, ProductId } from "../values.ts"

export interface Tally {
  readonly accountId: AccountId
  readonly productId: ProductId
  /** A counter: it moves by addition. */
  readonly units: number
  /** A term, with `version`. */
  readonly note: string
  readonly version: number
}

export const countUp = (tally: Tally, units: number): Tally => ({ ...tally, units: tally.units + units })
