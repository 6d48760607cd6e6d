/**
 * The audit: every promise of the engine recounted from a store's ordered scans, while the shop goes on selling.
 *
 * The first sweep reads everything once. It recounts each account, product, campaign and order from its own rows, and
 * sums up what the rows state about each other. Where two sides differ, the few statements in question are read again,
 * word by word, and again: a difference that reads the same twice running is a violation, one that is gone was a commit
 * between two pages, one that keeps moving is reported as unsettled. Memory is bounded by pages, by the statements read
 * again at a time, by the changes of terms of a page of owners, and by one bit for each coupon of a campaign.
 *
 * It takes no lock and changes nothing. It does not look at events: the store's port does not list them.
 */
import { Clock, Effect } from "effect"
import type { Coupon } from "../coupons/Coupon.ts"
import { type KindName, kinds, ledgers } from "../decision/kinds.ts"
import type { PointEntry } from "../points/Account.ts"
import { hourOf } from "../popularity/SalesBucket.ts"
import { type TermsOf, type TermsOwner, termsOfAccount, termsOfCampaign, termsOfProduct } from "../terms/TermsChange.ts"
import { type AuditReport, Findings, type TwoSidedCheck } from "./AuditReport.ts"
import { checkLimit, ledgerBook, legibleOrder, recountOrder, ticketBook } from "./recount.ts"
import {
  type State,
  stateAccount,
  stateBucket,
  stateCampaign,
  stateCoupon,
  stateEntry,
  stateMovement,
  stateOrder,
  stateProduct,
  stateReceipt,
} from "./statements.ts"
import { type Difference, Differences, Sums, type Suspect } from "./TwoSided.ts"
import {
  checkCouponTerms,
  checkEntryTerms,
  checkMovementTerms,
  readHistories,
  stateSale,
  type TermsHistory,
  termsBegin,
  unknownTerms,
} from "./terms.ts"
import { type AuditSource, Pages, type Range, walkLedger } from "./walk.ts"

export interface AuditOptions {
  /** Rows per page: 500 by default. */
  readonly pageSize?: number
  /** How long to rest after each page, so that a live store has room: 0 by default, which only yields. */
  readonly pauseMillis?: number
  /** Violations that each check shows in full: 10 by default. All of them are counted. */
  readonly maxExamples?: number
  /** Statements read again at a time, which bounds memory: 200,000 by default, about 100 MB. */
  readonly maxStatements?: number
  /** How often a difference is read again at most until it is called unsettled: 4 by default, at least 2. */
  readonly maxReadings?: number
  /** Rows of commands admitted later are not compared. Milliseconds since 1970; the start of the audit by default. */
  readonly asOf?: number
  /**
   * Waits until the commands admitted so far are settled. Without it a busy store costs more second readings, and the
   * report is the same: commits between two pages are told from violations by reading again.
   */
  readonly settled?: Effect.Effect<void>
}

/** Audits a store. Fails only where the store cannot be read; what is wrong with its rows is in the report. */
export const runAudit: <E>(source: AuditSource<E>, options?: AuditOptions) => Effect.Effect<AuditReport, E> = Effect.fn(
  "runAudit",
)(function* <E>(source: AuditSource<E>, options: AuditOptions = {}) {
  const { pageSize = 500, pauseMillis = 0, maxExamples = 10, maxStatements = 200_000, maxReadings = 4 } = options
  const startedAt = yield* Clock.currentTimeMillis
  const { asOf = startedAt, settled } = options
  if (settled !== undefined) yield* settled
  const from = yield* archivedBeforeOf(source, startedAt)

  const findings = new Findings(maxExamples)
  const sums = new Sums()
  const pace = { pageSize, pauseMillis }
  const since = { rows: from, terms: yield* termsBegin(new Pages(source, pace, new Findings(0))) }
  yield* sweep(
    new Pages(source, pace, findings),
    findings,
    between(since, asOf, (statement) => sums.add(statement)),
    everything,
    from,
  )
  for (const { check, counted } of sums.counts()) findings.checked(check.id, counted)

  for (const suspects of sums.suspects(maxStatements)) {
    const read = Effect.suspend(() => readAgain(source, pace, suspects, since, asOf))
    yield* settle(read, Math.max(maxReadings, 2), findings)
  }
  // What was archived meanwhile is missing from what was read: that says nothing.
  if ((yield* archivedBeforeOf(source, startedAt)) !== from) return yield* runAudit(source, options)
  return findings.report({ startedAt, finishedAt: yield* Clock.currentTimeMillis, asOf })
})

// Nobody archives what is still to come: a moment far ahead would excuse every row there is, and says nothing.
const archivedBeforeOf = <E>({ archivedBefore }: AuditSource<E>, now: number): Effect.Effect<number, E> =>
  archivedBefore === undefined
    ? Effect.succeed(Number.NEGATIVE_INFINITY)
    : Effect.map(archivedBefore, (before) =>
        before === undefined || before > now + apartMillis ? Number.NEGATIVE_INFINITY : before,
      )

// A row of the very millisecond `asOf` counts: on a quiet store, or one whose clock stands still, nothing is left out.
// What rests on a time from before `from` may be archived on one side and kept on the other. Buckets know their hour. And what
// was sold before histories begin has a price that nobody may know, and what was changed before them has no row.
const between =
  ({ rows: from, terms }: Since, asOf: number, state: State): State =>
  (statement) => {
    const { mayBe, at, check, key } = statement
    if ((check === "order-prices" || check === "terms-receipts") && at !== undefined && at <= terms) return
    if (check === "terms-receipts" && statement.side === "expected" && at !== undefined && at <= terms + apartMillis) {
      return state({ ...statement, mayBe: true })
    }
    if (check === "sales-buckets" && Number(key[1]) < hourOf(from)) return
    if (mayBe || at === undefined || (at >= from && at <= asOf)) state(statement)
  }

/**
 * The moment when histories begin was taken by the store's clock, and a receipt has the time of a process. One whose clock is ahead
 * was answered by code that left no row, and seems to be later. So for a day a receipt may have its row, and need not: a row that
 * was lost leaves a gap in the versions of its owner all the same.
 */
const apartMillis = 86_400_000

/** From when on rows are there, and later than when the histories of terms are. */
interface Since {
  readonly rows: number
  readonly terms: number
}

// The order that redeemed a coupon of that time may be archived: the coupon still answers it, and asks for no answer.
const ofCoupon =
  ({ issuedAt }: Coupon, from: number, state: State): State =>
  (statement) =>
    state(statement.check === "order-coupons" && issuedAt < from ? { ...statement, mayBe: true } : statement)

type Differing = ReadonlyMap<string, Difference>

const settle = Effect.fnUntraced(function* <E>(read: Effect.Effect<Differing, E>, times: number, findings: Findings) {
  const violations = new Set<string>()
  let open = yield* read
  for (let time = 1; time < times && open.size > 0; time++) {
    const again = yield* read
    const moved = new Map<string, Difference>()
    for (const [name, difference] of again) {
      if (violations.has(name)) continue
      const before = open.get(name)
      if (before?.reading === difference.reading) {
        violations.add(name)
        findings.violation(before.check.id, before.violation)
      } else moved.set(name, difference)
    }
    open = moved
  }
  for (const { check } of open.values()) findings.unsettled(check.id)
})

// What the first sweep found about single records stands: here the rows are only read for their statements.
const readAgain = Effect.fnUntraced(function* <E>(
  source: AuditSource<E>,
  pace: { readonly pageSize: number; readonly pauseMillis: number },
  suspects: ReadonlyArray<Suspect>,
  since: Since,
  asOf: number,
) {
  const unheard = new Findings(0)
  const differences = new Differences(suspects)
  const sides = new Set(suspects.flatMap(({ check }): ReadonlyArray<Side> => check.between))
  const state = between(since, asOf, (statement) => differences.add(statement))
  yield* sweep(new Pages(source, pace, unheard), unheard, state, (side) => sides.has(side), since.rows)
  return differences.result()
})

type Side = TwoSidedCheck["between"][number]

const everything = (): boolean => true

/** Reads every kind once, or those in which the sides that are wanted are found. */
const sweep = Effect.fnUntraced(function* <E>(
  pages: Pages<E>,
  findings: Findings,
  state: State,
  wants: (side: Side) => boolean,
  from: number,
) {
  if (wants("campaign") || wants("coupon") || wants("terms")) yield* sweepCampaigns(pages, findings, state, from)
  if (wants("account") || wants("entry") || wants("terms")) yield* sweepAccounts(pages, findings, state, from)
  if (wants("product") || wants("movement") || wants("terms")) yield* sweepProducts(pages, findings, state, from)
  if (wants("receipt")) yield* pages.each("receipt", (receipt) => stateReceipt(state, receipt))
  if (wants("order")) {
    yield* pages.each("order", (read) => {
      const order = legibleOrder(read)
      findings.checked("order-sums")
      const violation = recountOrder(order)
      if (violation !== undefined) findings.violation("order-sums", violation)
      stateOrder(state, order)
    })
  }
  // Right after the orders: buckets carry no time, so what is sold in between shows up as a difference to read again.
  if (wants("bucket")) yield* pages.each("bucket", (bucket) => stateBucket(state, bucket))
})

const sweepAccounts = <E>(pages: Pages<E>, findings: Findings, state: State, from: number): Effect.Effect<void, E> => {
  const terms = histories(pages, findings, state, "account", termsOfAccount)
  return walkLedger({
    prepare: terms.prepare,
    owners: (after) => pages.records("account", after),
    rows: (after) => pages.rows("entry", after),
    idOf: ({ accountId }) => accountId,
    positionOf: ({ seq }) => seq,
    rowKey: ledgers.entry.keyOf,
    rowPosition: ({ seq }) => seq,
    open: (id, account) => {
      const owner = account && { position: account.seq, sum: account.balance }
      const book = ledgerBook(findings, { rows: "point-ledger", owners: "account-balance" }, id, owner, from)
      let first: PointEntry | undefined
      return {
        add: (entry) => {
          first ??= entry
          book.add({ at: entry.at, position: entry.seq, change: entry.change, sum: entry.balance })
          if (account !== undefined) checkLimit(findings, account, entry)
          if (entry.seq <= (account?.seq ?? 0)) checkEntryTerms(findings, terms.of(id), entry)
          stateEntry(state, entry)
        },
        close: () => {
          book.close()
          if (account !== undefined) stateAccount(state, account, first)
        },
      }
    },
    behind: (id, seen, account) => findings.violation("account-balance", behind(id, seen, account?.seq, "account")),
  })
}

const sweepProducts = <E>(pages: Pages<E>, findings: Findings, state: State, from: number): Effect.Effect<void, E> => {
  const terms = histories(pages, findings, state, "product", termsOfProduct)
  return walkLedger({
    prepare: terms.prepare,
    owners: (after) => pages.records("product", after),
    rows: (after) => pages.rows("movement", after),
    idOf: ({ productId }) => productId,
    positionOf: ({ revision }) => revision,
    rowKey: ledgers.movement.keyOf,
    rowPosition: ({ revision }) => revision,
    open: (id, product) => {
      const owner = product && { position: product.revision, sum: product.onHand }
      const book = ledgerBook(findings, { rows: "stock-ledger", owners: "product-on-hand" }, id, owner, from)
      if (product !== undefined) stateProduct(state, product)
      return {
        add: (movement) => {
          book.add({ at: movement.at, position: movement.revision, change: movement.change, sum: movement.onHand })
          stateMovement(state, movement)
          stateSale(state, terms.of(id), movement)
          if (movement.revision <= (product?.revision ?? 0)) checkMovementTerms(findings, terms.of(id), movement)
        },
        close: book.close,
      }
    },
    behind: (id, seen, product) =>
      findings.violation("product-on-hand", behind(id, seen, product?.revision, "product")),
  })
}

const sweepCampaigns = <E>(pages: Pages<E>, findings: Findings, state: State, from: number): Effect.Effect<void, E> => {
  const terms = histories(pages, findings, state, "campaign", termsOfCampaign)
  return walkLedger({
    prepare: terms.prepare,
    owners: (after) => pages.records("campaign", after),
    rows: (after) => pages.records("coupon", after),
    idOf: ({ campaignId }) => campaignId,
    positionOf: ({ issued }) => issued,
    rowKey: kinds.coupon.keyOf,
    rowPosition: ({ ticket }) => ticket,
    open: (id, campaign) => {
      const book = ticketBook(findings, id, campaign)
      if (campaign !== undefined) stateCampaign(state, campaign)
      return {
        add: (coupon) => {
          book.add(coupon)
          stateCoupon(ofCoupon(coupon, from, state), coupon)
          if (campaign !== undefined && coupon.ticket <= campaign.issued) {
            checkCouponTerms(findings, terms.of(id), campaign, coupon)
          }
        },
        close: book.close,
      }
    },
    behind: (id, seen, campaign) =>
      findings.violation("campaign-issued", behind(id, seen, campaign?.issued, "campaign")),
  })
}

/** The histories of the owners whose rows are being read. What is beyond an owner as it was read may rest on later terms. */
const histories = <Owner, E>(
  pages: Pages<E>,
  findings: Findings,
  state: State,
  of: TermsOwner,
  termsOf: (owner: Owner) => TermsOf,
) => {
  let read: ReadonlyMap<string, TermsHistory> = new Map()
  return {
    of: (id: string): TermsHistory => read.get(id) ?? unknownTerms,
    prepare: (owners: ReadonlyArray<Owner>, range: Range): Effect.Effect<void, E> =>
      Effect.map(readHistories(pages, findings, state, of, termsOf, owners, range), (found) => {
        read = found
      }),
  }
}

const behind = (id: string, seen: number, position: number | undefined, kind: KindName) => ({
  key: [id] as const,
  expected: seen,
  found: position ?? null,
  note: position === undefined ? `rows without their ${kind}` : `rows beyond what their ${kind} counts`,
})
