/**
 * One trial of a request log: claims are appended by two processes while three decide them, slices come again, and the limit
 * is raised meanwhile. At the end every slice comes once more, and what was told is compared with what the store holds. Where
 * the log can be made anew under its name, that is done then, and more claims come, at places that count as decided.
 */
import { Clock, Effect, type Scope } from "effect"
import { type Claim, placeOf, type Verdict } from "../../coupons/Request.ts"
import type { Slice } from "../../decision/slice.ts"
import { refusalFrom } from "../../decision/storedRefusal.ts"
import { sliceDecider } from "../../delivery/decideRequests.ts"
import { MemoryStore } from "../../memory/index.ts"
import type { RequestLogShape, SliceEnd, StoreFault, StoreShape } from "../../ports/index.ts"
import type { RequestId } from "../../values.ts"
import type { KitBook } from "../kit/KitReport.ts"
import { type Draws, drawsOf } from "../sim/draws.ts"
import { campaignId, claimsOf, closesAt, furnish, opensAt, raise } from "./claims.ts"
import { fullTrial } from "./fullTrial.ts"
import type { RequestLogAdapter } from "./RequestLogAdapter.ts"
import { ended, HandedOut, type Patience, saysThatWait, taken, tried } from "./triedLog.ts"

const laterLimit = 9
const lastLimit = 1_000
const many = 100_000
/** The most slices of a trial that come again. */
const mostSlices = 200

/** Runs the trial of a seed, and notes what it finds. */
export const requestTrial = Effect.fnUntraced(function* (
  adapter: RequestLogAdapter,
  seed: number,
  settleMillis: number,
  book: KitBook,
): Effect.fn.Return<void, StoreFault, Scope.Scope> {
  const patience: Patience = { settleMillis, book }
  const draws = drawsOf(seed)
  const ground = `requests-${seed}-${yield* Clock.currentTimeMillis}`
  const storeOf = (of: string) => ended("Opening the store", adapter.store?.(of) ?? MemoryStore.make, patience)
  const openOf = (of: string) =>
    Effect.map(ended("Opening the log", adapter.open(of, many), patience), (log) => tried(log, patience))
  const decideOn = adapter.decider ?? ((on: StoreShape) => sliceDecider(on, () => {}))
  const store = yield* storeOf(ground)
  const claims = claimsOf(draws, seed, "R")
  const later = adapter.anew === undefined ? [] : claimsOf(draws, seed, "S")
  yield* ended("Furnishing the store", furnish(store, [...claims, ...later]), patience)
  const decided = new Map<RequestId, Verdict>()
  const decide = decideOn(store)
  const slices: Array<Slice> = []
  const handed = new HandedOut([...claims, ...later], book)
  for (let worker = 0; worker < 3; worker++) {
    const log = yield* openOf(ground)
    yield* Effect.forkScoped(log.serve(restless(decide, draws, slices, handed)))
  }
  const logs = [yield* openOf(ground), yield* openOf(ground)] as const
  const trial: Trial = { store, draws, logs, decided, book, settleMillis }
  const accepted = yield* acceptAll(trial, claims, (half) => (half ? raise(store, laterLimit) : Effect.void))
  yield* untilDecided(trial, accepted.length)
  for (const log of logs) yield* saysThatWait(log, 0, patience)
  // Those who were paused meanwhile wake up: they would have places to give, and every request has its answer.
  yield* raise(store, lastLimit)
  book.saw("the limit was raised")
  for (const slice of slices) {
    yield* decide(slice)
    book.saw("a slice came again")
  }
  yield* look(trial)
  yield* judge(trial, accepted)
  if (adapter.anew !== undefined) {
    yield* ended("Making the log anew", adapter.anew(ground), patience)
    const anew = yield* acceptAll(trial, later, () => Effect.void)
    yield* untilDecided(trial, accepted.length + anew.length)
    yield* judge(trial, anew)
    accepted.push(...anew)
  }
  yield* judgeCoupons(trial, accepted)
  const full = `${ground}-full`
  const beside = yield* storeOf(full)
  yield* fullTrial(adapter, beside, decideOn(beside), full, claims, patience)
})

interface Trial extends Patience {
  readonly store: StoreShape
  readonly draws: Draws
  readonly logs: readonly [RequestLogShape, RequestLogShape]
  readonly decided: Map<RequestId, Verdict>
}

interface Accepted {
  readonly claim: Claim
  readonly id: RequestId
}

/** Appends claims, a few at a time. `between` is told once that half of them are there. */
const acceptAll = Effect.fnUntraced(function* (
  trial: Trial,
  claims: ReadonlyArray<Claim>,
  between: (isHalf: boolean) => Effect.Effect<void, StoreFault>,
): Effect.fn.Return<Array<Accepted>, StoreFault> {
  const { draws, logs } = trial
  const accepted: Array<Accepted> = []
  for (let from = 0; from < claims.length; ) {
    const some = claims.slice(from, from + draws.between(1, 4))
    const ids = yield* taken(draws.chance(0.5) ? logs[0] : logs[1], some, trial)
    if (ids === undefined) return accepted
    if (ids.length !== some.length) {
      trial.book.broken("REQ-01", `${some.length} claims were stored, and ${ids.length} ids answered.`)
    }
    some.forEach((claim, index) => {
      const id = ids[index]
      if (id !== undefined) accepted.push({ claim, id })
    })
    from += some.length
    // What was accepted so far may be decided before the next one comes, or not.
    if (draws.chance(0.7)) yield* Effect.sleep(draws.between(1, 6))
    yield* look(trial)
    yield* between(from - some.length < claims.length / 2 && from >= claims.length / 2)
  }
  return accepted
})

/** Waits until so many are decided, or none has been for a while. */
const untilDecided = Effect.fnUntraced(function* (trial: Trial, count: number) {
  const { decided, settleMillis } = trial
  for (let waited = 0, before = -1; decided.size < count && waited < settleMillis; waited += 10) {
    if (decided.size !== before) waited = 0
    before = decided.size
    yield* Effect.sleep(10)
    yield* look(trial)
  }
})

/** A process that dawdles, and is sometimes handed a slice again. What it was handed is noted. */
const restless =
  (decide: (slice: Slice) => Effect.Effect<SliceEnd>, draws: Draws, slices: Array<Slice>, handed: HandedOut) =>
  (slice: Slice): Effect.Effect<SliceEnd> =>
    Effect.gen(function* () {
      handed.note(slice)
      if (slices.length < mostSlices) slices.push(slice)
      if (draws.chance(0.3)) yield* Effect.sleep(draws.between(1, 3))
      const end = yield* decide(slice)
      if (draws.chance(0.4)) yield* decide(slice)
      return end
    })

/** Notes verdicts that are new, and those that are not what they were. */
const look = ({ store, decided, book }: Trial) =>
  Effect.map(store.scan("verdict", undefined, many), (verdicts) => {
    for (const verdict of verdicts) {
      const before = decided.get(verdict.requestId)
      if (before !== undefined && JSON.stringify(before) !== JSON.stringify(verdict)) {
        book.broken("REQ-01", `The answer of ${verdict.requestId} was ${textOf(before)} and became ${textOf(verdict)}.`)
      }
      decided.set(verdict.requestId, verdict)
    }
  })

const textOf = ({ outcome }: Verdict): string =>
  outcome.state === "issued" ? `ticket ${outcome.coupon.ticket}` : outcome.refusal

/** Whether each of them has its answer, and the answers are right. */
const judge = ({ decided, book }: Trial, accepted: ReadonlyArray<Accepted>) =>
  Effect.sync(() => {
    const offsets: Array<readonly [offset: number, ticket: number]> = []
    for (const { claim, id } of accepted) {
      const verdict = decided.get(id)
      if (verdict === undefined) {
        book.broken("REQ-01", `The request ${id} was accepted and never decided.`)
        continue
      }
      const isInTime = claim.at >= opensAt && claim.at < closesAt
      const { outcome } = verdict
      if (outcome.state === "issued") {
        book.saw("issued")
        offsets.push([placeOf(id)?.offset ?? 0, outcome.coupon.ticket])
        if (!isInTime) book.broken("REQ-03", `A claim of ${claim.at} got a coupon of ${opensAt} to ${closesAt}.`)
      } else if (refusalFrom(outcome.refusal)._tag === "OutsideIssueWindow") {
        book.saw("outside of the window")
        if (isInTime) book.broken("REQ-03", `A claim of ${claim.at} was too late for ${opensAt} to ${closesAt}.`)
      }
    }
    offsets.sort(([left], [right]) => left - right)
    for (const [index, [offset, ticket]] of offsets.entries()) {
      const before = offsets[index - 1]
      if (before !== undefined && before[1] > ticket) {
        book.broken("REQ-02", `Offset ${before[0]} got ticket ${before[1]}, and ${offset} ticket ${ticket}.`)
      }
    }
  })

/** Whether nothing else was decided, and every coupon belongs to an answer. */
const judgeCoupons = Effect.fnUntraced(function* ({ store, decided, book }: Trial, accepted: ReadonlyArray<Accepted>) {
  const page = { after: undefined, limit: many, newestFirst: false }
  const told = new Map<string, number>()
  for (const { claim, id } of accepted) {
    const outcome = decided.get(id)?.outcome
    if (outcome?.state === "issued") told.set(claim.accountId, outcome.coupon.ticket)
  }
  if (decided.size > accepted.length) {
    book.broken("REQ-01", `${accepted.length} requests were accepted, and ${decided.size} decided.`)
  }
  for (const { accountId, ticket } of yield* store.reads.couponsOfCampaign(campaignId, page)) {
    if (told.get(accountId) !== ticket) book.broken("REQ-01", `${accountId} has ticket ${ticket} and was not told so.`)
  }
})
