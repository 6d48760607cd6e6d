/**
 * The tables of all kinds and ledgers, and the order in which a batch writes them.
 */
import { type KindName, kindNames, type LedgerName } from "@holdfast/core/ports"
import { account, entry } from "./account.ts"
import { bucket } from "./bucket.ts"
import { campaign } from "./campaign.ts"
import { coupon } from "./coupon.ts"
import type { KindTable } from "./kindTable.ts"
import type { LedgerTable } from "./ledgerTable.ts"
import { order } from "./order.ts"
import { movement, product } from "./product.ts"
import type { Reading } from "./reading.ts"
import { receipt } from "./receipt.ts"
import { position, verdict } from "./request.ts"
import { terms } from "./terms.ts"

export const kindTables: { readonly [K in KindName]: KindTable<K> } = {
  position,
  account,
  coupon,
  campaign,
  order,
  product,
  bucket,
  terms,
  verdict,
  receipt,
}

export const ledgerTables: { readonly [L in LedgerName]: LedgerTable<L> } = { entry, movement }

/** How the records of every kind are found, in the one order of kinds in which everything locks. Receipts come last. */
export const readings: ReadonlyArray<Reading> = kindNames.flatMap((kind) => kindTables[kind].readings)

/**
 * Where the statements of a kind stand in a batch: those that change rows, and those that insert some.
 *
 * The order is the lock order of the kinds, but for two things. New coupons come behind the row of the campaign that gives
 * their tickets: two batches that give the same ticket would else wait for each other, one for the ticket and one for the
 * row. Receipts come behind everything that they could wait behind, and before the hottest rows.
 */
export const placesOf = (kind: KindName): { readonly changes: number; readonly inserts: number } => {
  const own = kindNames.indexOf(kind)
  if (kind === "receipt") return { changes: behind("order"), inserts: behind("order") }
  return { changes: own, inserts: kind === "coupon" ? behind("campaign") : own }
}

const behind = (kind: KindName): number => kindNames.indexOf(kind) + 0.5
