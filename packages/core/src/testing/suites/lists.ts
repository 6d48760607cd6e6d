/**
 * Every list of a store page by page: all of it, in its order, nothing twice, and no page longer than was asked for. And what
 * is looked up by several parts of a key, of which each counts.
 */
import { Clock, Effect } from "effect"
import { createCampaignCall, issueCall, revokeCall } from "../../decision/couponCalls.ts"
import { cancelCall, placeCall } from "../../decision/orderCalls.ts"
import { openCall } from "../../decision/pointsCalls.ts"
import { registerCall } from "../../decision/stockCalls.ts"
import { hourOf } from "../../popularity/SalesBucket.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import type { PageRequest } from "../../ports/StoreShape.ts"
import { AccountId, CampaignId, OrderId, ProductId, Scope } from "../../values.ts"
import { command, keyOf, testAt, testScope, transact } from "./commands.ts"
import { byBytes } from "./contents.ts"
import { expect } from "./expect.ts"
import { type MakeStore, type StoreCase, storeCase } from "./StoreSuite.ts"
import { charge, furnish, issue, place, restock } from "./shop.ts"

const hourMillis = 3_600_000
/** The id after it sorts before it by UTF-16 units, and case and accents make another one. */
const ids = ["\u{1f600}", "\uff5e", "é", "e\u0301", "z", "a", "Z"] as const
const inOrder = (texts: ReadonlyArray<string>) => texts.toSorted((left, right) => byBytes([left], [right]))

/** Walks a list in both directions, by pages of several lengths. */
const mustBe = Effect.fnUntraced(function* <Row, Cursor>(
  oldestFirst: ReadonlyArray<string>,
  read: (page: PageRequest<Cursor>) => Effect.Effect<ReadonlyArray<Row>, StoreFault>,
  cursorOf: (row: Row) => Cursor,
  nameOf: (row: Row) => string,
): Effect.fn.Return<void, StoreFault> {
  for (const newestFirst of [false, true]) {
    for (const limit of [1, 2, 3, oldestFirst.length, oldestFirst.length + 1]) {
      const seen: Array<string> = []
      let after: Cursor | undefined
      // One page more than there can be, since a cursor that stands still would never come to an end.
      for (let pages = 0; pages <= oldestFirst.length + 1; pages++) {
        const page: ReadonlyArray<Row> = yield* read({ after, limit, newestFirst })
        const last = page.at(-1)
        expect(page.length).toBeLessThanOrEqual(limit)
        if (last === undefined) break
        seen.push(...page.map(nameOf))
        after = cursorOf(last)
      }
      expect(seen).toEqual(newestFirst ? oldestFirst.toReversed() : oldestFirst)
    }
  }
})

/** The cases of lists and look-ups: a part of the suite of reads. */
export const lists = (make: MakeStore): ReadonlyArray<StoreCase> => [
  storeCase("gives each list whole and in order, whichever way and however long its pages are", function* () {
    const store = yield* make
    yield* furnish(store, { accounts: ids, points: 50, products: { tea: 9, cup: 9 } })
    const discount = { type: "flat", amount: 1 } as const
    for (const campaignId of ids) {
      yield* transact(store, [
        command(createCampaignCall, { campaignId, name: "C", discount, limit: 9 }),
        command(issueCall, { campaignId, accountId: "a" }),
      ])
    }
    const owners = ["a", "z", "Z", "\u{1f600}", "é"]
    for (const accountId of owners.slice(1)) {
      yield* transact(store, [command(issueCall, { campaignId: "a", accountId })])
    }
    for (let count = 1; count <= 4; count++) {
      yield* transact(store, [charge("a", count), charge("z", 1), restock("tea", count), restock("cup", 1)])
    }
    const [ada, spring, tea] = [AccountId.make("a"), CampaignId.make("a"), ProductId.make("tea")]
    const { reads } = store
    yield* mustBe(
      ["a 1", "a 2", "a 3", "a 4", "a 5"],
      (page: PageRequest<number>) => reads.entries(ada, page),
      ({ seq }) => seq,
      ({ accountId, seq }) => `${accountId} ${seq}`,
    )
    yield* mustBe(
      ["tea 1", "tea 2", "tea 3", "tea 4", "tea 5"],
      (page: PageRequest<number>) => reads.movements(tea, page),
      ({ revision }) => revision,
      ({ productId, revision }) => `${productId} ${revision}`,
    )
    yield* mustBe(
      inOrder(ids),
      (page: PageRequest<CampaignId>) => reads.couponsOfAccount(ada, page),
      ({ campaignId }) => campaignId,
      ({ campaignId }) => campaignId,
    )
    yield* mustBe(
      owners,
      (page: PageRequest<number>) => reads.couponsOfCampaign(spring, page),
      ({ ticket }) => ticket,
      ({ accountId }) => accountId,
    )
  }),

  storeCase("answers hundreds of products at once, in the order asked for", function* () {
    const store = yield* make
    const many = Array.from({ length: 300 }, (_, index) => `p${(index * 7) % 300}`)
    yield* transact(
      store,
      many.toSorted().map((productId) => command(registerCall, { productId, name: "P", price: 1 })),
    )
    const found = yield* store.reads.products(many.map((id) => ProductId.make(id)))
    expect(found.map(({ productId }) => productId)).toEqual(many)
  }),

  storeCase("tells keys, ids and references apart by every byte, and keys by their scope", function* () {
    const store = yield* make
    yield* furnish(store, { accounts: ["ada"], points: 1_000, products: { tea: 90 } })
    const texts = ["key", "KEY", "k\u00e9y", "ke\u0301y"]
    const lines = [{ productId: "tea", quantity: 1 }]
    for (const [index, text] of texts.entries()) {
      const found = yield* store.reads.receipt(testScope, "orders.place", keyOf(text))
      expect(found).toBeUndefined()
      const input = { accountId: "ada", lines, key: text, reference: text }
      const decisions = yield* transact(store, [
        command(placeCall, input, { id: `order-${index}` }),
        command(openCall, { accountId: text }),
      ])
      expect(decisions.map(({ _tag }) => _tag)).toEqual(["Accepted", "Accepted"])
    }
    for (const [index, text] of texts.entries()) {
      expect((yield* store.reads.receipt(testScope, "orders.place", keyOf(text)))?.commandId).toBe(`order-${index}`)
      expect((yield* store.reads.account(AccountId.make(text)))?.accountId).toBe(text)
      const { listed } = yield* store.reads.ordersByReference(text, { after: undefined, limit: 9, newestFirst: false })
      expect(listed.map(({ order }) => order.orderId)).toEqual([`order-${index}`])
    }
    expect(yield* store.reads.receipt(Scope.make("Test"), "orders.place", keyOf("key"))).toBeUndefined()
    expect(yield* store.reads.receipt(Scope.make("other"), "orders.place", keyOf("key"))).toBeUndefined()
  }),

  storeCase("says the time of its clock, how far it has archived and that it is there, where it can", function* () {
    const store = yield* make
    yield* furnish(store, { accounts: ["ada"] })
    expect(yield* store.reads.account(AccountId.make("ada"))).toMatchObject({ accountId: "ada" })
    const here = yield* Clock.currentTimeMillis
    const now = yield* store.now ?? Effect.succeed(here)
    expect(Math.abs(now - here)).toBeLessThan(24 * hourMillis)
    const archivedBefore = (yield* store.archivedBefore ?? Effect.undefined) ?? 0
    expect(archivedBefore).toBeLessThanOrEqual(now)
    expect(archivedBefore % hourMillis).toBe(0)
    yield* store.probe ?? Effect.void
  }),

  storeCase("says what was sold in an hour, where it feeds a ranking", function* () {
    const store = yield* make
    const sold = ["\uff5e", "\u{1f600}", "b", "a", "gone"]
    yield* furnish(store, {
      accounts: ["ada"],
      points: 10_000,
      products: Object.fromEntries([...sold, "back"].map((id) => [id, 9])),
    })
    const sell = (productId: string, quantity: number, hours: number) =>
      transact(store, [
        command(
          placeCall,
          { accountId: "ada", lines: [{ productId, quantity }] },
          { at: testAt + hours * hourMillis, deadline: testAt + 99 * hourMillis },
        ),
      ])
    for (const [index, productId] of sold.entries()) yield* sell(productId, index + 1, 0)
    yield* sell("a", 2, 1)
    const back = { accountId: "ada", lines: [{ productId: "back", quantity: 1 }] }
    yield* transact(store, [command(placeCall, back, { id: "back" })])
    const facts = yield* store.reads.order(OrderId.make("back"))
    yield* transact(store, [command(cancelCall, { accountId: "ada", orderId: "back" }, { request: { facts } })])
    const hour = hourOf(testAt)
    const { soldOf, soldIn } = store.reads
    const told = (sales: ReadonlyArray<{ readonly productId: string; readonly sold: number }>) =>
      sales.map((sale) => [sale.productId, sale.sold])
    // What was given back is told as 0: a ranking has more of it.
    const expected = inOrder([...sold, "back"]).map((id) => [id, sold.indexOf(id) + 1])
    if (soldOf !== undefined) {
      const asked = ["a", "b", "back", "nothing"].map((id) => ProductId.make(id))
      const found = told(yield* soldOf(hour, asked)).toSorted()
      expect(found).toEqual([
        ["a", 4],
        ["b", 3],
        ["back", 0],
      ])
      expect(told(yield* soldOf(hour + 1, asked))).toEqual([["a", 2]])
      expect(told(yield* soldOf(hour + 2, asked))).toEqual([])
    }
    for (const limit of soldIn === undefined ? [] : [1, 2, 9]) {
      const seen: Array<ReadonlyArray<string | number>> = []
      for (let pages = 0, after: ProductId | undefined; soldIn !== undefined && pages <= expected.length; pages++) {
        const page = yield* soldIn(hour, after, limit)
        expect(page.length).toBeLessThanOrEqual(limit)
        seen.push(...told(page))
        after = page.at(-1)?.productId ?? after
      }
      expect(seen).toEqual(expected)
    }
  }),
]

/** The case of reads that only stores with seals answer: what a crowd of claims is refused by. */
export const sealsAreExact = (make: MakeStore): StoreCase =>
  storeCase("takes no other key for a used one, and counts who gave a ticket back among its owners", function* () {
    const store = yield* make
    yield* furnish(store, {
      accounts: ["ada", "bob", "cem"],
      points: 9,
      products: { tea: 9 },
      campaigns: { spring: 3 },
    })
    const campaignId = CampaignId.make("spring")
    for (const accountId of ["ada", "bob", "cem"]) yield* transact(store, [issue(accountId, `issue ${accountId}`)])
    yield* transact(store, [command(revokeCall, { campaignId, accountId: "bob" }), place("ada", "tea", 1, "place")])
    yield* transact(store, [charge("ada", 1, "charge")])
    const standing = yield* asked(store, "standing", ({ reads }) => reads.standing)
    const owners = yield* asked(store, "owners", ({ reads }) => reads.owners)
    const keys = [
      [testScope, keyOf("charge")],
      [testScope, keyOf("issue ada")],
      [Scope.make("other"), keyOf("issue ada")],
      [testScope, keyOf("Issue ada")],
    ] as const
    expect((yield* standing({ campaignId, accountIds: [], keys })).used).toEqual([1])
    expect(yield* owners(campaignId, 0, 9)).toEqual(["ada", "bob", "cem"])
    expect(yield* owners(campaignId, 1, 1)).toEqual(["bob"])
  })

/** What a store may leave out, and this one should have. */
const asked = <A>(store: StoreShape, name: string, read: (store: StoreShape) => A | undefined): Effect.Effect<A> =>
  Effect.sync(() => {
    const found = read(store)
    if (found === undefined) throw new Error(`The store has no reads.${name}. Is it one of \`hasSeals: false\`?`)
    return found
  })
