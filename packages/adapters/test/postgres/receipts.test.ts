/**
 * Receipts stand in orders, entries, coupons and in a table of their own. Nobody who asks for one should notice.
 */
import { compareKeys, kinds, type StoreShape } from "@holdfast/core/ports"
import { Effect } from "effect"
import { beforeEach, describe, expect, it } from "vitest"
import {
  charge,
  command,
  furnish,
  issueCall,
  keyOf,
  place,
  placeCall,
  restock,
  testScope,
  transact,
} from "../support/core.ts"
import { freshSchema, query, serverForFile, storeOn } from "../support/stores.ts"

describe("receipts", () => {
  const { url, server } = serverForFile("receipts")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  const withShop = (use: (store: StoreShape, schema: string) => Effect.Effect<unknown, unknown>): Promise<unknown> => {
    const schema = freshSchema()
    return Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const store = yield* storeOn(url(), "any", schema)
          yield* furnish(store, {
            accounts: ["ada", "bob"],
            points: 100,
            products: { tea: 9 },
            campaigns: { spring: 3 },
          })
          yield* use(store, schema)
        }),
      ),
    )
  }

  it("are scanned in the order of their keys, page by page, whatever table they stand in", () =>
    withShop((store) =>
      Effect.gen(function* () {
        const other = { ...place("ada", "tea", 1, "in another scope"), scope: `${testScope}2` as typeof testScope }
        yield* transact(store, [place("bob", "tea", 1, "b"), place("ada", "tea", 1, "a"), charge("ada", 1, "c"), other])
        yield* transact(store, [restock("tea", 1), command(issueCall, { campaignId: "spring", accountId: "ada" })])
        const keys: Array<ReturnType<typeof kinds.receipt.keyOf>> = []
        for (;;) {
          const [next] = yield* store.scan("receipt", keys.at(-1), 1)
          if (next === undefined) break
          keys.push(kinds.receipt.keyOf(next))
        }
        const whole = (yield* store.scan("receipt", undefined, 100)).map(kinds.receipt.keyOf)
        expect(keys).toEqual(whole)
        expect(keys).toEqual(keys.toSorted(compareKeys))
        expect(new Set(keys.map(([, operation]) => operation))).toEqual(
          new Set([
            "coupons.createCampaign",
            "coupons.issue",
            "orders.place",
            "points.charge",
            "points.open",
            "stock.register",
            "stock.restock",
          ]),
        )
        // A key of fewer parts stands before all that begin with it.
        const placed = yield* store.scan("receipt", [testScope, "orders.place"], 2)
        expect(placed.map(({ key }) => key)).toEqual(["a", "b"])
      }),
    ))

  it("answer a repeat after their row was archived", () =>
    withShop((store, schema) =>
      Effect.gen(function* () {
        const asked = place("ada", "tea", 1, "once")
        const [first] = yield* transact(store, [asked])
        const before = yield* store.reads.receipt(testScope, placeCall.name, keyOf("once"))
        yield* query(
          url(),
          `with kept as (insert into ${schema}.receipt select * from ${schema}.receipts where operation = 'orders.place')
           delete from ${schema}.orders`,
        )
        expect(yield* store.reads.receipt(testScope, placeCall.name, keyOf("once"))).toEqual(before)
        const again = { ...place("ada", "tea", 1, "once"), fingerprint: asked.fingerprint }
        const decisions = yield* transact(store, [again, place("ada", "tea", 2, "once")])
        expect(first).toMatchObject({ _tag: "Accepted" })
        expect(decisions).toMatchObject([
          { _tag: "Recalled", own: false, receipt: before },
          { _tag: "Refused", refusal: { _tag: "IdempotencyKeyReused" } },
        ])
      }),
    ))
})
