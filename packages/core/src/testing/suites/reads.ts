/**
 * What every store answers: pages, lists, rankings and scans.
 */
import { Effect } from "effect"
import { createCampaignCall, issueCall } from "../../decision/couponCalls.ts"
import { cancelCall, placeCall } from "../../decision/orderCalls.ts"
import { closeCall, openCall, suspendCall } from "../../decision/pointsCalls.ts"
import { registerCall, retireCall } from "../../decision/stockCalls.ts"
import { hourOf } from "../../popularity/SalesBucket.ts"
import { kinds, ledgers, type OrderPage, type OrderPlace, type StoreFault } from "../../ports/index.ts"
import type { PageRequest } from "../../ports/StoreShape.ts"
import { AccountId, CampaignId, OrderId, ProductId } from "../../values.ts"
import { command, keyOf, testAt, testScope, transact } from "./commands.ts"
import { byBytes, scanAll } from "./contents.ts"
import { expect } from "./expect.ts"
import { fields } from "./fields.ts"
import { lists, sealsAreExact } from "./lists.ts"
import { type StoreSuite, type SuiteStore, storeCase, storeOf } from "./StoreSuite.ts"
import { charge, type Furniture, furnish, place } from "./shop.ts"

/** Ids that are in another order by UTF-16 or without case than by bytes. */
const tied = ["\u{1f600}", "Z", "\uff5e"]
const hourMillis = 3_600_000
/** Far more pages than any list has here, those included that had nothing to show yet. */
const mostPages = 10_000

/** All orders of a list, page by page; what is held back is asked for until it is there. */
const walkOrders = (
  read: (after: OrderPlace | undefined) => Effect.Effect<OrderPage, StoreFault>,
): Effect.Effect<
  { readonly seen: ReadonlyArray<string>; readonly pages: number; readonly largest: number },
  StoreFault
> =>
  Effect.gen(function* () {
    const seen: Array<string> = []
    let [pages, largest] = [0, 0]
    let after: OrderPlace | undefined
    for (let more = true; more; pages++) {
      if (pages === mostPages) throw new Error(`There was still more behind ${mostPages} pages.`)
      const page = yield* read(after)
      seen.push(...page.listed.map(({ order }) => order.orderId))
      largest = Math.max(largest, JSON.stringify(page.listed).length)
      const last = page.listed.at(-1)
      if (last !== undefined) after = { position: last.position, orderId: last.order.orderId }
      more = page.more
    }
    return { seen, pages, largest }
  })

/** Reads: pages, lists, rankings and scans. */
export const reads = ({ name, layer, hasSeals = true }: SuiteStore): StoreSuite => {
  const make = storeOf(layer)
  const furnished = (shop: Furniture) =>
    Effect.gen(function* () {
      const store = yield* make
      yield* furnish(store, shop)
      return store
    })

  const seals = storeCase("says how a campaign stands for a crowd of claims, and who owns its tickets", function* () {
    const store = yield* furnished({ accounts: ["ada", "bob", "cem", "dan", "eve"], campaigns: { spring: 3 } })
    const { standing, owners } = store.reads
    if (standing === undefined || owners === undefined)
      throw new Error("The store has no reads.standing and reads.owners. Is it one of `hasSeals: false`?")
    const campaignId = CampaignId.make("spring")
    const keys = ["k-bob", "k-cem", "k-bob"].map((key) => [testScope, keyOf(key)] as const)
    const stands = (...ids: ReadonlyArray<string>) =>
      standing({ campaignId, accountIds: ids.map((id) => AccountId.make(id)), keys })
    const before = yield* stands("ada")
    expect(before).toMatchObject({ campaign: { issued: 0, limit: 3 }, notOpen: [], used: [] })
    expect(before.lastCommandId).toBeUndefined()
    for (const accountId of ["bob", "ada", "cem"]) {
      const input = { campaignId, accountId, ...(accountId === "bob" && { key: "k-bob" }) }
      yield* transact(store, [command(issueCall, input, { id: `issue-${accountId}` })])
    }
    yield* transact(store, [command(closeCall, { accountId: "dan" })])
    yield* transact(store, [command(suspendCall, { accountId: "eve" })])
    const after = yield* stands("dan", "ada", "nobody", "cem", "eve")
    expect(after).toMatchObject({
      campaign: yield* store.reads.campaign(campaignId),
      lastCommandId: "issue-cem",
      notOpen: [0, 2, 4],
      used: [0, 2],
    })
    expect(yield* stands("ada", "bob")).toMatchObject({ notOpen: [], used: [0, 2] })
    const none = CampaignId.make("none")
    expect((yield* standing({ campaignId: none, accountIds: [], keys: [] })).campaign).toBeUndefined()
    expect(yield* owners(campaignId, 0, 2)).toEqual(["bob", "ada"])
    expect(yield* owners(campaignId, 2, 2)).toEqual(["cem"])
    expect(yield* owners(campaignId, 3, 2)).toEqual([])
  })

  return {
    title: `reads of ${name}`,
    cases: [
      storeCase("pages through a ledger in both directions without losing or repeating a row", function* () {
        const store = yield* furnished({ accounts: ["ada", "bob"] })
        for (let count = 1; count <= 10; count++) yield* transact(store, [charge("ada", count), charge("bob", 1)])
        const ada = AccountId.make("ada")
        const page = (after: number | undefined, newestFirst: boolean, limit = 4) =>
          Effect.map(store.reads.entries(ada, { after, limit, newestFirst }), (rows) => rows.map(({ seq }) => seq))
        expect(yield* page(undefined, false)).toEqual([1, 2, 3, 4])
        expect(yield* page(4, false)).toEqual([5, 6, 7, 8])
        expect(yield* page(8, false)).toEqual([9, 10])
        expect(yield* page(10, false)).toEqual([])
        expect(yield* page(undefined, true)).toEqual([10, 9, 8, 7])
        expect(yield* page(7, true)).toEqual([6, 5, 4, 3])
        expect(yield* page(3, true)).toEqual([2, 1])
        expect(yield* page(1, true)).toEqual([])
        expect(
          yield* store.reads.entries(AccountId.make("eve"), { after: undefined, limit: 5, newestFirst: true }),
        ).toEqual([])
      }),

      storeCase(
        "answers orders by account and by reference in the order of their commits, whatever their ids",
        function* () {
          const store = yield* furnished({ accounts: ["ada"], points: 1_000, products: { tea: 100 } })
          const ids = ["o5", "o1", "o9", "o3", "o7"]
          for (const id of ids) {
            const lines = [{ productId: "tea", quantity: 1 }]
            yield* transact(store, [command(placeCall, { accountId: "ada", lines, reference: "cart" }, { id })])
          }
          const lists = {
            ofAccount: (page: PageRequest<OrderPlace>) => store.reads.ordersOfAccount(AccountId.make("ada"), page),
            byReference: (page: PageRequest<OrderPlace>) => store.reads.ordersByReference("cart", page),
          }
          for (const read of Object.values(lists)) {
            for (const newestFirst of [false, true]) {
              const expected = newestFirst ? ids.toReversed() : ids
              for (const limit of [1, 2, 4, 5, 6]) {
                const { seen, pages } = yield* walkOrders((after) => read({ after, limit, newestFirst }))
                expect(seen).toEqual(expected)
                expect(pages).toBe(Math.ceil(ids.length / limit))
              }
            }
          }
          const none = { after: undefined, limit: 5, newestFirst: true }
          expect(yield* store.reads.ordersOfAccount(AccountId.make("eve"), none)).toEqual({ listed: [], more: false })
          expect(yield* store.reads.ordersByReference("none", none)).toEqual({ listed: [], more: false })
        },
      ),

      storeCase(
        "sees on a later page what is committed with a smaller id, and the newest commit first from the end",
        function* () {
          const store = yield* furnished({ accounts: ["ada"], points: 1_000, products: { tea: 100 } })
          const lines = [{ productId: "tea", quantity: 1 }]
          // What is free moves the list as well.
          const free = [{ productId: "air", quantity: 1 }]
          yield* transact(store, [command(registerCall, { productId: "air", name: "Air", price: 0, onHand: 100 })])
          const order = (id: string, what = lines) =>
            command(placeCall, { accountId: "ada", lines: what, reference: "cart" }, { id })
          yield* transact(store, [order("o4"), order("o6", free)])
          const ofAda = (page: PageRequest<OrderPlace>) => store.reads.ordersOfAccount(AccountId.make("ada"), page)
          const byCart = (page: PageRequest<OrderPlace>) => store.reads.ordersByReference("cart", page)
          for (const [read, late] of [
            [ofAda, ["o3", "o2"]],
            [byCart, ["o1", "o0"]],
          ] as const) {
            const first = yield* read({ after: undefined, limit: 2, newestFirst: false })
            const last = first.listed.at(-1)
            for (const [index, id] of late.entries()) {
              yield* transact(store, [order(id, index === 0 ? lines : free)])
              const [newest] = (yield* read({ after: undefined, limit: 1, newestFirst: true })).listed
              expect(newest?.order.orderId).toBe(id)
            }
            const after = last && { position: last.position, orderId: last.order.orderId }
            const { seen } = yield* walkOrders((next) => read({ after: next ?? after, limit: 1, newestFirst: false }))
            expect(seen).toContainAll(late)
          }
        },
      ),

      storeCase("makes shorter pages of large orders, and leaves none out", function* () {
        const ids = Array.from({ length: 100 }, (_, index) => `${"p".repeat(120)}${index + 100}`)
        const products = Object.fromEntries(ids.map((id) => [id, 1_000]))
        const store = yield* furnished({ accounts: ["ada"], points: 1_000_000, products })
        const lines = ids.map((productId) => ({ productId, quantity: 1 }))
        const orders = Array.from({ length: 60 }, (_, index) => `o${index + 100}`)
        for (const id of orders) {
          yield* transact(store, [command(placeCall, { accountId: "ada", lines, reference: "cart" }, { id })])
        }
        for (const newestFirst of [false, true]) {
          const { seen, pages, largest } = yield* walkOrders((after) =>
            store.reads.ordersOfAccount(AccountId.make("ada"), { after, limit: 1_000, newestFirst }),
          )
          expect(seen).toEqual(newestFirst ? orders.toReversed() : orders)
          expect(pages).toBeGreaterThan(1)
          expect(largest).toBeLessThan(2 * 1_048_576)
        }
      }),

      ...(hasSeals ? [seals, sealsAreExact(make)] : []),

      storeCase("shows an order's live state in every list it is in", function* () {
        const store = yield* furnished({ accounts: ["ada"], points: 1_000, products: { tea: 100 } })
        const lines = [{ productId: "tea", quantity: 3 }]
        yield* transact(store, [command(placeCall, { accountId: "ada", lines, reference: "cart" }, { id: "order-1" })])
        const orderId = OrderId.make("order-1")
        const facts = yield* store.reads.order(orderId)
        yield* transact(store, [command(cancelCall, { accountId: "ada", orderId }, { request: { facts } })])
        const whole = { after: undefined, limit: 9, newestFirst: false }
        const states = [
          (yield* store.reads.ordersOfAccount(AccountId.make("ada"), whole)).listed[0]?.order,
          (yield* store.reads.ordersByReference("cart", whole)).listed[0]?.order,
          (yield* store.scan("order", undefined, 9))[0],
        ].map((order) => order?.state)
        expect(states).toEqual(["cancelled", "cancelled", "cancelled"])
        expect((yield* store.reads.order(orderId))?.state).toBe("cancelled")
      }),

      storeCase("lists coupons by campaign of an account and by ticket of a campaign", function* () {
        const store = yield* furnished({ accounts: ["ada", "bob"] })
        for (const campaignId of ["z", "a", "m"]) {
          const discount = { type: "flat", amount: 1 } as const
          yield* transact(store, [
            command(createCampaignCall, { campaignId, name: "C", discount, limit: 5 }),
            command(issueCall, { campaignId, accountId: "bob" }),
            command(issueCall, { campaignId, accountId: "ada" }),
          ])
        }
        const ofAda = yield* store.reads.couponsOfAccount(AccountId.make("ada"), {
          after: CampaignId.make("a"),
          limit: 5,
          newestFirst: false,
        })
        expect(ofAda.map(({ campaignId }) => campaignId)).toEqual(["m", "z"])
        const ofCampaign = yield* store.reads.couponsOfCampaign(CampaignId.make("m"), {
          after: undefined,
          limit: 5,
          newestFirst: true,
        })
        expect(ofCampaign.map(({ ticket, accountId }) => [ticket, accountId])).toEqual([
          [2, "ada"],
          [1, "bob"],
        ])
      }),

      storeCase("answers products in the order asked for and leaves unknown ones out", function* () {
        const store = yield* furnished({ products: { tea: 1, cup: 2 } })
        const ids = ["cup", "nothing", "tea"].map((id) => ProductId.make(id))
        expect((yield* store.reads.products(ids)).map(({ productId }) => productId)).toEqual(["cup", "tea"])
      }),

      storeCase("ranks the products sold most inside the window only, without retired and unsold ones", function* () {
        const store = yield* furnished({
          accounts: ["ada"],
          points: 10_000,
          products: { b: 99, a: 99, old: 99, gone: 99, back: 99, ...Object.fromEntries(tied.map((id) => [id, 99])) },
        })
        const sell = (productId: string, quantity: number, hours: number) =>
          command(
            placeCall,
            { accountId: "ada", lines: [{ productId, quantity }] },
            { at: testAt + hours * hourMillis, deadline: testAt + 99 * hourMillis, id: `${productId}${hours}` },
          )
        yield* transact(store, [
          sell("a", 3, 0),
          sell("b", 1, 0),
          sell("b", 2, 5),
          sell("old", 50, -1),
          sell("gone", 9, 1),
          ...tied.map((productId) => sell(productId, 3, 0)),
        ])
        yield* transact(store, [sell("back", 9, 2), command(retireCall, { productId: "gone" })])
        const facts = yield* store.reads.order(OrderId.make("back2"))
        yield* transact(store, [command(cancelCall, { accountId: "ada", orderId: "back2" }, { request: { facts } })])
        const top = (fromHours: number, untilHours: number, limit = 9) =>
          Effect.map(
            store.reads.top({ fromHour: hourOf(testAt) + fromHours, untilHour: hourOf(testAt) + untilHours, limit }),
            (sales) => sales.map(({ productId, sold }) => [productId, sold]),
          )
        expect(yield* top(0, 6)).toEqual(["Z", "a", "b", "\uff5e", "\u{1f600}"].map((id) => [id, 3]))
        expect(yield* top(0, 5)).toEqual([...["Z", "a", "\uff5e", "\u{1f600}"].map((id) => [id, 3]), ["b", 1]])
        expect(yield* top(-100_000, 100_000, 1)).toEqual([["old", 50]])
        expect(yield* top(6, 9)).toEqual([])
      }),

      storeCase("finds a receipt under its scope, operation and key and no other", function* () {
        const store = yield* furnished({ products: { tea: 5 }, accounts: ["ada"], points: 100 })
        yield* transact(store, [place("ada", "tea", 1, "first")])
        const receipt = (operation: string, key: string) => store.reads.receipt(testScope, operation, keyOf(key))
        expect((yield* receipt("orders.place", "first"))?.key).toBe("first")
        expect(yield* receipt("orders.place", "second")).toBeUndefined()
        expect(yield* receipt("orders.cancel", "first")).toBeUndefined()
      }),

      storeCase(
        "scans in the order of bytes, also beyond ASCII and while records are added between the pages",
        function* () {
          // U+FF5E sorts before U+1F600 by bytes and after it by UTF-16 units.
          const ids = ["\u{1f600}", "\uff5e", "é", "z", "a", "Z", "\u{1f600}a", "0", "aa", "가", "나"]
          const store = yield* furnished({ accounts: ids, points: 1 })
          const order = (keys: ReadonlyArray<string>) => [...keys].sort((left, right) => byBytes([left], [right]))
          const first = yield* store.scan("account", undefined, 4)
          expect(first.map(({ accountId }) => accountId)).toEqual(order(ids).slice(0, 4))
          yield* transact(store, [
            command(openCall, { accountId: "b" }),
            command(openCall, { accountId: "\u{10ffff}" }),
          ])
          const rest = yield* scanAll(
            (after, limit) => store.scan("account", after ?? ["Z"], limit),
            kinds.account.keyOf,
            3,
          )
          const all = order([...ids, "b", "\u{10ffff}"])
          expect(rest.map(({ accountId }) => accountId)).toEqual(all.slice(all.indexOf("Z") + 1))
          const entries = yield* scanAll((after, limit) => store.scanLog("entry", after, limit), ledgers.entry.keyOf, 2)
          expect(entries.map(({ accountId }) => accountId)).toEqual(order(ids))
        },
      ),

      storeCase("sees what was acknowledged before the read began", function* () {
        const store = yield* furnished({ accounts: ["ada"] })
        yield* transact(store, [charge("ada", 7)])
        expect((yield* store.reads.account(AccountId.make("ada")))?.balance).toBe(7)
      }),

      ...lists(make),

      fields(make),
    ],
  }
}
