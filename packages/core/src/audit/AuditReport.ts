/**
 * What an audit answers: every check with what it looked at and what it found wrong.
 *
 * The list of checks is the list of promises that a store can break. It never depends on what is stored, so two reports
 * can be compared line by line. Nothing here reads a store.
 */
import type { EventValue } from "../events/Event.ts"
import type { Key } from "../values.ts"

/**
 * Every check, in the order of the report. Checks with `between` are two-sided: what the first kind of row states must
 * stand in the second, and nothing else may stand there.
 */
const checks = [
  { id: "scan-order", title: "Scans answer in the order of their keys, each key once" },
  { id: "point-ledger", title: "Point entries are gapless and each balance is the sum so far, never below zero" },
  { id: "account-balance", title: "An account's balance is the sum of its entries, its seq their number" },
  { id: "balance-limit", title: "No charge or upward correction led above the account's balance limit" },
  { id: "stock-ledger", title: "Stock movements are gapless and each count is the sum so far, never below zero" },
  { id: "product-on-hand", title: "A product's units on hand are the sum of its movements, its revision their number" },
  { id: "coupon-tickets", title: "Tickets are 1 to the number issued, each exactly once" },
  { id: "campaign-issued", title: "A campaign issued as many coupons as it counts, and no more than its limit" },
  { id: "terms-ledger", title: "Changes of terms are gapless, each begins where the one before it ended" },
  { id: "entry-terms", title: "No account was charged or paid while it was not open" },
  { id: "movement-terms", title: "No product was sold or restocked after it was retired" },
  {
    id: "coupon-terms",
    title: "Each coupon is as its campaign was at its ticket: open, within its limit and its times",
  },
  { id: "order-sums", title: "An order's lines, shares and state add up" },
  { id: "sales-buckets", title: "Sales buckets hold the units of live orders", between: ["order", "bucket"] },
  { id: "account-receipts", title: "Open receipts and accounts match", between: ["receipt", "account"] },
  { id: "product-receipts", title: "Register receipts and products match", between: ["receipt", "product"] },
  { id: "campaign-receipts", title: "Create receipts and campaigns match", between: ["receipt", "campaign"] },
  { id: "entry-receipts", title: "Charge and adjust receipts and entries match", between: ["receipt", "entry"] },
  {
    id: "movement-receipts",
    title: "Register, restock and adjust receipts and movements match",
    between: ["receipt", "movement"],
  },
  { id: "coupon-receipts", title: "Issue receipts and coupons match", between: ["receipt", "coupon"] },
  { id: "revoke-receipts", title: "Revoke receipts and revoked coupons match", between: ["receipt", "coupon"] },
  { id: "order-receipts", title: "Place receipts and orders match", between: ["receipt", "order"] },
  {
    id: "close-receipts",
    title: "Complete and cancel receipts and closed orders match",
    between: ["receipt", "order"],
  },
  { id: "order-spends", title: "Paid orders and spend entries match", between: ["order", "entry"] },
  { id: "order-refunds", title: "Cancelled orders and refund entries match", between: ["order", "entry"] },
  { id: "order-sales", title: "Order lines and sale movements match", between: ["order", "movement"] },
  {
    id: "order-prices",
    title: "Order lines and the prices in force at their sales match",
    between: ["order", "movement"],
  },
  { id: "order-returns", title: "Restocked lines and return movements match", between: ["order", "movement"] },
  { id: "order-coupons", title: "Live orders and redeemed coupons match", between: ["order", "coupon"] },
  { id: "account-terms", title: "Accounts and the last changes of their terms match", between: ["account", "terms"] },
  {
    id: "campaign-terms",
    title: "Campaigns and the last changes of their terms match",
    between: ["campaign", "terms"],
  },
  { id: "product-terms", title: "Products and the last changes of their terms match", between: ["product", "terms"] },
  {
    id: "terms-receipts",
    title: "Receipts of changes of terms and their history match",
    between: ["receipt", "terms"],
  },
] as const

type Check = (typeof checks)[number]
export type CheckId = Check["id"]
export type TwoSidedCheck = Extract<Check, { readonly between: unknown }>
/** The checks that compare two kinds of rows. */
export const twoSidedChecks: ReadonlyArray<TwoSidedCheck> = checks.filter((check) => "between" in check)

/** One thing that is not as it must be. */
export interface Violation {
  readonly key: Key
  /** What must be there, recounted or stated by the other side; null where nothing must. */
  readonly expected: EventValue
  /** What is there; null where nothing is. */
  readonly found: EventValue
  readonly note?: string
}

export interface CheckReport {
  readonly id: CheckId
  readonly title: string
  /** How many records or rows were looked at: of the second kind where a check is two-sided. */
  readonly checked: number
  readonly violations: number
  /** How many kept changing while they were recounted, so that nothing can be said about them. */
  readonly unsettled: number
  /** The first violations; how many is an option of the audit. */
  readonly examples: ReadonlyArray<Violation>
}

export interface AuditReport {
  /** True where no check found a violation. */
  readonly ok: boolean
  /** Milliseconds since 1970. */
  readonly startedAt: number
  readonly finishedAt: number
  /** Rows of commands admitted later were not compared with each other. */
  readonly asOf: number
  readonly checks: ReadonlyArray<CheckReport>
}

/** Counts what the checks find. Every violation is counted, the first few of each check are kept. */
export class Findings {
  readonly #maxExamples: number
  readonly #counts = new Map(checks.map(({ id }) => [id, newCount()]))

  constructor(maxExamples: number) {
    this.#maxExamples = maxExamples
  }

  checked(id: CheckId, many = 1): void {
    const count = this.#counts.get(id)
    if (count !== undefined) count.checked += many
  }

  violation(id: CheckId, violation: Violation): void {
    const count = this.#counts.get(id)
    if (count === undefined) return
    count.violations++
    if (count.examples.length < this.#maxExamples) count.examples.push(violation)
  }

  unsettled(id: CheckId): void {
    const count = this.#counts.get(id)
    if (count !== undefined) count.unsettled++
  }

  report(times: Pick<AuditReport, "startedAt" | "finishedAt" | "asOf">): AuditReport {
    const reports = checks.map(({ id, title }): CheckReport => {
      const { checked = 0, violations = 0, unsettled = 0, examples = [] } = this.#counts.get(id) ?? {}
      return { id, title, checked, violations, unsettled, examples }
    })
    return { ok: reports.every(({ violations }) => violations === 0), ...times, checks: reports }
  }
}

interface Count {
  checked: number
  violations: number
  unsettled: number
  readonly examples: Array<Violation>
}

const newCount = (): Count => ({ checked: 0, violations: 0, unsettled: 0, examples: [] })
