/**
 * The statements of a batch on a simulated server, in the order in which a database adapter sends them, and the unique keys
 * that they meet beside those of their rows.
 */
import type { Puts } from "../../decision/Changes.ts"
import type { KindName, RecordOf } from "../../decision/kinds.ts"
import { keyText } from "../../values.ts"

export interface Statement {
  readonly kind: KindName
  readonly changes: boolean
  readonly inserts: boolean
}

type Written<S extends ReadonlyArray<Statement>> = S[number]["kind"]

/** Does not compile where a kind has no statement, and names that kind. */
const ofEveryKind = <const S extends ReadonlyArray<Statement>>(
  list: S & (KindName extends Written<S> ? unknown : { readonly "no statement for": Exclude<KindName, Written<S>> }),
): ReadonlyArray<Statement> => list

/** New coupons come behind the row of the campaign that gives their tickets, receipts before the hottest rows. */
export const statements = ofEveryKind([
  { kind: "position", changes: true, inserts: true },
  { kind: "account", changes: true, inserts: true },
  { kind: "coupon", changes: true, inserts: false },
  { kind: "campaign", changes: true, inserts: true },
  { kind: "coupon", changes: false, inserts: true },
  { kind: "order", changes: true, inserts: true },
  { kind: "receipt", changes: true, inserts: true },
  { kind: "product", changes: true, inserts: true },
  { kind: "bucket", changes: true, inserts: true },
  { kind: "terms", changes: true, inserts: true },
  { kind: "verdict", changes: true, inserts: true },
])

/** The operations whose receipts stand in the rows that they make, and the kind whose statement writes these. */
const homes: { readonly [operation: string]: KindName } = {
  "orders.place": "order",
  "points.charge": "account",
  "coupons.issue": "coupon",
}

/** The names of the receipts that are written by the statement of a kind, not in rows of their own. */
export const receiptsWrittenWith = (kind: KindName, { receipt }: Puts): ReadonlyArray<string> =>
  receipt.flatMap(({ after }) => (homes[after.operation] === kind ? [receiptName(after)] : []))

/** What a new row takes for itself beside its key. */
export const uniqueNames = <K extends KindName>(kind: K, record: RecordOf[K]): ReadonlyArray<string> =>
  kind === "coupon" && "ticket" in record ? [keyText(["ticket", record.campaignId, record.ticket])] : []

export const receiptName = ({ scope, operation, key }: RecordOf["receipt"]): string =>
  keyText(["receipt", scope, operation, key])
