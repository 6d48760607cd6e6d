/**
 * Whether a store gives back what it was given: the largest numbers, moments to the millisecond, texts of every script, JSON
 * of the host's, and all rows of a large commit. What types of columns, collations and limits of parameters lose.
 */
import { Effect } from "effect"
import {
  closeCampaignCall,
  createCampaignCall,
  issueCall,
  openCampaignCall,
  revokeCall,
} from "../../decision/couponCalls.ts"
import { cancelCall, completeCall, placeCall } from "../../decision/orderCalls.ts"
import { adjustPointsCall, chargeCall, openCall, suspendCall } from "../../decision/pointsCalls.ts"
import {
  adjustStockCall,
  changePriceCall,
  registerCall,
  renameCall,
  restockCall,
  retireCall,
} from "../../decision/stockCalls.ts"
import { MemoryStore } from "../../memory/index.ts"
import type { LeaseLost, StoreFault, StoreShape } from "../../ports/index.ts"
import { maxAmount, maxOrderLines, maxPrice, OrderId, SubscriptionName } from "../../values.ts"
import { commandMaker, testAt, transact } from "./commands.ts"
import { broken, type Contents, contentsOf, eventsOf } from "./contents.ts"
import { expect } from "./expect.ts"
import { type MakeStore, type StoreCase, storeCase } from "./StoreSuite.ts"

const mail = SubscriptionName.make("mail")
/** Nothing of it is to be trimmed, folded, escaped or cut. */
const odd = ` "quoted" \\ 'single' %_ 한글 🎟️ e\u0301 é \u2028 ${"x".repeat(150)} `
const metadata = {
  empty: "",
  none: null,
  nested: { list: [[], {}, [1, 2.5, -0.1, 1e21]], yes: true, "": "no name" },
  text: odd,
  large: maxAmount,
}

/** The case of what is kept: a part of the suite of reads. */
export const fields = (make: MakeStore): StoreCase =>
  storeCase(
    "keeps everything as it was given, the largest and the oddest, and every row of a large commit",
    function* () {
      const expected = yield* told(yield* MemoryStore.make)
      const store = yield* make
      const found = yield* told(store)
      expect(found).toEqual(expected)
      expect(yield* broken(store)).toEqual([])
      yield* mustAnswerAlone(store, found.contents)
    },
  )

/** What is read by its key is what the scans show. */
const mustAnswerAlone = Effect.fnUntraced(function* (
  { reads }: StoreShape,
  { records }: Contents,
): Effect.fn.Return<void, StoreFault> {
  for (const each of records.account) expect(yield* reads.account(each.accountId)).toEqual(each)
  for (const each of records.product) expect(yield* reads.products([each.productId])).toEqual([each])
  for (const each of records.campaign) expect(yield* reads.campaign(each.campaignId)).toEqual(each)
  for (const each of records.coupon) expect(yield* reads.coupon(each.campaignId, each.accountId)).toEqual(each)
  for (const each of records.order) expect(yield* reads.order(each.orderId)).toEqual(each)
  for (const each of records.receipt) {
    expect(yield* reads.receipt(each.scope, each.operation, each.key)).toEqual(each)
  }
})

interface Told {
  readonly contents: Contents
  readonly events: ReadonlyArray<object>
}

/** Fills a store, and reads all of it. */
const told = Effect.fnUntraced(function* (store: StoreShape): Effect.fn.Return<Told, StoreFault | LeaseLost> {
  yield* store.outbox.register(mail)
  yield* fill(store)
  return { contents: yield* contentsOf(store), events: yield* eventsOf(store, mail) }
})

const fill = Effect.fnUntraced(function* (store: StoreShape): Effect.fn.Return<void, StoreFault> {
  const make = commandMaker("f")
  // No two at the same moment, and none at a whole second.
  let at = testAt
  const next = () => {
    at += 1_237
    return { at, deadline: at + 10_000 }
  }
  const products = Array.from({ length: maxOrderLines }, (_, index) => `p${index + 100}`)
  const lines = products.map((productId, index) => ({ productId, quantity: index + 1 }))
  const opensAt = new Date(testAt - 86_400_001)
  const closesAt = new Date(testAt + 86_400_003)
  const most = { type: "rate", percent: 33, max: 5_000_000_001, minTotal: 3_000_000_001 } as const
  const ask = (commands: Parameters<typeof transact>[1]) =>
    Effect.map(transact(store, commands), (decisions) => {
      expect(decisions.map(({ _tag }) => _tag)).toEqual(commands.map(() => "Accepted"))
    })
  yield* ask([make(openCall, { accountId: "ada" }, next())])
  yield* ask([make(openCall, { accountId: "bob", balanceLimit: 5_000_000_001 }, next())])
  yield* ask([make(chargeCall, { accountId: "ada", amount: maxAmount - 1, key: odd.trim() }, next())])
  yield* ask([make(adjustPointsCall, { accountId: "ada", change: -1_000_000_000_001, reason: odd }, next())])
  yield* ask([make(registerCall, { productId: "dear", name: odd, price: maxPrice, onHand: maxAmount - 9 }, next())])
  yield* ask([make(restockCall, { productId: "dear", quantity: 9 }, next())])
  yield* ask([make(adjustStockCall, { productId: "dear", change: -3_000_000_001, reason: odd }, next())])
  yield* ask(products.map((productId) => make(registerCall, { productId, name: "P", price: 1, onHand: 500 }, next())))
  yield* ask([
    make(
      createCampaignCall,
      {
        campaignId: "most",
        name: odd,
        discount: most,
        limit: maxAmount - 1_000_001,
        opensAt,
        closesAt,
        validDays: 36_500,
      },
      next(),
    ),
    make(
      createCampaignCall,
      {
        campaignId: "least",
        name: "L",
        discount: { type: "flat", amount: maxPrice, minTotal: 7 },
        limit: 1,
        state: "paused",
      },
      next(),
    ),
  ])
  yield* ask([make(openCampaignCall, { campaignId: "least" }, next())])
  yield* ask([make(issueCall, { campaignId: "most", accountId: "ada" }, next())])
  yield* ask([make(issueCall, { campaignId: "least", accountId: "bob" }, next())])
  // As many rows of a kind as one command can change, and the largest order that there is.
  yield* ask([make(placeCall, { accountId: "ada", lines, reference: odd, metadata }, { ...next(), id: "large" })])
  const dear = { accountId: "ada", lines: [{ productId: "dear", quantity: 7 }], campaignId: "most" }
  yield* ask([make(placeCall, dear, { ...next(), id: "dear" })])
  const facts = yield* store.reads.order(OrderId.make("dear"))
  const cancelled = { accountId: "ada", orderId: "dear", restock: false }
  yield* ask([make(cancelCall, cancelled, { ...next(), request: { facts } })])
  yield* ask([make(completeCall, { orderId: "large" }, next()), make(suspendCall, { accountId: "bob" }, next())])
  // Of each kind something is in another state than the one it began in.
  yield* ask([make(placeCall, dear, { ...next(), id: "dear again" })])
  yield* ask([make(revokeCall, { campaignId: "least", accountId: "bob" }, next())])
  yield* ask([make(closeCampaignCall, { campaignId: "least" }, next())])
  yield* ask([make(changePriceCall, { productId: "dear", price: 0 }, next())])
  yield* ask([make(renameCall, { productId: "p100", name: "e\u0301" }, next())])
  yield* ask([make(retireCall, { productId: "p101" }, next())])
})
