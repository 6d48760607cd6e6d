import { describe, expect, it } from "vitest"
import {
  createHoldfast,
  eventBusInProcess,
  Holdfast,
  HoldfastError,
  inProcessBus,
  isHoldfastError,
} from "../../src/index.ts"
import { InterleavingStore, memory } from "../../src/memory/index.ts"
import { endOf, furnishedShop, type TestShop } from "../support/shop.ts"

const badIds: ReadonlyArray<unknown> = [
  "",
  " ada",
  "ada ",
  "a\u0000b",
  "line\nbreak",
  "\ud800",
  "x".repeat(129),
  // 43 syllables of three bytes: 129 bytes in 43 characters.
  "가".repeat(43),
  5,
  null,
  ["ada"],
]
const badKeys = ["", "k ", "\udc00", "x".repeat(256), 7, null]
const badAmounts: ReadonlyArray<unknown> = [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY, "5", 5n, null]
const badCounts = [...badAmounts, 0]
const badLabels = ["", "x".repeat(201), "tab\there", "\ud800", 5, null]
const badDates = ["2024-01-01", 5, new Date(Number.NaN), null]

/** Every call that changes something: valid input, and values that each field must refuse. */
const calls: ReadonlyArray<{
  readonly name: string
  readonly call: (shop: TestShop, input: never) => Promise<unknown>
  readonly valid: Readonly<Record<string, unknown>>
  readonly bad: Readonly<Record<string, ReadonlyArray<unknown>>>
}> = [
  {
    name: "points.open",
    call: (shop, input) => shop.points.open(input),
    valid: { accountId: "bob" },
    bad: { accountId: badIds, balanceLimit: badAmounts, key: badKeys, scope: badKeys },
  },
  ...(["suspend", "resume", "close"] as const).map((name) => ({
    name: `points.${name}`,
    call: (shop: TestShop, input: never) => shop.points[name](input),
    valid: { accountId: "ada" },
    bad: { accountId: badIds, key: badKeys, scope: badKeys },
  })),
  {
    name: "points.charge",
    call: (shop, input) => shop.points.charge(input),
    valid: { accountId: "ada", amount: 5, key: "k" },
    bad: { accountId: badIds, amount: badCounts, key: [...badKeys, undefined], scope: badKeys },
  },
  {
    name: "points.adjust",
    call: (shop, input) => shop.points.adjust(input),
    valid: { accountId: "ada", change: -5, key: "k" },
    bad: {
      accountId: badIds,
      change: [0, 0.5, 2 ** 53, -(2 ** 53), Number.NaN, "5", null],
      reason: badLabels,
      key: [...badKeys, undefined],
    },
  },
  {
    name: "stock.register",
    call: (shop, input) => shop.stock.register(input),
    valid: { productId: "cup", name: "Cup", price: 5 },
    bad: { productId: badIds, name: badLabels, price: [...badAmounts, 10 ** 12 + 1], onHand: badAmounts, key: badKeys },
  },
  {
    name: "stock.restock",
    call: (shop, input) => shop.stock.restock(input),
    valid: { productId: "tea", quantity: 5, key: "k" },
    bad: { productId: badIds, quantity: badCounts, key: [...badKeys, undefined] },
  },
  {
    name: "stock.adjust",
    call: (shop, input) => shop.stock.adjust(input),
    valid: { productId: "tea", change: 5, key: "k" },
    bad: { productId: badIds, change: [0, 0.5, 2 ** 53], reason: badLabels, key: [...badKeys, undefined] },
  },
  {
    name: "stock.changePrice",
    call: (shop, input) => shop.stock.changePrice(input),
    valid: { productId: "tea", price: 5 },
    bad: { productId: badIds, price: [...badAmounts, 10 ** 12 + 1], key: badKeys },
  },
  {
    name: "stock.rename",
    call: (shop, input) => shop.stock.rename(input),
    valid: { productId: "tea", name: "Chai" },
    bad: { productId: badIds, name: badLabels, key: badKeys },
  },
  {
    name: "stock.retire",
    call: (shop, input) => shop.stock.retire(input),
    valid: { productId: "tea" },
    bad: { productId: badIds, key: badKeys },
  },
  {
    name: "coupons.createCampaign",
    call: (shop, input) => shop.coupons.createCampaign(input),
    valid: { campaignId: "fall", name: "Fall", discount: { type: "flat", amount: 5 }, limit: 5 },
    bad: {
      campaignId: badIds,
      name: badLabels,
      limit: badCounts,
      validDays: [...badCounts, 36_501],
      opensAt: badDates,
      closesAt: badDates,
      state: ["closed", "", 5, null],
      key: badKeys,
    },
  },
  ...(["openCampaign", "pauseCampaign", "closeCampaign"] as const).map((name) => ({
    name: `coupons.${name}`,
    call: (shop: TestShop, input: never) => shop.coupons[name](input),
    valid: { campaignId: "spring" },
    bad: { campaignId: badIds, key: badKeys },
  })),
  {
    name: "coupons.changeLimit",
    call: (shop, input) => shop.coupons.changeLimit(input),
    valid: { campaignId: "spring", limit: 5 },
    bad: { campaignId: badIds, limit: badCounts, key: badKeys },
  },
  ...(["issue", "revoke"] as const).map((name) => ({
    name: `coupons.${name}`,
    call: (shop: TestShop, input: never) => shop.coupons[name](input),
    valid: { campaignId: "spring", accountId: "ada" },
    bad: { campaignId: badIds, accountId: badIds, key: badKeys, scope: badKeys },
  })),
  {
    name: "orders.place",
    call: (shop, input) => shop.orders.place(input),
    valid: { accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], key: "k" },
    bad: {
      accountId: badIds,
      lines: [[], "tea", null, Array.from({ length: 101 }, () => ({ productId: "tea", quantity: 1 }))],
      campaignId: badIds,
      expectedPaid: badAmounts,
      reference: badLabels,
      metadata: ["x", 5, null, ["x"], { note: "x".repeat(4_096) }],
      key: [...badKeys, undefined],
    },
  },
  {
    name: "orders.complete",
    call: (shop, input) => shop.orders.complete(input),
    valid: { orderId: "o" },
    bad: { orderId: badIds, key: badKeys },
  },
  {
    name: "orders.cancel",
    call: (shop, input) => shop.orders.cancel(input),
    valid: { accountId: "ada", orderId: "o", key: "k" },
    bad: { accountId: badIds, orderId: badIds, restock: ["yes", 1, null], key: [...badKeys, undefined] },
  },
]

/** A shop with one account, one product and one campaign. */
const openShop = async () => {
  const shop = await furnishedShop()
  const discount = { type: "flat", amount: 5 } as const
  await shop.coupons.createCampaign({ campaignId: "spring", name: "Spring", discount, limit: 9 })
  return shop
}

const issuesOf = async (call: Promise<unknown>) => {
  const end = (await endOf(call)) as {
    readonly _tag?: string
    readonly issues?: ReadonlyArray<{ pointer: string; message: string }>
  }
  return end._tag === "InvalidInput" ? (end.issues ?? []) : end
}

describe.each(calls)("$name", ({ name, call, valid, bad }) => {
  it("refuses every bad value of every field, naming the field, and writes nothing", async () => {
    const shop = await openShop()
    const before = await shop.dump()
    for (const [field, values] of Object.entries(bad)) {
      for (const value of values) {
        const issues = await issuesOf(call(shop, { ...valid, [field]: value } as never))
        const about = `${field} = ${String(typeof value === "object" ? JSON.stringify(value, (_, v) => (typeof v === "bigint" ? `${v}n` : v)).slice(0, 60) : value)}`
        expect(issues, about).toMatchObject([{ pointer: `/${field}` }])
        expect((issues as ReadonlyArray<{ message: string }>)[0]?.message, about).not.toBe("")
      }
    }
    expect(await shop.dump()).toEqual(before)
  })

  it("refuses a field that it does not know, and names every field that is missing", async () => {
    const shop = await openShop()
    const before = await shop.dump()
    const unknown = await issuesOf(call(shop, { ...valid, "acc/ountId~": 1 } as never))
    expect(unknown).toMatchObject([{ pointer: "/acc~1ountId~0" }])
    const missing = (await issuesOf(call(shop, {} as never))) as ReadonlyArray<{ pointer: string }>
    expect(missing.map(({ pointer }) => pointer).sort()).toEqual(
      Object.keys(valid)
        .map((field) => `/${field}`)
        .sort(),
    )
    for (const nothing of [undefined, null, 5, "x", []]) {
      expect(await endOf(call(shop, nothing as never)), `${name}(${JSON.stringify(nothing)})`).toMatchObject({
        _tag: "InvalidInput",
      })
    }
    expect(await shop.dump()).toEqual(before)
  })
})

describe("input across fields", () => {
  it.each([
    [
      "/lines/1/productId",
      {
        lines: [
          { productId: "tea", quantity: 1 },
          { productId: "", quantity: 1 },
        ],
      },
    ],
    ["/lines/0/quantity", { lines: [{ productId: "tea", quantity: 0 }] }],
    ["/lines/0/quantity", { lines: [{ productId: "tea", quantity: 1_000_001 }] }],
    ["/lines/0/unitPrice", { lines: [{ productId: "tea", quantity: 1, unitPrice: -1 }] }],
    ["/lines/0/colour", { lines: [{ productId: "tea", quantity: 1, colour: "red" }] }],
    [
      "/lines/1/quantity",
      {
        lines: [
          { productId: "tea", quantity: 1_000_000 },
          { productId: "tea", quantity: 1 },
        ],
      },
    ],
    [
      "/lines/1/unitPrice",
      {
        lines: [
          { productId: "tea", quantity: 1, unitPrice: 1 },
          { productId: "tea", quantity: 1, unitPrice: 2 },
        ],
      },
    ],
  ])("of an order is refused at %s", async (pointer, lines) => {
    const shop = await openShop()
    const before = await shop.dump()
    const issues = await issuesOf(shop.orders.place({ accountId: "ada", key: "k", ...lines }))
    expect(issues).toMatchObject([{ pointer }])
    expect(await shop.dump()).toEqual(before)
  })

  it.each([
    ["/discount/percent", { discount: { type: "rate", percent: 101 } }],
    ["/discount/amount", { discount: { type: "flat", amount: 0 } }],
    ["/discount/minTotal", { discount: { type: "flat", amount: 1, minTotal: -1 } }],
    ["/discount/percent", { discount: { type: "flat", amount: 1, percent: 5 } }],
    ["/closesAt", { opensAt: new Date(5), closesAt: new Date(5) }],
  ])("of a campaign is refused at %s", async (pointer, fields) => {
    const shop = await openShop()
    const valid = { campaignId: "fall", name: "Fall", discount: { type: "flat", amount: 5 }, limit: 5 } as const
    const issues = await issuesOf(shop.coupons.createCampaign({ ...valid, ...(fields as object) }))
    expect(issues).toMatchObject([{ pointer }])
  })

  it("is refused with all that is wrong at once", async () => {
    const shop = await openShop()
    const lines = [{ productId: "", quantity: 0 }]
    const issues = await issuesOf(shop.orders.place({ accountId: " ", lines, key: "" }))
    expect((issues as ReadonlyArray<{ pointer: string }>).map(({ pointer }) => pointer).sort()).toEqual([
      "/accountId",
      "/key",
      "/lines/0/productId",
      "/lines/0/quantity",
    ])
  })

  it("with an unknown field is refused, however many of the known ones are inherited", async () => {
    const shop = await openShop()
    const inherited = (own: object) => Object.assign(Object.create({ accountId: "lin", balanceLimit: 5 }), own)
    const ended = await shop.safe.points.open(inherited({ balanceLimt: 7 }))
    expect(ended).toMatchObject({ ok: false, error: { refusal: { issues: [{ pointer: "/balanceLimt" }] } } })
    expect(await shop.points.open(inherited({}))).toMatchObject({ accountId: "lin", balanceLimit: 5 })
    await shop.stop()
  })

  it.each<readonly [string, (shop: TestShop) => Promise<unknown>, string]>([
    ["points.balance", (shop) => shop.points.balance(""), ""],
    ["points.entries", (shop) => shop.points.entries({ accountId: "ada", cursor: "x" }), "/cursor"],
    ["points.entries", (shop) => shop.points.entries({ accountId: "ada", limit: 0 }), "/limit"],
    ["points.entries", (shop) => shop.points.entries({ accountId: "ada", limit: 1_001 }), "/limit"],
    ["points.entries", (shop) => shop.points.entries({ accountId: "ada", order: "up" as "newest-first" }), "/order"],
    ["stock.product", (shop) => shop.stock.product(" "), ""],
    ["stock.products", (shop) => shop.stock.products({ productIds: ["tea", ""] }), "/productIds/1"],
    ["stock.products", (shop) => shop.stock.products({ productIds: ["tea", "cup"], limit: 1 }), "/limit"],
    ["stock.products", (shop) => shop.stock.products({ productIds: ["tea"], cursor: "tea" }), "/cursor"],
    ["stock.movements", (shop) => shop.stock.movements({ productId: "" }), "/productId"],
    ["coupons.campaign", (shop) => shop.coupons.campaign(""), ""],
    ["coupons.ofCampaign", (shop) => shop.coupons.ofCampaign({ campaignId: "spring", cursor: "-1" }), "/cursor"],
    ["orders.get", (shop) => shop.orders.get(""), ""],
    ["orders.byReference", (shop) => shop.orders.byReference({ reference: "" }), "/reference"],
    ["popularity.top", (shop) => shop.popularity.top({ limit: 101 }), "/limit"],
    ["popularity.top", (shop) => shop.popularity.top({ days: 0 }), "/days"],
    ["popularity.top", (shop) => shop.popularity.top({ zone: "Mars/Olympus" }), "/zone"],
    ["popularity.top", (shop) => shop.popularity.top({ zone: "Asia/Kolkata" }), "/zone"],
    ["events.depth", (shop) => shop.events.depth(""), ""],
    ["events.parked", (shop) => shop.events.parked({ name: "n", cursor: "x" }), "/cursor"],
    ["events.redeliver", (shop) => shop.events.redeliver({ name: "n", position: "{}" }), "/position"],
    ["events.subscribe", (shop) => shop.events.subscribe("", () => {}), ""],
    ["outcome", (shop) => shop.shop.outcome({ operation: "orders.pay" as "orders.place", key: "k" }), "/operation"],
    ["outcome", (shop) => shop.shop.outcome({ operation: "orders.place", key: "" }), "/key"],
  ])("of %s is refused as well (%#)", async (_, call, pointer) => {
    const shop = await openShop()
    expect(await issuesOf(call(shop))).toMatchObject([{ pointer }])
  })
})

describe("an error of input with thousands of faults", () => {
  it("names a hundred of them in its sentence and counts the rest, and has all of them", () => {
    const issues = Array.from({ length: 5_000 }, (_, n) => ({ pointer: `/lines/${n}`, message: "is no number" }))
    const error = new HoldfastError({ _tag: "InvalidInput", issues })
    expect(error.message).toMatch(/, \/lines\/100: is no number, and 4899 more\.$/)
    expect(error.refusal).toEqual({ _tag: "InvalidInput", issues })
  })
})

describe("an id that names nothing", () => {
  const orderId = "01HF7YAT00000000000000000"
  const accountId = "nobody"
  const campaignId = "never"
  const productId = "none"
  it.each<readonly [string, (shop: TestShop) => Promise<unknown>, object]>([
    ["points.suspend", (shop) => shop.points.suspend({ accountId }), { _tag: "AccountNotFound", accountId }],
    [
      "points.charge",
      (shop) => shop.points.charge({ accountId, amount: 1, key: "k" }),
      { _tag: "AccountNotFound", accountId },
    ],
    [
      "points.adjust",
      (shop) => shop.points.adjust({ accountId, change: 1, key: "k" }),
      { _tag: "AccountNotFound", accountId },
    ],
    ["points.balance", (shop) => shop.points.balance(accountId), { _tag: "AccountNotFound", accountId }],
    ["points.entries", (shop) => shop.points.entries({ accountId }), { _tag: "AccountNotFound", accountId }],
    [
      "stock.restock",
      (shop) => shop.stock.restock({ productId, quantity: 1, key: "k" }),
      { _tag: "ProductNotFound", productIds: [productId] },
    ],
    ["stock.retire", (shop) => shop.stock.retire({ productId }), { _tag: "ProductNotFound", productIds: [productId] }],
    ["stock.product", (shop) => shop.stock.product(productId), { _tag: "ProductNotFound", productIds: [productId] }],
    [
      "stock.movements",
      (shop) => shop.stock.movements({ productId }),
      { _tag: "ProductNotFound", productIds: [productId] },
    ],
    [
      "coupons.openCampaign",
      (shop) => shop.coupons.openCampaign({ campaignId }),
      { _tag: "CampaignNotFound", campaignId },
    ],
    [
      "coupons.changeLimit",
      (shop) => shop.coupons.changeLimit({ campaignId, limit: 1 }),
      { _tag: "CampaignNotFound", campaignId },
    ],
    ["coupons.campaign", (shop) => shop.coupons.campaign(campaignId), { _tag: "CampaignNotFound", campaignId }],
    [
      "coupons.coupon",
      (shop) => shop.coupons.coupon({ campaignId, accountId }),
      { _tag: "CouponNotFound", campaignId, accountId },
    ],
    [
      "coupons.revoke",
      (shop) => shop.coupons.revoke({ campaignId, accountId }),
      { _tag: "CouponNotFound", campaignId, accountId },
    ],
    ["orders.get", (shop) => shop.orders.get(orderId), { _tag: "OrderNotFound", orderId }],
    ["orders.complete", (shop) => shop.orders.complete({ orderId }), { _tag: "OrderNotFound", orderId }],
    [
      "orders.cancel",
      (shop) => shop.orders.cancel({ accountId: "ada", orderId, key: "k" }),
      { _tag: "OrderNotFound", orderId },
    ],
  ])("is refused by %s, which names it and writes nothing", async (_, call, refusal) => {
    const shop = await openShop()
    const before = await shop.dump()
    expect(await endOf(call(shop))).toEqual(refusal)
    expect(await shop.dump()).toEqual(before)
  })

  it("in a list is an empty page, or left out", async () => {
    const shop = await openShop()
    expect(await shop.stock.products({ productIds: [productId, "tea"] })).toMatchObject({
      items: [{ productId: "tea" }],
    })
    for (const list of [
      shop.orders.ofAccount({ accountId }),
      shop.orders.byReference({ reference: "r" }),
      shop.coupons.ofAccount({ accountId }),
      shop.coupons.ofCampaign({ campaignId }),
    ]) {
      expect(await list).toEqual({ items: [], nextCursor: undefined })
    }
  })

  it("of somebody else's order is answered as if there were none", async () => {
    const shop = await openShop()
    await shop.points.open({ accountId: "bob" })
    const { orderId: hers } = await shop.orders.place({
      accountId: "ada",
      lines: [{ productId: "tea", quantity: 1 }],
      key: "cart",
    })
    const cancel = shop.orders.cancel({ accountId: "bob", orderId: hers, key: "k" })
    expect(await endOf(cancel)).toEqual({ _tag: "OrderNotFound", orderId: hers })
  })
})

describe("an option", () => {
  const refused = (options: unknown): string => {
    try {
      createHoldfast(options as Parameters<typeof createHoldfast>[0])
      return "accepted"
    } catch (error) {
      return isHoldfastError(error) ? error.message : "another error"
    }
  }
  it.each([
    [{ quueLimit: 5 }, '/quueLimit: is not an option; did you mean "queueLimit"?'],
    [{ deadlineMs: 5 }, '/deadlineMs: is not an option; did you mean "deadlineMillis"?'],
    [{ Clock: 5 }, '/Clock: is not an option; did you mean "clock"?'],
    [{ zzzzzzzz: 5 }, "/zzzzzzzz: is not an option; there are store, bus, cache, ranking, requests, accounts"],
    [{ queueLimit: 0 }, "/queueLimit: must be a whole number from 1 to 1000000"],
    [{ batchLimit: 2_000 }, "/batchLimit: must be a whole number from 1 to 1024"],
    [{ deadlineMillis: 1.5 }, "/deadlineMillis: must be a whole number"],
    [{ accounts: "auto" }, "/accounts: must be"],
    [{ scope: "" }, "/scope: must be"],
    [{ store: "memory" }, "/store: must be a store, such as memory()"],
    [{ clock: new Date() }, "/clock: must be a function"],
    [{ workers: "yes" }, "/workers: must be true or false"],
    [{ clock: 1, random: 2 }, "/random: must be a function"],
    [[], "/: must be an object"],
    [Object.create({ deadlineMillis: "5" }), "/deadlineMillis: must be a whole number"],
    [{ store: { name: "none", layer: null } }, "/store: must be a store"],
    [{ telemetry: { name: "mine", tracer: 1, observe: 2, activeSpan: 3 } }, "/telemetry: must be"],
    [null, "/: must be an object"],
    ["postgres://", "/: must be an object"],
  ])("that is not as it must be is refused before anything happens: %j", (options, message) => {
    expect(refused(options)).toContain(message)
  })

  it.each(["cache", "ranking", "requests", "bus", "store"] as const)(
    "%s that gives what another one takes is refused at the start, and not passed over",
    async (name) => {
      const other = name === "store" ? inProcessBus() : memory()
      const options = { [name]: other } as unknown as Parameters<typeof createHoldfast>[0]
      await using shop = createHoldfast(options)
      const message = `/${name}: must not be what another option takes`
      await expect(shop.start()).rejects.toMatchObject({
        code: "INVALID_INPUT",
        message: expect.stringContaining(message),
      })
      expect(await shop.safe.points.open({ accountId: "ann" })).toMatchObject({
        ok: false,
        error: { code: "INVALID_INPUT" },
      })
    },
  )

  it.each([
    [{ drainMillis: "5000" }, "/drainMillis: must be a whole number"],
    [{ drainMillis: Number.NaN }, "/drainMillis: must be a whole number"],
    [{ drainMilis: 5 }, '/drainMilis: is not an option; did you mean "drainMillis"?'],
    [null, "must be an object"],
  ])("of a stop is checked, and the shop goes on where it is wrong: %j", async (options, message) => {
    const shop = createHoldfast()
    await shop.points.open({ accountId: "ann" })
    const stopping = shop.stop(options as unknown as { readonly drainMillis: number })
    await expect(stopping).rejects.toMatchObject({ code: "INVALID_INPUT", message: expect.stringContaining(message) })
    expect(await shop.points.balance("ann")).toBe(0)
    await shop.stop()
  })

  it.each([
    [{ limit: Number.NaN }, "/limit: must be a whole number"],
    [{ leaseMillis: 0 }, "/leaseMillis: must be a whole number"],
    [{ concurrency: Number.NaN }, "/concurrency: must be a whole number"],
    [{ attempts: 0 }, "/attempts: must be a whole number"],
    [{ handlerTimeoutMillis: "1000" }, "/handlerTimeoutMillis: must be a whole number"],
    [{ backoff: { baseMillis: "1", maxMillis: 5 } }, "/backoff: must be { baseMillis, maxMillis }"],
    [{ backoff: { baseMillis: 1, maxMillis: 1 / 0 } }, "/backoff: must be { baseMillis, maxMillis }"],
    [{ backoff: { baseMilis: 1_000, maxMillis: 5_000 } }, "/backoff: must be { baseMillis, maxMillis }"],
    [{ backoff: { baseMillis: 1_000 } }, "/backoff: must be { baseMillis, maxMillis }"],
    [{ backoff: {} }, "/backoff: must be { baseMillis, maxMillis }"],
    [{ backoff: [] }, "/backoff: must be { baseMillis, maxMillis }"],
    [{ onError: () => {} }, "/onError: is not an option here: pass onEventError to createHoldfast"],
    [{ concurency: 3 }, '/concurency: is not an option; did you mean "concurrency"?'],
    ["x", "must be an object"],
    [null, "must be an object"],
  ])("of a subscription is checked before its name is registered: %j", async (options, message) => {
    await using shop = createHoldfast()
    const subscribing = shop.events.subscribe("mail", () => {}, options as unknown as { readonly limit: number })
    await expect(subscribing).rejects.toMatchObject({
      code: "INVALID_INPUT",
      message: expect.stringContaining(message),
    })
    expect((await shop.health()).subscriptions).toEqual([])
  })

  it.each([
    [{ maxAgeMilis: 500 }, '/maxAgeMilis: is not an option; did you mean "maxAgeMillis"?'],
    [{ sginal: AbortSignal.abort() }, '/sginal: is not an option; did you mean "signal"?'],
    [{ signal: null }, "/signal: must be an AbortSignal"],
    [{ signal: new AbortController() }, "/signal: must be an AbortSignal"],
    [{ onAge: 5 }, "/onAge: must be a function"],
    ["x", "must be an object"],
    [null, "must be an object"],
  ])("of a call is checked, and nothing happens where it is wrong: %j", async (options, message) => {
    await using shop = createHoldfast()
    const open = { accountId: "ann" }
    const no = { code: "INVALID_INPUT", message: expect.stringContaining(message) }
    await expect(shop.points.open(open, options as object)).rejects.toMatchObject(no)
    expect(await shop.safe.points.open(open, options as object)).toMatchObject({ ok: false, error: no })
    expect(await shop.points.open(open)).toMatchObject({ replayed: false })
  })

  it("of a store in memory, and of the shop as layers, is refused in the same way", () => {
    const typo = (make: (options: never) => unknown, options: object) => () => make(options as never)
    expect(typo(memory, { lanes: 2 })).toThrow("/lanes: is not an option; there are none.")
    for (const make of [InterleavingStore.make, InterleavingStore.layer])
      expect(typo(make, { optimistik: true })).toThrow('/optimistik: is not an option; did you mean "optimistic"?')
    for (const make of [inProcessBus, eventBusInProcess]) {
      expect(typo(make, { capcity: 5 })).toThrow('/capcity: is not an option; did you mean "capacity"?')
      expect(typo(make, { batch: Number.NaN })).toThrow("/batch: must be a whole number")
      expect(typo(make, { backoff: { baseMillis: 5 } })).toThrow("/backoff: must be { baseMillis, maxMillis }")
    }
    expect(typo(Holdfast.layerWith, { quueLimit: 5 })).toThrow('did you mean "queueLimit"?')
    expect(typo(Holdfast.layerWith, { "a/b~c": 5 })).toThrow("/a~1b~0c: is not an option")
  })

  it("of the batch bounds every commit", async () => {
    await using shop = createHoldfast({ batchLimit: 3 })
    await Promise.all(Array.from({ length: 30 }, (_, n) => shop.points.open({ accountId: `a${n}` })))
    const { batches, batchedCommands } = (await shop.health()).metrics
    expect(batchedCommands).toBe(30)
    expect(batches).toBeGreaterThanOrEqual(10)
  })

  it("that is left undefined is as if it were not there", () => {
    expect(refused({ clock: undefined, store: undefined, queueLimit: undefined })).toBe("accepted")
  })
})
