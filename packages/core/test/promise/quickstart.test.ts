import { execFile } from "node:child_process"
import { promisify } from "node:util"
import { describe, expect, it } from "vitest"
import { createHoldfast, HoldfastError, isHoldfastError, refusals, unavailabilities } from "../../src/index.ts"
import { endOf, furnishedShop } from "../support/shop.ts"

describe("the shop as promises", () => {
  it("runs the quickstart, and runs it twice on one store", async () => {
    const quickstart = async (shop: ReturnType<typeof createHoldfast>) => {
      await shop.stock.register({ productId: "tee", name: "Tee", price: 12_000, onHand: 100 })
      await shop.points.open({ accountId: "ann" })
      await shop.points.charge({ accountId: "ann", amount: 50_000, key: "top-up-1" })
      const order = await shop.orders.place({
        accountId: "ann",
        lines: [{ productId: "tee", quantity: 2 }],
        key: "cart-42",
      })
      return [order.paid, await shop.points.balance("ann"), order.replayed]
    }
    await using shop = createHoldfast()
    expect(await quickstart(shop)).toEqual([24_000, 26_000, false])
    expect(await quickstart(shop)).toEqual([24_000, 26_000, true])
  })

  it("given an order that a coupon would take nothing off, keeps the coupon and tells the smallest total for it", async () => {
    const shop = await furnishedShop()
    await shop.stock.register({ productId: "free", name: "Free", price: 0, onHand: 9 })
    await shop.stock.register({ productId: "small", name: "Small", price: 50, onHand: 9 })
    await shop.points.charge({ accountId: "ada", amount: 1_000, key: "for-coupons" })
    const discounts = {
      flat: { type: "flat", amount: 5_000 },
      rate: { type: "rate", percent: 1 },
      capped: { type: "rate", percent: 1, max: 1, minTotal: 40 },
      strict: { type: "rate", percent: 1, minTotal: 700 },
    } as const
    for (const [campaignId, discount] of Object.entries(discounts)) {
      await shop.coupons.createCampaign({ campaignId, name: campaignId, discount, limit: 9 })
      await shop.coupons.issue({ campaignId, accountId: "ada" })
    }
    const place = (campaignId: string, productId: string, quantity: number) =>
      shop.safe.orders.place({ accountId: "ada", lines: [{ productId, quantity }], campaignId, key: campaignId })
    for (const [campaignId, productId, minTotal] of [
      ["flat", "free", 1],
      ["rate", "free", 100],
      ["rate", "small", 100],
      ["capped", "small", 100],
      ["strict", "small", 700],
    ] as const) {
      const refused = await place(campaignId, productId, 1)
      const total = productId === "free" ? 0 : 50
      expect(refused).toMatchObject({ ok: false, error: { refusal: { campaignId, minTotal, total } } })
      if (!refused.ok) expect(refused.error.code).toBe("COUPON_MINIMUM_NOT_MET")
      expect((await shop.coupons.coupon({ campaignId, accountId: "ada" })).state).toBe("issued")
    }
    // The key is free, and at the total that was told the coupon takes something off.
    for (const [campaignId, quantity, discount] of [
      ["flat", 1, 50],
      ["rate", 2, 1],
      ["capped", 2, 1],
    ] as const) {
      expect(await place(campaignId, "small", quantity)).toMatchObject({ ok: true, value: { discount } })
      expect((await shop.coupons.coupon({ campaignId, accountId: "ada" })).state).toBe("redeemed")
    }
  })

  it("given a runtime that is too old, says which one it needs instead of what is no function", async () => {
    const program = `
      delete Promise.withResolvers
      delete Map.groupBy
      const { createHoldfast } = await import("@holdfast/core")
      await import("@holdfast/core/memory")
      try { createHoldfast() } catch (error) { console.log(error.message) }`
    const flags = ["--conditions=@holdfast/source", "--input-type=module", "--eval", program]
    const { stdout } = await promisify(execFile)(process.execPath, flags, { cwd: import.meta.dirname })
    expect(stdout.trim()).toBe(
      "Holdfast needs Node 22.19 or later, or another runtime of ES2024: this one has no Promise.withResolvers.",
    )
  })

  it("has every call of the documented surface, and no other", () => {
    const shop = createHoldfast()
    const groups = {
      points: "open suspend resume close charge adjust balance entries",
      stock: "register restock adjust changePrice rename retire product products movements",
      coupons:
        "createCampaign openCampaign pauseCampaign closeCampaign changeLimit campaign coupon issue request requested revoke ofAccount ofCampaign",
      orders: "place complete cancel get ofAccount byReference",
      popularity: "top",
      audit: "run",
      events: "subscribe unregister parked redeliver depth settled",
    }
    const own = ["start", "stop", "health", "readiness", "outcome", "within", "safe", "services"]
    expect(Object.keys(shop).sort()).toEqual([...Object.keys(groups), ...own].sort())
    expect(shop[Symbol.asyncDispose]).toBeTypeOf("function")
    for (const [group, calls] of Object.entries(groups) as ReadonlyArray<[keyof typeof groups, string]>) {
      expect(Object.keys(shop[group]).sort()).toEqual(calls.split(" ").sort())
      if (group !== "events") expect(Object.keys(shop.safe[group]).sort()).toEqual(calls.split(" ").sort())
    }
  })

  it("answers every change with `replayed`", async () => {
    const shop = await furnishedShop()
    const twice = async (call: () => Promise<{ readonly replayed: boolean }>) => [
      (await call()).replayed,
      (await call()).replayed,
    ]
    const discount = { type: "rate", percent: 10 } as const
    const lines = [{ productId: "tea", quantity: 1 }]
    const [a, b] = await Promise.all(["a", "b"].map((key) => shop.orders.place({ accountId: "ada", lines, key })))
    const calls: ReadonlyArray<() => Promise<{ readonly replayed: boolean }>> = [
      () => shop.points.open({ accountId: "bob", balanceLimit: 10 }),
      () => shop.points.suspend({ accountId: "bob" }),
      () => shop.points.resume({ accountId: "bob" }),
      () => shop.points.adjust({ accountId: "bob", change: 3, key: "1" }),
      () => shop.points.adjust({ accountId: "bob", change: -3, key: "2" }),
      () => shop.points.close({ accountId: "bob" }),
      () => shop.points.charge({ accountId: "ada", amount: 5, key: "3" }),
      () => shop.stock.register({ productId: "cup", name: "Cup", price: 3 }),
      () => shop.stock.restock({ productId: "cup", quantity: 9, key: "4" }),
      () => shop.stock.adjust({ productId: "cup", change: -1, reason: "broken", key: "5" }),
      () => shop.stock.changePrice({ productId: "cup", price: 4 }),
      () => shop.stock.rename({ productId: "cup", name: "Mug" }),
      () => shop.stock.retire({ productId: "cup" }),
      () => shop.coupons.createCampaign({ campaignId: "spring", name: "Spring", discount, limit: 9 }),
      () => shop.coupons.pauseCampaign({ campaignId: "spring" }),
      () => shop.coupons.openCampaign({ campaignId: "spring" }),
      () => shop.coupons.changeLimit({ campaignId: "spring", limit: 10 }),
      () => shop.coupons.issue({ campaignId: "spring", accountId: "ada", key: "6" }),
      () => shop.coupons.revoke({ campaignId: "spring", accountId: "ada" }),
      () => shop.coupons.closeCampaign({ campaignId: "spring" }),
      () => shop.orders.place({ accountId: "ada", lines, key: "c" }),
      () => shop.orders.complete({ orderId: String(a?.orderId) }),
      () => shop.orders.cancel({ accountId: "ada", orderId: String(b?.orderId), key: "d" }),
    ]
    for (const call of calls) expect(await twice(call), String(call)).toEqual([false, true])
    expect(calls.length).toBe(6 + 1 + 6 + 7 + 3)
    expect((await shop.audit.run()).ok).toBe(true)
  })

  it("says that a set-up call with another definition collides, and with what", async () => {
    const shop = await furnishedShop()
    const safe = shop.safe
    const account = await safe.points.open({ accountId: "ada", balanceLimit: 5 })
    expect(account).toMatchObject({ ok: false, error: { refusal: { existing: { accountId: "ada", state: "open" } } } })
    const product = await safe.stock.register({ productId: "tea", name: "tea", price: 101, onHand: 10 })
    expect(product).toMatchObject({ ok: false, error: { refusal: { existing: { price: 100, onHand: 10 } } } })
  })
})

describe("a no", () => {
  it("is thrown as a HoldfastError with its code, its numbers and a sentence that names them", async () => {
    const shop = await furnishedShop()
    const place = shop.orders.place({ accountId: "ada", lines: [{ productId: "tea", quantity: 11 }], key: "cart" })
    const error: unknown = await place.catch((thrown: unknown) => thrown)
    if (!isHoldfastError(error)) throw error
    expect(error).toBeInstanceOf(HoldfastError)
    expect(error).toBeInstanceOf(Error)
    expect(error).toMatchObject({
      name: "HoldfastError",
      code: "OUT_OF_STOCK",
      refusal: { _tag: "OutOfStock", lines: [{ productId: "tea", requested: 11, available: 10 }] },
      unavailable: undefined,
      retryable: false,
      outcome: "nothing-happened",
    })
    for (const part of ["tea", "11", "10"]) expect(error.message).toContain(part)
    expect(JSON.parse(JSON.stringify(error))).toMatchObject({ code: "OUT_OF_STOCK", message: error.message })
  })

  it("is answered by the safe twin instead, beside the answers", async () => {
    const { safe } = await furnishedShop()
    expect(await safe.points.balance("ada")).toEqual({ ok: true, value: 10_000 })
    const placed = await safe.orders.place({
      accountId: "eve",
      lines: [{ productId: "tea", quantity: 1 }],
      key: "cart",
    })
    expect(placed).toMatchObject({ ok: false, error: { code: "ACCOUNT_NOT_FOUND", refusal: { accountId: "eve" } } })
    expect(!placed.ok && isHoldfastError(placed.error)).toBe(true)
  })

  it("of another copy of the package is recognised; other errors are not", () => {
    const foreign = Object.assign(new Error("x"), { name: "HoldfastError", code: "STOPPED", outcome: "unknown" })
    expect(isHoldfastError(foreign)).toBe(true)
    expect([new Error("x"), { code: "OUT_OF_STOCK" }, undefined, "OUT_OF_STOCK"].map(isHoldfastError)).toEqual([
      false,
      false,
      false,
      false,
    ])
  })

  it("has a code of its own in capital letters that spells its tag", () => {
    const rows = { ...refusals, ...unavailabilities }
    const codes = Object.entries(rows).map(([tag, { code }]) => [tag, code])
    for (const [tag, code] of codes) {
      expect(code).toBe(
        String(tag)
          .replaceAll(/(?<=[a-z])(?=[A-Z])/g, "_")
          .toUpperCase(),
      )
    }
    expect(new Set(codes.map(([, code]) => code)).size).toBe(codes.length)
  })

  it("of infrastructure is retryable, but for a store that cannot join", () => {
    const stopped = new HoldfastError({ _tag: "Stopped", outcome: "nothing-happened" })
    expect(stopped).toMatchObject({ retryable: true, refusal: undefined, unavailable: { _tag: "Stopped" } })
    const cannot = new HoldfastError({
      _tag: "JoinNotSupported",
      outcome: "nothing-happened",
      store: "memory",
      reason: "it joins none",
    })
    expect(cannot.retryable).toBe(false)
  })
})

describe("what a shop answered", () => {
  /** Changes every number and text that can be reached from a value. */
  const spoil = (value: unknown): void => {
    if (typeof value !== "object" || value === null) return
    for (const [name, field] of Object.entries(value)) {
      spoil(field)
      if (typeof field === "number") Reflect.set(value, name, 1_000_000)
      if (typeof field === "string") Reflect.set(value, name, "spoiled")
    }
  }

  it("belongs to the caller, as what it was given does: changing either changes nothing in the shop", async () => {
    const shop = await furnishedShop()
    const seen: Array<unknown> = []
    await shop.events.subscribe("all", (event) => seen.push(event))
    const metadata = { gift: { wrap: "red" }, notes: ["a", 1] }
    const discount = { type: "flat", amount: 5, minTotal: 1 } as const
    const order = await shop.orders.place({
      accountId: "ada",
      lines: [{ productId: "tea", quantity: 1 }],
      metadata,
      key: "cart",
    })
    const campaign = { campaignId: "spring", name: "Spring", discount, limit: 1 }
    const answers: Array<unknown> = [
      metadata,
      order,
      discount,
      await shop.coupons.createCampaign(campaign),
      await shop.coupons.issue({ campaignId: "spring", accountId: "ada" }),
    ]
    await shop.events.settled("all")
    const before = structuredClone(await shop.dump())
    answers.push(
      ...seen,
      await shop.orders.get(order.orderId),
      await shop.orders.ofAccount({ accountId: "ada" }),
      await shop.stock.product("tea"),
      await shop.stock.products(),
      await shop.stock.movements({ productId: "tea" }),
      await shop.points.entries({ accountId: "ada" }),
      await shop.coupons.campaign("spring"),
      await shop.coupons.ofAccount({ accountId: "ada" }),
      await shop.coupons.createCampaign({ ...campaign, discount: { type: "flat", amount: 5, minTotal: 1 } }),
      await endOf(shop.coupons.issue({ campaignId: "spring", accountId: "ada" })),
      await endOf(shop.coupons.createCampaign({ ...campaign, discount: { type: "flat", amount: 6 } })),
      await endOf(shop.stock.register({ productId: "tea", name: "Chai", price: 5 })),
    )
    expect(seen.length).toBe(3)
    for (const answer of answers) spoil(answer)
    expect(await shop.dump()).toEqual(before)
  })
})
