/**
 * The plain memory store is the specification: whatever is asked one batch after the other, a store must answer the same
 * and hold the same in the end.
 */
import { Effect } from "effect"
import fc from "fast-check"
import { beforeEach, describe, expect, it } from "vitest"
import type { Command } from "../../src/decision/Command.ts"
import {
  changeLimitCall,
  createCampaignCall,
  issueCall,
  openCampaignCall,
  pauseCampaignCall,
  revokeCall,
} from "../../src/decision/couponCalls.ts"
import { cancelCall, completeCall, placeCall } from "../../src/decision/orderCalls.ts"
import {
  adjustPointsCall,
  chargeCall,
  closeCall,
  openCall,
  resumeCall,
  suspendCall,
} from "../../src/decision/pointsCalls.ts"
import {
  adjustStockCall,
  changePriceCall,
  registerCall,
  restockCall,
  retireCall,
} from "../../src/decision/stockCalls.ts"
import { MemoryStore } from "../../src/memory/index.ts"
import type { Position, StoreShape } from "../../src/ports/index.ts"
import { OrderId, SubscriptionName } from "../../src/values.ts"
import { broken, contentsOf, furnish } from "../memory/world.ts"
import { commandMaker, testAt, transact } from "../support/commands.ts"

import type { SuiteStore } from "./SuiteStore.ts"

type MakeCommand = ReturnType<typeof commandMaker>
/** Makes a command when its turn comes: a cancel needs the facts of an order that may not exist before. */
type Ask = (make: MakeCommand, store: StoreShape, asked: ReadonlyArray<Command>) => Effect.Effect<Command, unknown>

const account = fc.constantFrom("ada", "bob", "\u{1f600}")
const product = fc.constantFrom("tea", "cup", "\uff5e")
const campaign = fc.constantFrom("spring", "fall")
const few = fc.integer({ min: 1, max: 6 })
const some = fc.integer({ min: 1, max: 60 })
// A few keys for all, so that repeats and reuses happen; mostly none.
const keyed = fc.option(fc.constantFrom("k1", "k2", "k3"), { freq: 4, nil: undefined })
const withKey = (key: string | undefined) => (key === undefined ? {} : { key })
const time = fc.integer({ min: 0, max: 3 }).map((hours) => ({
  at: testAt + hours * 3_600_000,
  deadline: testAt + 99 * 3_600_000,
}))

const nthOf = <T>(items: ReadonlyArray<T>, nth: number): T | undefined => items[nth % Math.max(1, items.length)]

const plain =
  (build: (make: MakeCommand) => Command): Ask =>
  (make) =>
    Effect.sync(() => build(make))

const ask: fc.Arbitrary<Ask> = fc.oneof(
  account.map((accountId) => plain((make) => make(openCall, { accountId, balanceLimit: 200 }))),
  fc
    .tuple(account, fc.constantFrom(suspendCall, resumeCall, resumeCall, closeCall))
    .map(([accountId, call]) => plain((make) => make(call, { accountId }))),
  {
    weight: 3,
    arbitrary: fc
      .tuple(account, some, keyed)
      .map(([accountId, amount, key]) => plain((make) => make(chargeCall, { accountId, amount, ...withKey(key) }))),
  },
  fc
    .tuple(account, some, fc.boolean())
    .map(([accountId, change, up]) =>
      plain((make) => make(adjustPointsCall, { accountId, change: up ? change : -change })),
    ),
  fc
    .tuple(product, few)
    .map(([productId, price]) => plain((make) => make(registerCall, { productId, name: "P", price, onHand: 3 }))),
  {
    weight: 2,
    arbitrary: fc
      .tuple(product, few, keyed)
      .map(([productId, quantity, key]) =>
        plain((make) => make(restockCall, { productId, quantity, ...withKey(key) })),
      ),
  },
  fc
    .tuple(product, few)
    .map(([productId, change]) => plain((make) => make(adjustStockCall, { productId, change: -change }))),
  fc.tuple(product, few).map(([productId, price]) => plain((make) => make(changePriceCall, { productId, price }))),
  { weight: 1, arbitrary: product.map((productId) => plain((make) => make(retireCall, { productId }))) },
  fc.tuple(campaign, few).map(([campaignId, limit]) =>
    plain((make) =>
      make(createCampaignCall, {
        campaignId,
        name: "C",
        discount: { type: "rate", percent: 30 },
        limit,
        validDays: 1,
      }),
    ),
  ),
  fc
    .tuple(campaign, fc.constantFrom(openCampaignCall, openCampaignCall, pauseCampaignCall))
    .map(([campaignId, call]) => plain((make) => make(call, { campaignId }))),
  fc.tuple(campaign, few).map(([campaignId, limit]) => plain((make) => make(changeLimitCall, { campaignId, limit }))),
  {
    weight: 3,
    arbitrary: fc
      .tuple(campaign, account, keyed)
      .map(([campaignId, accountId, key]) =>
        plain((make) => make(issueCall, { campaignId, accountId, ...withKey(key) })),
      ),
  },
  fc
    .tuple(campaign, account)
    .map(([campaignId, accountId]) => plain((make) => make(revokeCall, { campaignId, accountId }))),
  {
    weight: 5,
    arbitrary: fc
      .tuple(
        account,
        fc.array(fc.record({ productId: product, quantity: few }), { minLength: 1, maxLength: 3 }),
        fc.option(campaign),
        keyed,
        time,
      )
      .map(([accountId, lines, campaignId, key, options]) =>
        plain((make) => {
          const coupon = campaignId === null ? {} : { campaignId }
          return make(placeCall, { accountId, lines, ...coupon, ...withKey(key) }, options)
        }),
      ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(fc.nat(), account, fc.boolean(), fc.boolean()).map(
      ([nth, accountId, restock, completes]): Ask =>
        (make, store, asked) =>
          Effect.gen(function* () {
            const placed = asked.filter(({ operation }) => operation.name === placeCall.name)
            const orderId = OrderId.make(nthOf(placed, nth)?.id ?? "none")
            if (completes) return make(completeCall, { orderId })
            const facts = yield* store.reads.order(orderId)
            return make(
              cancelCall,
              { accountId: facts?.accountId ?? accountId, orderId, restock },
              { request: { facts } },
            )
          }),
    ),
  },
  {
    weight: 4,
    // A caller who repeats itself: the engine makes it a new command of the same key.
    arbitrary: fc.nat().map(
      (nth): Ask =>
        (make, _store, asked) =>
          Effect.sync(() => {
            const fresh = make(openCall, { accountId: "ada", balanceLimit: 200 })
            const again = nthOf(asked, nth)
            return again === undefined ? fresh : { ...again, id: fresh.id }
          }),
    ),
  },
)

const mail = SubscriptionName.make("mail")

const play = (make: SuiteStore["make"], batches: ReadonlyArray<ReadonlyArray<Ask>>) =>
  Effect.gen(function* () {
    const store = yield* make
    yield* store.outbox.register(mail)
    const maker = commandMaker()
    yield* furnish(
      store,
      { accounts: ["ada", "bob"], points: 100, products: { tea: 9, cup: 9, "\uff5e": 9 }, limit: 2 },
      commandMaker("w"),
    )
    const asked: Array<Command> = []
    const decisions: Array<unknown> = []
    for (const batch of batches) {
      const commands: Array<Command> = []
      for (const each of batch) commands.push(yield* each(maker, store, asked))
      asked.push(...commands)
      for (const decision of yield* transact(store, commands)) {
        // Answers count, and not the changes that a decision came with.
        decisions.push(decision._tag === "Accepted" ? { _tag: "Accepted", answer: decision.answer } : decision)
      }
    }
    const lease = yield* store.outbox.lease(mail, "test", 60_000)
    const most = { events: 10_000, bytes: Number.MAX_SAFE_INTEGER }
    // Positions are the store's own; what counts is the order in which the events come, in one claim or several.
    const order: Array<unknown> = []
    for (let after: Position | undefined; lease !== undefined; ) {
      const claimed = yield* store.outbox.claim(lease, after, most)
      if (claimed.length === 0) break
      order.push(...claimed.map(({ event }) => event))
      after = claimed.at(-1)?.position
    }
    return { decisions, contents: yield* contentsOf(store), order, broken: yield* broken(store) }
  }).pipe(Effect.scoped)

const runBoth = async (
  other: SuiteStore["make"],
  batches: ReadonlyArray<ReadonlyArray<Ask>>,
): Promise<ReadonlyArray<string>> => {
  const expected = await Effect.runPromise(play(MemoryStore.make, batches))
  expect(await Effect.runPromise(play(other, batches))).toEqual(expected)
  expect(expected.broken).toEqual([])
  return expected.decisions.map((decision) => (decision as { readonly _tag: string })._tag)
}

/** `numRuns` is how many sequences each property draws, of at most `longest` commands or batches. */
export const equalitySuite = (
  stores: ReadonlyArray<SuiteStore>,
  { numRuns, longest }: { readonly numRuns: number; readonly longest: number },
): void => {
  const single = fc.array(
    ask.map((each) => [each]),
    { minLength: 20, maxLength: longest },
  )
  const batched = fc.array(fc.array(ask, { minLength: 1, maxLength: 6 }), {
    minLength: 5,
    maxLength: Math.floor(longest / 3),
  })

  describe.each(stores)("$name, beside the plain memory store", ({ make, onSnapshots, before }) => {
    beforeEach(before)

    it("decides and keeps the same, one command after the other", async () => {
      const seen = new Set<string>()
      await fc.assert(
        fc.asyncProperty(single, async (batches) => {
          for (const tag of await runBoth(make, batches)) seen.add(tag)
        }),
        { numRuns },
      )
      // A property over refusals only would prove little.
      expect([...seen].sort()).toEqual(["Accepted", "Recalled", "Refused", "Repeated"])
    })

    // On snapshots a refusal beside an acceptance is decided again after it, and may then be accepted: a legal difference.
    it(
      onSnapshots ? "keeps every promise batch after batch" : "decides and keeps the same, batch after batch",
      async () => {
        await fc.assert(
          fc.asyncProperty(batched, async (batches) => {
            if (onSnapshots) expect((await Effect.runPromise(play(make, batches))).broken).toEqual([])
            else await runBoth(make, batches)
          }),
          { numRuns },
        )
      },
    )
  })
}
