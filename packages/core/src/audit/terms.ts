/**
 * Terms against their history: which terms of an owner were in force where it counted so far, and what was done under them.
 *
 * An owner's rows are its changes in the order of its versions. The first one begins with what was registered, created or
 * opened, so the history reaches back to that. Where a migration left the first row, it knows no terms before it, and nothing
 * is said about what the owner counted until then.
 */

import { Effect } from "effect"
import type { Campaign } from "../coupons/Campaign.ts"
import type { Coupon } from "../coupons/Coupon.ts"
import { kinds } from "../decision/kinds.ts"
import type { EventValue } from "../events/Event.ts"
import type { PointEntry } from "../points/Account.ts"
import type { StockMovement } from "../stock/Product.ts"
import type { Terms, TermsChange, TermsOf, TermsOwner } from "../terms/TermsChange.ts"
import type { Key } from "../values.ts"
import type { Findings } from "./AuditReport.ts"
import { type State, sorted, stateTermsChange } from "./statements.ts"
import { isBehind, isWithin, type Pages, type Range } from "./walk.ts"

/** What was in force at a number that the owner counted. Undefined where that is not known. */
export interface TermsHistory {
  readonly at: (counted: number) => Terms | undefined
}

/** An owner of which nothing is known. */
export const unknownTerms: TermsHistory = { at: () => undefined }

/**
 * Reads the histories of one range of owners. Their rows are read after them: all changes are there that an owner counts.
 */
export const readHistories = Effect.fnUntraced(function* <Owner, E>(
  pages: Pages<E>,
  findings: Findings,
  state: State,
  of: TermsOwner,
  termsOf: (owner: Owner) => TermsOf,
  owners: ReadonlyArray<Owner>,
  { from, until }: Range,
) {
  const changes = new Map<string, Array<TermsChange>>()
  let after: Key | undefined = from === undefined ? undefined : [from]
  for (let inRange = true; inRange; ) {
    const page: ReadonlyArray<TermsChange> = yield* pages.records("terms", after)
    inRange = page.length > 0
    for (const read of page) {
      const { id } = read
      // Terms are JSON, which somebody may have written past the shop: what is null says nothing.
      const change = { ...read, after: read.after ?? {} }
      inRange = isWithin(id, until)
      if (!inRange) break
      after = kinds.terms.keyOf(change)
      if (change.of !== of || !isBehind(id, from)) continue
      const ofOwner = changes.get(id)
      if (ofOwner === undefined) changes.set(id, [change])
      else ofOwner.push(change)
    }
  }
  const histories = new Map<string, TermsHistory>()
  for (const owner of owners) {
    const known = termsOf(owner)
    histories.set(known.id, historyOf(findings, state, known, changes.get(known.id) ?? []))
    changes.delete(known.id)
  }
  // Of owners that did not exist when theirs were read, or do not exist at all: a second reading tells.
  for (const [id, orphans] of changes) histories.set(id, historyOf(findings, state, undefined, orphans))
  return histories
})

/**
 * When histories begin: the time of the last row that a migration left, which is no earlier than anything before it. What was
 * sold until then may be older than what is known of its product, and what was changed until then has no row.
 */
export const termsBegin = <E>(pages: Pages<E>): Effect.Effect<number, E> => {
  let begin = Number.NEGATIVE_INFINITY
  return Effect.map(
    pages.each("terms", ({ before, at }) => {
      if (before === undefined && at > begin) begin = at
    }),
    () => begin,
  )
}

/**
 * Checks an owner's rows against each other and against what the owner says, and answers what they tell. Rows may go further
 * than an owner that was read before them: those it does not count yet are taken as they are.
 */
const historyOf = (
  findings: Findings,
  state: State,
  owner: TermsOf | undefined,
  changes: ReadonlyArray<TermsChange>,
): TermsHistory => {
  findings.checked("terms-ledger", changes.length)
  for (const [index, change] of changes.entries()) {
    checkRow(findings, owner, changes[index - 1], change)
    stateTermsChange(state, change)
  }
  const last = changes.at(-1)
  if (last !== undefined) stateTerms(state, "found", last, last.after)
  if (owner === undefined) return unknownTerms
  // One that never changed says what it began with, and needs no row for that: what says otherwise was not changed by a call.
  if (owner.version > 1 || !sameTerms(owner.first, owner.current)) stateTerms(state, "expected", owner, owner.current)
  const [first] = changes
  const reachesBack = first === undefined ? owner.version === 1 : first.before !== undefined
  return { at: (counted) => lastBefore(changes, counted)?.after ?? (reachesBack ? owner.first : undefined) }
}

/** The last change that took effect before a number was counted. Counters never fall from one change to the next. */
const lastBefore = (changes: ReadonlyArray<TermsChange>, counted: number): TermsChange | undefined => {
  let [low, high] = [0, changes.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if ((changes[middle]?.counter ?? counted) < counted) low = middle + 1
    else high = middle
  }
  return changes[low - 1]
}

const checkRow = (
  findings: Findings,
  owner: TermsOf | undefined,
  previous: TermsChange | undefined,
  change: TermsChange,
): void => {
  const { id, of, version, counter, before } = change
  const wrong = (expected: EventValue, found: EventValue, note: string): void =>
    findings.violation("terms-ledger", { key: [id, of, version], expected, found, note })
  // What a migration left stands in front of all others.
  if (before === undefined) {
    if (previous !== undefined) wrong({ ...previous.after }, null, "it does not say what was so before it")
    return
  }
  const due = (previous?.version ?? 1) + 1
  const terms = previous?.after ?? owner?.first
  if (version !== due) wrong(due, version, "the change before this one is missing")
  else if (terms !== undefined && !sameTerms(terms, before)) {
    wrong({ ...terms }, { ...before }, "not what the change before it left")
  }
  if (previous !== undefined && counter < previous.counter) {
    wrong(previous.counter, counter, "it took effect before the change that precedes it")
  }
  if (owner !== undefined && version <= owner.version && counter > owner.counter) {
    wrong(owner.counter, counter, "it took effect where its owner has not come to")
  }
}

const sameTerms = (left: Terms, right: Terms): boolean =>
  Object.keys({ ...left, ...right }).every((name) => left[name] === right[name])

const checkOf = { account: "account-terms", campaign: "campaign-terms", product: "product-terms" } as const

const stateTerms = (
  state: State,
  side: "expected" | "found",
  { id, of, version }: Pick<TermsOf, "id" | "of" | "version">,
  terms: Terms,
): void => {
  // In one order of names, as stores may keep them in another.
  const value = Object.fromEntries(Object.entries(terms).sort(([left], [right]) => (left < right ? -1 : 1)))
  state({ check: checkOf[of], side, key: [id], value: { ...value, version } })
}

/** Charges and payments need an open account. What is given back or corrected does not. */
export const checkEntryTerms = (findings: Findings, history: TermsHistory, entry: PointEntry): void => {
  const { accountId, seq, type } = entry
  const terms = history.at(seq)
  if (terms === undefined || (type !== "charge" && type !== "spend")) return
  findings.checked("entry-terms")
  if (terms.state === "open") return
  const note = `a ${type} of an account that was not open`
  findings.violation("entry-terms", { key: [accountId, seq], expected: "open", found: terms.state ?? null, note })
}

/** A product that is retired is neither sold nor restocked. What is returned or corrected still counts. */
export const checkMovementTerms = (findings: Findings, history: TermsHistory, movement: StockMovement): void => {
  const { productId, revision, type } = movement
  const terms = history.at(revision)
  if (terms === undefined || (type !== "sale" && type !== "restock")) return
  findings.checked("movement-terms")
  if (terms.retired === false) return
  const note = `a ${type} of a product that was retired`
  findings.violation("movement-terms", {
    key: [productId, revision],
    expected: { retired: false },
    found: { retired: terms.retired ?? null },
    note,
  })
}

/** Says what the line of a sale must say. Its order says the rest. */
export const stateSale = (state: State, history: TermsHistory, movement: StockMovement): void => {
  const { productId, revision, type, orderId, at } = movement
  const terms = history.at(revision)
  if (type !== "sale" || terms === undefined) return
  const value = { name: terms.name, unitPrice: terms.price }
  state({ check: "order-prices", side: "found", at, key: [orderId ?? "", productId], value })
}

const dayMillis = 86_400_000

/** A coupon is as its campaign was at its ticket. What a campaign is created with once is compared with the campaign itself. */
export const checkCouponTerms = (
  findings: Findings,
  history: TermsHistory,
  campaign: Campaign,
  coupon: Coupon,
): void => {
  findings.checked("coupon-terms")
  const { opensAt, closesAt, validDays } = campaign
  const { campaignId, accountId, ticket, issuedAt, expiresAt } = coupon
  const terms = history.at(ticket)
  const expected: { [what: string]: EventValue } = {}
  const found: { [what: string]: EventValue } = {}
  const compare = (what: string, due: EventValue, is: EventValue, holds = due === is): void => {
    if (holds) return
    expected[what] = due
    found[what] = is
  }
  if (terms !== undefined) {
    compare("state", "open", terms.state ?? null)
    compare("limit of at least", ticket, terms.limit ?? null, ticket <= Number(terms.limit))
  }
  if (opensAt !== undefined) compare("not before", opensAt, issuedAt, issuedAt >= opensAt)
  if (closesAt !== undefined) compare("before", closesAt, issuedAt, issuedAt < closesAt)
  compare("expiresAt", issuedAt + validDays * dayMillis, expiresAt)
  compare(
    "discount",
    { ...campaign.discount },
    { ...coupon.discount },
    sorted(campaign.discount) === sorted(coupon.discount),
  )
  if (Object.keys(expected).length === 0) return
  findings.violation("coupon-terms", { key: [campaignId, accountId], expected, found, note: `ticket ${ticket}` })
}
