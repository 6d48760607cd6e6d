/**
 * A change set as statements: the same ones, whether its records were locked or read from a snapshot. Their guards hold
 * trivially in the first case.
 *
 * The order is the lock order of the kinds, with new coupons behind the campaign that gives their tickets, the receipts
 * (keys of the caller's choice) after everything they could wait behind, the products and buckets last because they are
 * hottest, and the outbox row after the last row lock.
 */
import type { ChangeSet, KindName } from "@holdfast/core"
import { accountStatements } from "./statements/account.ts"
import { bucketStatements } from "./statements/bucket.ts"
import { campaignStatements } from "./statements/campaign.ts"
import { changedCouponStatements, newCouponStatements } from "./statements/coupon.ts"
import { orderStatements } from "./statements/order.ts"
import { outboxStatements } from "./statements/outbox.ts"
import { productStatements } from "./statements/product.ts"
import { ReceiptsOfBatch, receiptStatements } from "./statements/receipt.ts"
import type { Statement } from "./wire.ts"

/** A statement that applies changes, and the kind it changes. */
export interface ApplyStatement extends Statement {
  readonly kind: KindName | "event"
}

/** Events are left out where nobody `isHeard` by. */
export const applyStatements = ({ puts, appends }: ChangeSet, isHeard: boolean): ReadonlyArray<ApplyStatement> => {
  const receipts = new ReceiptsOfBatch(puts.receipt)
  return [
    ...of("account", accountStatements(puts.account, appends.entry, receipts)),
    ...of("coupon", changedCouponStatements(puts.coupon)),
    ...of("campaign", campaignStatements(puts.campaign)),
    ...of("coupon", newCouponStatements(puts.coupon, receipts)),
    ...of("order", orderStatements(puts.order, receipts)),
    // The rows above have taken theirs.
    ...of("receipt", receiptStatements(receipts.rest)),
    ...of("product", productStatements(puts.product, appends.movement)),
    ...of("bucket", bucketStatements(puts.bucket)),
    ...of("event", outboxStatements(appends.event, isHeard)),
  ]
}

const of = (kind: ApplyStatement["kind"], statements: ReadonlyArray<Statement>): ReadonlyArray<ApplyStatement> =>
  statements.map(({ sql, params }) => ({ kind, sql, params }))
