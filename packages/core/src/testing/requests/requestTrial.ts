/**
 * One trial of a request log: claims are appended by two processes while three decide them, slices come again, and the limit
 * is raised meanwhile. At the end every slice comes once more, and what was told is compared with what the store holds. Where
 * the log can be made anew under its name, that is done then, and more claims come, at places that count as decided.
 */
import { Clock, Effect, type Scope } from "effect"
import { type Claim, placeOf, type Verdict } from "../../coupons/Request.ts"
import type { AnyCall } from "../../decision/calls.ts"
import { changeLimitCall, createCampaignCall } from "../../decision/couponCalls.ts"
import { fold, keysOfCommands } from "../../decision/fold.ts"
import { openCall } from "../../decision/pointsCalls.ts"
import type { Slice } from "../../decision/slice.ts"
import { refusalFrom } from "../../decision/storedRefusal.ts"
import { sliceDecider } from "../../delivery/decideRequests.ts"
import { admissionOf, isInvalid } from "../../engine/admission.ts"
import { MemoryStore } from "../../memory/index.ts"
import type { RequestLogShape, SliceEnd, StoreFault, StoreShape } from "../../ports/index.ts"
import {
  AccountId,
  CampaignId,
  type CommandId,
  IdempotencyKey,
  Scope as KeyScope,
  type RequestId,
} from "../../values.ts"
import type { KitBook } from "../kit/KitReport.ts"
import { type Draws, drawsOf } from "../sim/draws.ts"

/** What a log brings along to be put to the test. */
export interface RequestLogAdapter {
  readonly name: string
  /** Opens a log. What is opened on the same ground, such as a topic, is the same log as other processes have it. */
  readonly open: (ground: string, maxWaiting: number) => Effect.Effect<RequestLogShape, StoreFault, Scope.Scope>
  /** Opens the store that decides what is on a ground. Default: one in memory. */
  readonly store?: ((ground: string) => Effect.Effect<StoreShape, StoreFault, Scope.Scope>) | undefined
  /** Makes the log of a ground anew: empty, under its old name, for all who have it open. Absent: that is not tried. */
  readonly anew?: ((ground: string) => Effect.Effect<void, StoreFault>) | undefined
  /** How slices are decided. Default: as a shop does; another one only for deciders that are wrong on purpose. */
  readonly decider?: ((store: StoreShape) => (slice: Slice) => Effect.Effect<SliceEnd>) | undefined
}

const opensAt = 1_700_000_000_000
const closesAt = opensAt + 1_000
const firstLimit = 6
const laterLimit = 9
const lastLimit = 1_000
const campaignId = CampaignId.make("spring")
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
  const draws = drawsOf(seed)
  const ground = `requests-${seed}-${yield* Clock.currentTimeMillis}`
  const store = yield* adapter.store?.(ground) ?? MemoryStore.make
  const claims = claimsOf(draws, seed, "R")
  const later = adapter.anew === undefined ? [] : claimsOf(draws, seed, "S")
  yield* furnish(store, [...claims, ...later])
  const decided = new Map<RequestId, Verdict>()
  const decide = (adapter.decider ?? ((on) => sliceDecider(on, () => {})))(store)
  const slices: Array<Slice> = []
  for (let worker = 0; worker < 3; worker++) {
    const log = yield* adapter.open(ground, many)
    yield* Effect.forkScoped(log.serve(restless(decide, draws, slices)))
  }
  const logs = [yield* adapter.open(ground, many), yield* adapter.open(ground, many)] as const
  const trial: Trial = { store, draws, logs, decided, book, settleMillis }
  const accepted = yield* acceptAll(trial, claims, (half) => (half ? raise(store, laterLimit) : Effect.void))
  yield* untilDecided(trial, accepted.length)
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
    yield* adapter.anew(ground)
    const anew = yield* acceptAll(trial, later, () => Effect.void)
    yield* untilDecided(trial, accepted.length + anew.length)
    yield* judge(trial, anew)
    accepted.push(...anew)
  }
  yield* judgeCoupons(trial, accepted)
  yield* fullTrial(adapter, `${ground}-full`, claims, settleMillis, book)
})

interface Trial {
  readonly store: StoreShape
  readonly draws: Draws
  readonly logs: readonly [RequestLogShape, RequestLogShape]
  readonly decided: Map<RequestId, Verdict>
  readonly book: KitBook
  readonly settleMillis: number
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
    const ids = yield* untilAccepted(draws.chance(0.5) ? logs[0] : logs[1], some)
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
  (decide: (slice: Slice) => Effect.Effect<SliceEnd>, draws: Draws, slices: Array<Slice>) =>
  (slice: Slice): Effect.Effect<SliceEnd> =>
    Effect.gen(function* () {
      if (slices.length < mostSlices) slices.push(slice)
      if (draws.chance(0.3)) yield* Effect.sleep(draws.between(1, 3))
      const end = yield* decide(slice)
      if (draws.chance(0.4)) yield* decide(slice)
      return end
    })

/** Where a log takes no more than so many, nothing beyond them is stored. */
const fullTrial = Effect.fnUntraced(function* (
  adapter: RequestLogAdapter,
  ground: string,
  claims: ReadonlyArray<Claim>,
  settleMillis: number,
  book: KitBook,
) {
  // A log may stand beside its store.
  yield* adapter.store?.(ground) ?? Effect.void
  const log = yield* adapter.open(ground, 3)
  let accepted = 0
  for (const claim of claims.slice(0, 8)) {
    const end = yield* Effect.result(log.append([claim]))
    if (end._tag === "Success") {
      accepted++
      // Nobody decides yet: all of them wait.
      for (const id of end.success) {
        if (!(yield* log.holds(id)))
          book.broken("REQ-01", `The request ${id} waits, and the log said that it does not.`)
      }
    } else if (end.failure._tag === "LogFull") book.saw("full")
  }
  let handed = 0
  yield* Effect.forkScoped(
    log.serve(({ requests, end }) => {
      handed += requests.length
      return Effect.as(Effect.sleep(1), { next: end, isLate: false })
    }),
  )
  for (let waited = 0; waited < 50 || (handed < accepted && waited < settleMillis); waited += 2) yield* Effect.sleep(2)
  if (accepted > 3) book.broken("REQ-04", `${accepted} requests were accepted where 3 may wait.`)
  if (handed > accepted) book.broken("REQ-04", `${accepted} requests were accepted, and ${handed} were stored.`)
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

const claimsOf = (draws: Draws, seed: number, first: string): ReadonlyArray<Claim> =>
  Array.from({ length: draws.between(20, 40) }, (_, index): Claim => {
    const id = `${first}${seed}N${index}`
    return {
      campaignId,
      accountId: AccountId.make(`account-${first}${index}`),
      at: draws.oneOf([opensAt, opensAt + 500, closesAt - 1, opensAt - 1, closesAt]),
      // biome-ignore lint/plugin/casts: unique, as the engine's own are
      commandId: id as CommandId,
      scope: KeyScope.make("requests"),
      key: IdempotencyKey.make(id),
    }
  })

const untilAccepted = (log: RequestLogShape, claims: ReadonlyArray<Claim>): Effect.Effect<ReadonlyArray<RequestId>> =>
  Effect.catch(log.append(claims), () => Effect.andThen(Effect.sleep(20), untilAccepted(log, claims)))

const furnish = (store: StoreShape, claims: ReadonlyArray<Claim>) =>
  Effect.gen(function* () {
    for (const { accountId } of claims) yield* carryOut(store, openCall, { accountId })
    const discount = { type: "flat", amount: 1 }
    const window = { opensAt: new Date(opensAt), closesAt: new Date(closesAt) }
    yield* carryOut(store, createCampaignCall, { campaignId, name: "Spring", discount, limit: firstLimit, ...window })
  })

const raise = (store: StoreShape, limit: number) => carryOut(store, changeLimitCall, { campaignId, limit })

let made = 0

/** One call of the operator's, beside all engines. */
const carryOut = (store: StoreShape, call: object, input: object): Effect.Effect<void, StoreFault> => {
  // biome-ignore lint/plugin/casts: calls of different inputs, each of which its own schema decodes
  const admit = admissionOf(call as AnyCall, {
    now: () => opensAt,
    // biome-ignore lint/plugin/casts: unique, as the engine's own are
    nextId: () => `OPERATOR${++made}` as CommandId,
    deadlineMillis: 1_000,
    scope: KeyScope.make("operator"),
    settings: { accounts: "opened-on-purpose" },
  })
  const command = admit(input)
  if (isInvalid(command)) return Effect.die(new Error(JSON.stringify(command)))
  return Effect.asVoid(store.transact(keysOfCommands([command]), (records) => fold([command], records, opensAt)))
}
