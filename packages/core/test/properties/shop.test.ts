/**
 * Whole shops under random concurrent callers, on a store that interleaves like a database: what was acknowledged is
 * there, once; what was refused is not; nothing is oversold; and the audit is clean.
 */
import { Effect } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { InterleavingStore } from "../../src/memory/index.ts"
import { endOf, furnishedShop, memoryStore, type TestShop } from "../support/shop.ts"
import { check } from "./support/check.ts"
import { type Look, look, watch } from "./support/look.ts"
import { broken } from "./support/recount.ts"

/** What a caller does next, and how many turns of the event loop it waits first. */
const act = fc.record({
  do: fc.oneof(
    { weight: 6, arbitrary: fc.constant("buy" as const) },
    { weight: 3, arbitrary: fc.constant("issue" as const) },
    { weight: 2, arbitrary: fc.constantFrom("cancel" as const, "complete" as const) },
    { weight: 2, arbitrary: fc.constantFrom("charge" as const, "restock" as const) },
    { weight: 1, arbitrary: fc.constantFrom("revoke" as const, "limit" as const) },
  ),
  who: fc.constantFrom("ann", "bob", "cid"),
  lines: fc.uniqueArray(
    fc.record({ productId: fc.constantFrom("cup", "mug", "tea"), quantity: fc.integer({ min: 1, max: 3 }) }),
    {
      selector: ({ productId }) => productId,
      minLength: 1,
      maxLength: 2,
    },
  ),
  coupon: fc.boolean(),
  // Callers share a few keys, as double clicks do. Mostly each has its own.
  key: fc.oneof({ weight: 3, arbitrary: fc.constant(undefined) }, fc.integer({ min: 1, max: 3 })),
  turns: fc.integer({ min: 0, max: 4 }),
  leaves: fc.integer({ min: 0, max: 9 }).map((drawn) => drawn === 6),
})
type Act = typeof act extends fc.Arbitrary<infer A> ? A : never

/** A call and how it was answered. `called` and `answered` count what callers saw, in the order they saw it. */
interface Told {
  readonly act: Act
  readonly key: string
  readonly called: number
  readonly answered: number
  /** An answer, a refusal, or "left" where the caller went away. */
  readonly end: unknown
}

const program = fc.noBias(fc.array(fc.array(act, { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 12 }))

const call = (
  shop: TestShop,
  { do: what, who, lines, coupon }: Act,
  key: string,
  orders: ReadonlyArray<string>,
  options: object,
) => {
  const orderId = orders.at(-1) ?? "none"
  switch (what) {
    case "buy":
      return shop.orders.place({ accountId: who, lines, ...(coupon ? { campaignId: "spring" } : {}), key }, options)
    case "issue":
      return shop.coupons.issue({ accountId: who, campaignId: "spring", key }, options)
    case "cancel":
      return shop.orders.cancel({ accountId: who, orderId, restock: coupon, key }, options)
    case "complete":
      return shop.orders.complete({ orderId, key }, options)
    case "charge":
      return shop.points.charge({ accountId: who, amount: 5, key }, options)
    case "restock":
      return shop.stock.restock({ productId: "tea", quantity: 1, key }, options)
    case "revoke":
      return shop.coupons.revoke({ accountId: who, campaignId: "spring", key }, options)
    case "limit":
      return shop.coupons.changeLimit({ campaignId: "spring", limit: 2 + lines.length, key }, options)
  }
}

/** Runs all callers side by side, each one call after the other. */
const run = async (shop: TestShop, callers: ReadonlyArray<ReadonlyArray<Act>>): Promise<ReadonlyArray<Told>> => {
  let clock = 0
  const told: Array<Told> = []
  await Promise.all(
    callers.map(async (acts, caller) => {
      const orders: Array<string> = []
      for (const [index, each] of acts.entries()) {
        for (let turn = 0; turn < each.turns; turn++) await new Promise((resolve) => setImmediate(resolve))
        const key = each.key === undefined ? `own ${caller} ${index}` : `shared ${each.key}`
        const leaving = new AbortController()
        const called = ++clock
        const answer = endOf(call(shop, each, key, orders, { signal: leaving.signal })).catch((error: unknown) => {
          if (error === left) return left
          throw error
        })
        if (each.leaves) setImmediate(() => leaving.abort(left))
        const end = await answer
        told.push({ act: each, key, called, answered: ++clock, end })
        if (each.do === "buy" && isAnswer(end)) orders.push(String(end.orderId))
      }
    }),
  )
  return told
}

const left = "left"

const isAnswer = (end: unknown): end is Readonly<Record<string, unknown>> & { readonly replayed: boolean } =>
  typeof end === "object" && end !== null && "replayed" in end

const answersTo = (told: ReadonlyArray<Told>, what: Act["do"]) =>
  told.flatMap((each) => (each.act.do === what && isAnswer(each.end) ? [{ ...each, end: each.end }] : []))

const methods: { readonly [Does in Act["do"]]: string } = {
  buy: "place",
  issue: "issue",
  cancel: "cancel",
  complete: "complete",
  charge: "charge",
  restock: "restock",
  revoke: "revoke",
  limit: "changeLimit",
}

/** What callers were told against what is there. */
const matches = (told: ReadonlyArray<Told>, seen: Look): void => {
  expect(broken(seen)).toEqual([])
  const bought = answersTo(told, "buy")
  const there = new Map(seen.orders.map((order) => [String(order.orderId), order]))
  // Every acknowledged order is there, as it was answered; every other one belongs to somebody who left.
  for (const { end, act: each } of bought) {
    const order = there.get(String(end.orderId))
    expect([order?.accountId, order?.paid, order?.total]).toEqual([each.who, end.paid, end.total])
  }
  const fresh = bought.filter(({ end }) => !end.replayed).map(({ end }) => String(end.orderId))
  expect(new Set(fresh).size).toBe(fresh.length)
  const unknown = [...there.keys()].filter((orderId) => !fresh.includes(orderId)).length
  expect(unknown).toBeLessThanOrEqual(told.filter(({ act: each, end }) => each.do === "buy" && end === left).length)
  // One key, one order: callers who share a key share its answer.
  for (const key of new Set(bought.map((each) => each.key))) {
    const same = new Set(bought.filter((each) => each.key === key).map(({ end }) => end.orderId))
    expect([key, same.size]).toEqual([key, 1])
  }
  // First come, first served: who was answered before another one called has the smaller ticket.
  const issued = answersTo(told, "issue").filter(({ end }) => !end.replayed)
  for (const earlier of issued) {
    for (const later of issued) {
      if (earlier.answered < later.called) expect(Number(earlier.end.ticket)).toBeLessThan(Number(later.end.ticket))
    }
  }
  // Whoever was told that it happened has a receipt under that key, and whoever was refused has none.
  const receipts = new Set(seen.receipts.map(({ operation, key }) => `${operation.split(".")[1]} ${key}`))
  for (const { act: each, key, end } of told) {
    const has = receipts.has(`${methods[each.do]} ${key}`)
    if (isAnswer(end) && !end.replayed) expect([each.do, key, has]).toEqual([each.do, key, true])
    if (!isAnswer(end) && end !== left && key.startsWith("own"))
      expect([each.do, key, has]).toEqual([each.do, key, false])
  }
}

describe.each([true, false])("shops on an interleaving store (optimistic: %s)", (optimistic) => {
  it("keep what they acknowledged, once, oversell nothing, and pass their audit", async () => {
    const ends = new Set<string>()
    await check(
      60,
      fc.asyncProperty(program, async (callers) => {
        const store = memoryStore(Effect.runSync(InterleavingStore.make({ optimistic })))
        await Effect.runPromise(watch(store.shape))
        const product = { price: 2, onHand: 6 }
        const shop = await furnishedShop(
          { accounts: { ann: 30, bob: 20, cid: 6 }, products: { cup: product, mug: product, tea: product } },
          {},
          store,
        )
        const discount = { type: "rate", percent: 50 } as const
        await shop.coupons.createCampaign({ campaignId: "spring", name: "S", discount, limit: 2 })
        const told = await run(shop, callers)
        const report = await shop.audit.run()
        expect(report.checks.filter(({ violations, unsettled }) => violations + unsettled > 0)).toEqual([])
        await shop.stop()
        matches(told, await Effect.runPromise(look(store.shape)))
        for (const { end } of told) ends.add(isAnswer(end) ? `replayed ${end.replayed}` : nameOf(end))
      }),
    )
    const telling = ["CouponsSoldOut", "OutOfStock", "PointsNotEnough", "left", "replayed false", "replayed true"]
    if (process.env.HOLDFAST_PATH === undefined) expect([...ends]).toEqual(expect.arrayContaining(telling))
  })
})

const nameOf = (end: unknown): string =>
  typeof end === "object" && end !== null && "_tag" in end ? String(end._tag) : String(end)
