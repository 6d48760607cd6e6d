import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { type Discount, discountOn, minimumOf } from "../../src/coupons/Discount.ts"
import { createCampaignCall, issueCall } from "../../src/decision/couponCalls.ts"
import { placeCall } from "../../src/decision/orderCalls.ts"
import { adjustPointsCall, chargeCall, openCall } from "../../src/decision/pointsCalls.ts"
import { adjustStockCall, changePriceCall, restockCall } from "../../src/decision/stockCalls.ts"
import { sharesOf, totalOf } from "../../src/orders/pricing.ts"
import { hourOf } from "../../src/popularity/SalesBucket.ts"
import { testAt } from "../../src/testing/suites/commands.ts"
import { Amount, compareBytes, maxAmount, maxPrice, ProductId, Quantity } from "../../src/values.ts"
import { answerOf, furnished, line, orderOf, place, refusalOf } from "./world.ts"
import "../support/random.ts"

const amount = Amount.make
const lineOf = (productId: string, unitPrice: number, quantity: number) => ({
  productId: ProductId.make(productId),
  unitPrice: amount(unitPrice),
  quantity: Quantity.make(quantity),
})

describe("at 2^53 − 1", () => {
  it("an order may cost exactly that, and not one more", () => {
    // 2^53 − 1 is 9,007 × 10^12 plus the price of the second product.
    const rest = maxAmount - 9_007 * maxPrice
    const world = furnished({ points: maxAmount, products: { gold: [maxPrice, 10_000], rest: [rest, 1], one: [1, 1] } })
    const all = [line("gold", 9_007), line("rest", 1)]
    expect(refusalOf(place(world, [...all, line("one", 1)]))).toEqual({ _tag: "AmountTooLarge", what: "order total" })
    const order = orderOf(place(world, all))
    expect([order.total, order.paid]).toEqual([maxAmount, maxAmount])
    expect(world.get("account", "ada")?.balance).toBe(0)
  })

  it("a balance may stand, and is charged and adjusted no higher", () => {
    const world = furnished({ points: maxAmount - 1 })
    expect(answerOf(world.call(chargeCall, { accountId: "ada", amount: 1 }))).toMatchObject({ balance: maxAmount })
    const refusal = { _tag: "BalanceLimitExceeded", balance: maxAmount, amount: 1, limit: maxAmount }
    expect(refusalOf(world.call(chargeCall, { accountId: "ada", amount: 1 }))).toMatchObject(refusal)
    expect(refusalOf(world.call(adjustPointsCall, { accountId: "ada", change: 1 }))).toMatchObject(refusal)
    expect(refusalOf(world.call(adjustPointsCall, { accountId: "ada", change: maxAmount }))).toMatchObject({
      amount: maxAmount,
    })
    expect(answerOf(world.call(adjustPointsCall, { accountId: "ada", change: -maxAmount }))).toMatchObject({
      balance: 0,
    })
    expect(refusalOf(world.call(adjustPointsCall, { accountId: "ada", change: -1 }))).toEqual({
      _tag: "PointsNotEnough",
      accountId: "ada",
      required: 1,
      available: 0,
    })
  })

  it("stock may stand, and is restocked, adjusted and returned no higher", () => {
    const world = furnished({ products: { tea: [1, maxAmount - 1] } })
    const { orderId } = orderOf(place(world, [line("tea", 5)]))
    answerOf(world.call(restockCall, { productId: "tea", quantity: 6 }))
    expect(world.get("product", "tea")?.onHand).toBe(maxAmount)
    const tooLarge = { _tag: "AmountTooLarge", what: "on hand" }
    expect(refusalOf(world.call(restockCall, { productId: "tea", quantity: 1 }))).toEqual(tooLarge)
    expect(refusalOf(world.call(adjustStockCall, { productId: "tea", change: 1 }))).toEqual(tooLarge)
    expect(refusalOf(world.decide(world.cancel("ada", orderId)))).toEqual(tooLarge)
    // Where the units do not come back there is nothing to overflow.
    expect(orderOf(world.decide(world.cancel("ada", orderId, { restock: false }))).state).toBe("cancelled")
  })

  it("units sold in an hour are counted no higher", () => {
    const world = furnished()
    const sold = Quantity.make(maxAmount - 1)
    world.put("bucket", { productId: ProductId.make("tea"), hour: hourOf(testAt), sold })
    expect(refusalOf(place(world, [line("tea", 2)]))).toEqual({ _tag: "AmountTooLarge", what: "units sold" })
    expect(orderOf(place(world, [line("tea", 1)])).paid).toBe(100)
  })

  it("a refund that no longer fits is refused, and nothing of the cancel happens", () => {
    const world = furnished()
    const { orderId } = orderOf(place(world, [line("tea", 1)]))
    world.alter("account", ["ada"], { balance: amount(maxAmount - 99) })
    expect(refusalOf(world.decide(world.cancel("ada", orderId)))).toEqual({ _tag: "AmountTooLarge", what: "balance" })
    expect(world.get("order", orderId)?.state).toBe("placed")
    expect(world.get("product", "tea")?.onHand).toBe(9)
  })

  it("totals are exact or refused, as BigInt would have it", () => {
    const lines = fc.array(fc.tuple(fc.nat(maxPrice), fc.integer({ min: 1, max: 1_000_000 })), {
      minLength: 1,
      maxLength: 20,
    })
    fc.assert(
      fc.property(lines, (pairs) => {
        const exact = pairs.reduce((sum, [price, quantity]) => sum + BigInt(price) * BigInt(quantity), 0n)
        const total = totalOf(pairs.map(([price, quantity], index) => lineOf(`p${index}`, price, quantity)))
        expect(total).toBe(exact <= BigInt(maxAmount) ? Number(exact) : undefined)
      }),
    )
    fc.assert(
      fc.property(fc.integer({ min: -3, max: 3 }), (off) => {
        // Around the limit every unit counts.
        const rest = maxAmount - 9_007 * maxPrice + off
        const total = totalOf([lineOf("gold", maxPrice, 9_007), lineOf("rest", rest, 1)])
        expect(total).toBe(off <= 0 ? maxAmount + off : undefined)
      }),
    )
  })
})

describe("a wallet at its limit", () => {
  it("is refunded above it, and charged again only when there is room", () => {
    const world = furnished({ points: 0 })
    world.call(openCall, { accountId: "bob", balanceLimit: 100 })
    world.call(chargeCall, { accountId: "bob", amount: 100 })
    const { orderId } = orderOf(world.call(placeCall, { accountId: "bob", lines: [line("tea", 1)] }))
    world.call(chargeCall, { accountId: "bob", amount: 100 })
    orderOf(world.decide(world.cancel("bob", orderId)))
    expect(world.get("account", "bob")).toMatchObject({ balance: 200, balanceLimit: 100 })
    expect(refusalOf(world.call(chargeCall, { accountId: "bob", amount: 1 }))).toMatchObject({
      balance: 200,
      limit: 100,
    })
    answerOf(world.call(adjustPointsCall, { accountId: "bob", change: -101 }))
    expect(answerOf(world.call(chargeCall, { accountId: "bob", amount: 1 }))).toMatchObject({ balance: 100 })
  })
})

describe("a discount", () => {
  it("is never more than the total and never less than nothing", () => {
    const discounts = fc.oneof(
      fc.record({ type: fc.constant("flat" as const), amount: fc.integer({ min: 1, max: maxAmount }) }),
      fc.record({ type: fc.constant("rate" as const), percent: fc.integer({ min: 1, max: 100 }) }),
      fc.record({
        type: fc.constant("rate" as const),
        percent: fc.integer({ min: 1, max: 100 }),
        max: fc.integer({ min: 1, max: maxAmount }),
      }),
    )
    fc.assert(
      fc.property(discounts, fc.integer({ min: 0, max: maxAmount }), (discount, total) => {
        const off = discountOn(discount as never, amount(total))
        expect(Number.isSafeInteger(off) && off >= 0 && off <= total).toBe(true)
        if (discount.type === "rate") {
          const exact = (BigInt(total) * BigInt(discount.percent)) / 100n
          const max = "max" in discount ? BigInt(discount.max) : exact
          expect(BigInt(off)).toBe(exact < max ? exact : max)
        } else expect(off).toBe(Math.min(discount.amount, total))
      }),
    )
  })

  it.each([
    [{ type: "rate", percent: 33 }, 100, 33],
    [{ type: "rate", percent: 33 }, 101, 33],
    [{ type: "rate", percent: 1 }, 99, 0],
    [{ type: "rate", percent: 100 }, maxAmount, maxAmount],
    [{ type: "rate", percent: 99 }, maxAmount, 8_917_127_262_193_581],
    [{ type: "rate", percent: 50, max: 10 }, 100, 10],
    [{ type: "flat", amount: 5_000 }, 3_000, 3_000],
  ] as const)("of %o on %d is %d", (discount, total, off) => {
    expect(discountOn(discount as never, amount(total))).toBe(off)
  })

  it("given any discount, has a smallest total that it takes something off, and takes nothing off a smaller one", () => {
    const minTotal = fc.option(fc.integer({ min: 0, max: 300 }), { nil: undefined })
    const discounts = fc.oneof(
      fc.record({ type: fc.constant("flat"), amount: fc.integer({ min: 1, max: maxAmount }), minTotal }),
      fc.record({
        type: fc.constant("rate"),
        percent: fc.integer({ min: 1, max: 100 }),
        max: fc.option(fc.integer({ min: 1, max: 5 }), { nil: undefined }),
        minTotal,
      }),
    )
    fc.assert(
      fc.property(discounts, (drawn) => {
        const discount = drawn as Discount
        const takes = (total: number) => total >= (drawn.minTotal ?? 0) && discountOn(discount, amount(total)) > 0
        const minimum = minimumOf(discount)
        expect(takes(minimum)).toBe(true)
        // Every one below, by the definition and not by the formula.
        for (let total = 0; total < minimum; total++) expect(takes(total)).toBe(false)
      }),
      { numRuns: 300 },
    )
  })

  it("is shared by largest remainder: exactly, fairly, and in the order of bytes where shares are equal", () => {
    const ids = fc.uniqueArray(fc.string({ unit: "binary", minLength: 1, maxLength: 3 }).filter(isId), {
      minLength: 1,
      maxLength: 8,
    })
    fc.assert(
      fc.property(
        ids,
        fc.array(fc.tuple(fc.nat(10 ** 9), fc.integer({ min: 1, max: 1_000 })), { minLength: 8, maxLength: 8 }),
        fc.nat(),
        (names, pairs, seed) => {
          const lines = names
            .toSorted(compareBytes)
            .map((name, index) => lineOf(name, pairs[index]?.[0] ?? 0, pairs[index]?.[1] ?? 1))
          const total = totalOf(lines) ?? amount(0)
          const discount = amount(total === 0 ? 0 : seed % (total + 1))
          const shares = sharesOf(lines, discount, total)
          expect(shares.reduce((sum, share) => sum + BigInt(share), 0n)).toBe(BigInt(discount))
          if (discount === 0) return
          const exact = lines.map(({ unitPrice, quantity }) => {
            const weighted = BigInt(unitPrice) * BigInt(quantity) * BigInt(discount)
            return { floor: weighted / BigInt(total), remainder: weighted % BigInt(total) }
          })
          shares.forEach((share, index) => {
            const { floor, remainder } = exact[index] ?? { floor: 0n, remainder: 0n }
            const extra = BigInt(share) - floor
            expect(extra === 0n || extra === 1n).toBe(true)
            // Whoever got a unit more has a larger remainder than all who did not, or the same and stands before them.
            if (extra === 0n) return
            shares.forEach((other, position) => {
              const rival = exact[position] ?? { floor: 0n, remainder: 0n }
              if (BigInt(other) - rival.floor === 1n) return
              expect(remainder > rival.remainder || (remainder === rival.remainder && index < position)).toBe(true)
            })
          })
        },
      ),
    )
  })

  it("that cannot be split evenly goes to the product that comes first by bytes, beyond the basic plane too", () => {
    // In UTF-16 units the emoji would come before the last letter of the basic plane; in bytes it comes after it.
    const world = furnished({
      products: { "😀": [10, 1], "\uffee": [10, 1], a: [10, 1] },
      discount: { type: "flat", amount: 2 },
    })
    const order = orderOf(place(world, [line("😀", 1), line("\uffee", 1), line("a", 1)], { campaignId: "spring" }))
    expect(order.lines.map(({ productId, discount }) => [productId, discount])).toEqual([
      ["a", 1],
      ["\uffee", 1],
      ["😀", 0],
    ])
    expect(order.lines.map(({ lineId }) => lineId)).toEqual([1, 2, 3].map((n) => `${order.orderId}-${n}`))
  })

  it("leaves nothing to pay where it takes all: no entry, but the account must be open", () => {
    const world = furnished({ points: 0, discount: { type: "rate", percent: 100 } })
    const order = orderOf(place(world, [line("tea", 3)], { campaignId: "spring" }))
    expect(order).toMatchObject({ total: 300, discount: 300, paid: 0 })
    expect(order.lines).toMatchObject([{ discount: 300, paid: 0 }])
    expect(world.entries).toEqual([])
    const cancelled = orderOf(world.decide(world.cancel("ada", order.orderId)))
    expect(cancelled.state).toBe("cancelled")
    expect(world.entries).toEqual([])
    expect(world.get("coupon", "spring", "ada")).toMatchObject({ state: "issued", orderId: undefined })
  })

  it("is the one that was issued, whatever became of the campaign", () => {
    const world = furnished({ discount: { type: "flat", amount: 30 } })
    world.alter("campaign", ["spring"], { discount: { type: "flat", amount: amount(1) } })
    expect(orderOf(place(world, [line("tea", 1)], { campaignId: "spring" })).discount).toBe(30)
  })
})

describe("a free product", () => {
  it("is sold for nothing, counted and listed", () => {
    const world = furnished({ points: 0, products: { flyer: [0, 5] } })
    expect(orderOf(place(world, [line("flyer", 2)]))).toMatchObject({ total: 0, paid: 0 })
    expect(world.get("bucket", "flyer", hourOf(testAt))?.sold).toBe(2)
    expect(world.get("product", "flyer")?.onHand).toBe(3)
  })

  it("may become the dearest there is, for orders from then on", () => {
    const world = furnished({ points: maxAmount, products: { flyer: [0, 5] } })
    const before = orderOf(place(world, [line("flyer", 1)]))
    world.call(changePriceCall, { productId: "flyer", price: maxPrice })
    expect(orderOf(place(world, [line("flyer", 1)])).paid).toBe(maxPrice)
    expect(world.get("order", before.orderId)?.paid).toBe(0)
  })
})

describe("one batch", () => {
  it("issues and redeems one coupon, and pays with points charged in it", () => {
    const world = furnished({ points: 0 })
    const discount = { type: "flat", amount: 40 } as const
    const decisions = world.batch([
      world.make(createCampaignCall, { campaignId: "spring", name: "Spring", discount, limit: 1 }),
      world.make(issueCall, { campaignId: "spring", accountId: "ada" }),
      world.make(chargeCall, { accountId: "ada", amount: 60 }),
      world.make(placeCall, { accountId: "ada", lines: [line("tea", 1)], campaignId: "spring" }),
      world.make(placeCall, { accountId: "ada", lines: [line("tea", 1)], campaignId: "spring" }),
    ])
    expect(decisions.map(({ _tag }) => _tag)).toEqual(["Accepted", "Accepted", "Accepted", "Accepted", "Refused"])
    expect(world.get("coupon", "spring", "ada")).toMatchObject({ state: "redeemed", ticket: 1 })
    expect(world.get("account", "ada")).toMatchObject({ balance: 0, seq: 2 })
  })
})

const isId = (text: string): boolean => {
  try {
    ProductId.make(text)
    return true
  } catch {
    return false
  }
}
