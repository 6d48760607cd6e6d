/**
 * Nothing that a caller may pass is a defect: input that fits a call's schema is decided, any other input is refused as
 * `InvalidInput`, and what is stored stays sound either way.
 */
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isRefusal } from "../../src/codeOf.ts"
import type { Refusal, Unavailable } from "../../src/refusals.ts"
import { endOf, openShop, type TestShop } from "../support/shop.ts"
import { check } from "./support/check.ts"
import { type Input, mutated, mutation, validInput } from "./support/inputs.ts"
import { calls } from "./support/steps.ts"

const whole = process.env.HOLDFAST_PATH === undefined

type Method = (input: unknown) => Promise<unknown>

/** The method of a shop by the name of its call. */
const methodOf = (shop: TestShop, name: string): Method => {
  const [group = "", method = ""] = name.split(".")
  const groups = shop.shop as unknown as Readonly<Record<string, Readonly<Record<string, Method>>>>
  const found = groups[group]?.[method]
  if (found === undefined) throw new Error(`There is no method ${name}.`)
  return found
}

const furnished = async () => {
  const shop = openShop()
  const discount = { type: "rate", percent: 10 } as const
  await shop.points.open({ accountId: "ada" })
  await shop.points.open({ accountId: "bob", balanceLimit: 50 })
  await shop.points.charge({ accountId: "ada", amount: 10_000, key: "furnish" })
  for (const productId of ["cup", "tea"]) await shop.stock.register({ productId, name: "P", price: 3, onHand: 500 })
  await shop.coupons.createCampaign({ campaignId: "spring", name: "S", discount, limit: 3 })
  await shop.coupons.issue({ campaignId: "spring", accountId: "ada" })
  const lines = [{ productId: "tea", quantity: 1 }]
  const { orderId } = await shop.orders.place({ accountId: "ada", lines, key: "furnish" })
  return { shop, orderId }
}

/** How a call ended, as a word. Throws what is neither an answer nor a refusal. */
const callIt = async (shop: TestShop, name: string, input: unknown): Promise<string> => {
  const end = await endOf(methodOf(shop, name)(input))
  if (typeof end !== "object" || end === null || !("_tag" in end)) return "accepted"
  if (!isRefusal(end as Refusal | Unavailable)) throw new Error(`${name} was unavailable: ${end._tag}`)
  return String(end._tag)
}

const withOrder = (input: Input, orderId: string): Input =>
  input.orderId === "the order" ? { ...input, orderId } : input

describe("whatever a caller passes", () => {
  it("input that a schema gives is decided: accepted or refused by a rule, never a defect", async () => {
    const ended = new Map<string, Set<string>>()
    await check(
      150,
      fc.asyncProperty(fc.array(validInput, { minLength: 8, maxLength: 24 }), async (drawn) => {
        const { shop, orderId } = await furnished()
        for (const { call, input } of drawn) {
          const end = await callIt(shop, call, withOrder(input, orderId))
          // Two things that a schema cannot say: a window's end after its start, and what lines come to together.
          if (!["coupons.createCampaign", "orders.place"].includes(call)) expect(end).not.toBe("InvalidInput")
          ended.set(call, (ended.get(call) ?? new Set()).add(end))
        }
        expect((await shop.audit.run()).ok).toBe(true)
        await shop.stop()
      }),
    )
    if (whole) for (const name of calls.keys()) expect([name, ...(ended.get(name) ?? [])]).toContain("accepted")
  })

  it("the same input gone wrong is refused and stores nothing, or still fits; never a defect", async () => {
    let invalid = 0
    const call = fc.record({ drawn: validInput, mutations: fc.array(mutation, { minLength: 1, maxLength: 3 }) })
    await check(
      200,
      fc.asyncProperty(fc.array(call, { minLength: 4, maxLength: 16 }), async (each) => {
        const { shop, orderId } = await furnished()
        for (const { drawn, mutations } of each) {
          const input = mutations.reduce<unknown>(mutated, withOrder(drawn.input, orderId))
          const before = await shop.dump()
          const end = await callIt(shop, drawn.call, input)
          if (end !== "accepted") expect(await shop.dump()).toEqual(before)
          if (end === "InvalidInput") invalid++
        }
        expect((await shop.audit.run()).ok).toBe(true)
        await shop.stop()
      }),
    )
    if (whole) expect(invalid).toBeGreaterThan(100)
  })

  it("an id that is not plain text of at most 128 bytes is refused, whichever call names it", async () => {
    const { shop } = await furnished()
    const before = await shop.dump()
    const plain = fc.string({ unit: "grapheme-ascii", maxLength: 20 })
    const hurt = fc.constantFrom(
      "\u0000",
      "\u0085",
      "\ud800",
      "\udfff",
      "\u{1f600}".repeat(33),
      "x".repeat(129),
      "é".repeat(65),
    )
    const id = fc.oneof(
      fc.constant(""),
      fc.tuple(plain, hurt, plain).map((parts) => parts.join("")),
      fc.tuple(fc.constantFrom(" ", "\t", "\u3000"), plain, fc.boolean()).map(([s, t, b]) => (b ? s + t : t + s)),
    )
    const drawn = validInput.filter(({ input }) => Object.keys(input).some((field) => field.endsWith("Id")))
    await check(
      300,
      fc.asyncProperty(drawn, id, fc.nat(), async ({ call, input }, text, nth) => {
        const fields = Object.keys(input).filter((field) => field.endsWith("Id"))
        const end = await callIt(shop, call, { ...input, [fields[nth % fields.length] ?? ""]: text })
        expect(end).toBe("InvalidInput")
      }),
    )
    expect(await shop.dump()).toEqual(before)
    await shop.stop()
  })

  it("an amount that is not a whole number in its range is refused, whichever call names it", async () => {
    const { shop } = await furnished()
    const before = await shop.dump()
    const isNumber = ([, value]: readonly [string, unknown]) => typeof value === "number"
    const drawn = validInput.filter(({ input }) => Object.entries(input).some(isNumber))
    const odd = fc.constantFrom(0.5, 1e-9, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 53, -(2 ** 53), "1", 1n)
    await check(
      200,
      fc.asyncProperty(drawn, odd, fc.nat(), async ({ call, input }, value, nth) => {
        const fields = Object.entries(input).filter(isNumber)
        const [field = ""] = fields[nth % fields.length] ?? []
        expect(await callIt(shop, call, { ...input, [field]: value })).toBe("InvalidInput")
      }),
    )
    expect(await shop.dump()).toEqual(before)
    await shop.stop()
  })

  it("reads answer or refuse odd input too", async () => {
    const reads: Readonly<Record<string, unknown>> = {
      "points.balance": "ada",
      "points.entries": { accountId: "ada", limit: 5, order: "newest-first", cursor: "1" },
      "stock.product": "tea",
      "stock.products": { productIds: ["tea", "cup"], limit: 5 },
      "stock.movements": { productId: "tea", limit: 5, cursor: "1" },
      "coupons.campaign": "spring",
      "coupons.coupon": { campaignId: "spring", accountId: "ada" },
      "coupons.ofAccount": { accountId: "ada", cursor: "spring" },
      "coupons.ofCampaign": { campaignId: "spring", cursor: "1" },
      "orders.get": "the order",
      "orders.ofAccount": { accountId: "ada", limit: 1 },
      "orders.byReference": { reference: "r" },
      "popularity.top": { limit: 3, days: 3, zone: "Asia/Seoul" },
    }
    const { shop } = await furnished()
    const before = await shop.dump()
    const ended = new Set<string>()
    const drawn = fc.record({ name: fc.constantFrom(...Object.keys(reads)), how: fc.array(mutation, { maxLength: 2 }) })
    await check(
      600,
      fc.asyncProperty(drawn, async ({ name, how }) => {
        ended.add(await callIt(shop, name, how.reduce<unknown>(mutated, reads[name])))
      }),
    )
    expect(await shop.dump()).toEqual(before)
    await shop.stop()
    if (whole) expect([...ended]).toEqual(expect.arrayContaining(["accepted", "InvalidInput"]))
  })
})
