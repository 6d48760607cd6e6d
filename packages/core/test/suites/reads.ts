/**
 * What every store answers: pages, lists, rankings and scans.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { beforeEach } from "vitest"
import { createCampaignCall, issueCall } from "../../src/decision/couponCalls.ts"
import { cancelCall, placeCall } from "../../src/decision/orderCalls.ts"
import { openCall } from "../../src/decision/pointsCalls.ts"
import { retireCall } from "../../src/decision/stockCalls.ts"
import { hourOf } from "../../src/popularity/SalesBucket.ts"
import { kinds, logs } from "../../src/ports/Store.ts"
import { AccountId, CampaignId, OrderId, ProductId } from "../../src/values.ts"
import { byBytes, charge, furnish, place, scanAll } from "../memory/world.ts"
import { command, keyOf, testAt, testScope, transact } from "../support/commands.ts"
import type { SuiteStore } from "./SuiteStore.ts"

const hourMillis = 3_600_000

export const readsSuite = (stores: ReadonlyArray<SuiteStore>): void => {
  describe.each(stores)("reads of $name", { timeout: 60_000 }, ({ make, before }) => {
    beforeEach(before)
    const furnished = (shop: Parameters<typeof furnish>[1]) =>
      Effect.gen(function* () {
        const store = yield* make
        yield* furnish(store, shop)
        return store
      })

    it.effect("pages through a ledger in both directions without losing or repeating a row", () =>
      Effect.gen(function* () {
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
    )

    it.effect("answers orders by account and by reference in the order of their ids, whatever order they came in", () =>
      Effect.gen(function* () {
        const store = yield* furnished({ accounts: ["ada"], points: 1_000, products: { tea: 100 } })
        const ids = ["o5", "o1", "o9", "o3", "o7"]
        for (const id of ids) {
          const lines = [{ productId: "tea", quantity: 1 }]
          yield* transact(store, [command(placeCall, { accountId: "ada", lines, reference: "cart" }, { id })])
        }
        const cursor = { limit: 2, newestFirst: false }
        const list = (after: string | undefined, newestFirst: boolean) =>
          Effect.map(
            store.reads.ordersOfAccount(AccountId.make("ada"), {
              after: after === undefined ? undefined : OrderId.make(after),
              limit: 2,
              newestFirst,
            }),
            (orders) => orders.map(({ orderId }) => orderId),
          )
        expect(yield* list(undefined, false)).toEqual(["o1", "o3"])
        expect(yield* list("o3", false)).toEqual(["o5", "o7"])
        // A cursor need not be an order that exists.
        expect(yield* list("o4", true)).toEqual(["o3", "o1"])
        const referenced = yield* store.reads.ordersByReference("cart", { ...cursor, after: OrderId.make("o7") })
        expect(referenced.map(({ orderId }) => orderId)).toEqual(["o9"])
      }),
    )

    it.effect("shows an order's live state in every list it is in", () =>
      Effect.gen(function* () {
        const store = yield* furnished({ accounts: ["ada"], points: 1_000, products: { tea: 100 } })
        const lines = [{ productId: "tea", quantity: 3 }]
        yield* transact(store, [command(placeCall, { accountId: "ada", lines, reference: "cart" }, { id: "order-1" })])
        const orderId = OrderId.make("order-1")
        const facts = yield* store.reads.order(orderId)
        yield* transact(store, [command(cancelCall, { accountId: "ada", orderId }, { request: { facts } })])
        const whole = { after: undefined, limit: 9, newestFirst: false }
        const states = [
          yield* store.reads.ordersOfAccount(AccountId.make("ada"), whole),
          yield* store.reads.ordersByReference("cart", whole),
          yield* store.scan("order", undefined, 9),
        ].map(([order]) => order?.state)
        expect(states).toEqual(["cancelled", "cancelled", "cancelled"])
        expect((yield* store.reads.order(orderId))?.state).toBe("cancelled")
      }),
    )

    it.effect("lists coupons by campaign of an account and by ticket of a campaign", () =>
      Effect.gen(function* () {
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
    )

    it.effect("answers products in the order asked for and leaves unknown ones out", () =>
      Effect.gen(function* () {
        const store = yield* furnished({ products: { tea: 1, cup: 2 } })
        const ids = ["cup", "nothing", "tea"].map((id) => ProductId.make(id))
        expect((yield* store.reads.products(ids)).map(({ productId }) => productId)).toEqual(["cup", "tea"])
      }),
    )

    it.effect("ranks the products sold most inside the window only, without retired and unsold ones", () =>
      Effect.gen(function* () {
        const store = yield* furnished({
          accounts: ["ada"],
          points: 10_000,
          products: { b: 99, a: 99, old: 99, gone: 99, back: 99 },
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
        ])
        yield* transact(store, [sell("back", 9, 2), command(retireCall, { productId: "gone" })])
        const facts = yield* store.reads.order(OrderId.make("back2"))
        yield* transact(store, [command(cancelCall, { accountId: "ada", orderId: "back2" }, { request: { facts } })])
        const top = (fromHours: number, untilHours: number, limit = 9) =>
          Effect.map(
            store.reads.top({ fromHour: hourOf(testAt) + fromHours, untilHour: hourOf(testAt) + untilHours, limit }),
            (sales) => sales.map(({ productId, sold }) => [productId, sold]),
          )
        expect(yield* top(0, 6)).toEqual([
          ["a", 3],
          ["b", 3],
        ])
        expect(yield* top(0, 5)).toEqual([
          ["a", 3],
          ["b", 1],
        ])
        expect(yield* top(-100_000, 100_000, 1)).toEqual([["old", 50]])
        expect(yield* top(6, 9)).toEqual([])
      }),
    )

    it.effect("finds a receipt under its scope, operation and key and no other", () =>
      Effect.gen(function* () {
        const store = yield* furnished({ products: { tea: 5 }, accounts: ["ada"], points: 100 })
        yield* transact(store, [place("ada", "tea", 1, "first")])
        const receipt = (operation: string, key: string) => store.reads.receipt(testScope, operation, keyOf(key))
        expect((yield* receipt("orders.place", "first"))?.key).toBe("first")
        expect(yield* receipt("orders.place", "second")).toBeUndefined()
        expect(yield* receipt("orders.cancel", "first")).toBeUndefined()
      }),
    )

    it.effect("scans in the order of bytes, also beyond ASCII and while records are added between the pages", () =>
      Effect.gen(function* () {
        // U+FF5E sorts before U+1F600 by bytes and after it by UTF-16 units.
        const ids = ["\u{1f600}", "\uff5e", "é", "z", "a", "Z", "\u{1f600}a", "0", "aa", "가", "나"]
        const store = yield* furnished({ accounts: ids, points: 1 })
        const order = (keys: ReadonlyArray<string>) => [...keys].sort((left, right) => byBytes([left], [right]))
        const first = yield* store.scan("account", undefined, 4)
        expect(first.map(({ accountId }) => accountId)).toEqual(order(ids).slice(0, 4))
        yield* transact(store, [command(openCall, { accountId: "b" }), command(openCall, { accountId: "\u{10ffff}" })])
        const rest = yield* scanAll(
          (after, limit) => store.scan("account", after ?? ["Z"], limit),
          kinds.account.keyOf,
          3,
        )
        const all = order([...ids, "b", "\u{10ffff}"])
        expect(rest.map(({ accountId }) => accountId)).toEqual(all.slice(all.indexOf("Z") + 1))
        const entries = yield* scanAll((after, limit) => store.scanLog("entry", after, limit), logs.entry.keyOf, 2)
        expect(entries.map(({ accountId }) => accountId)).toEqual(order(ids))
      }),
    )

    it.effect("sees what was acknowledged before the read began", () =>
      Effect.gen(function* () {
        const store = yield* furnished({ accounts: ["ada"] })
        yield* transact(store, [charge("ada", 7)])
        expect((yield* store.reads.account(AccountId.make("ada")))?.balance).toBe(7)
      }),
    )
  })
}
