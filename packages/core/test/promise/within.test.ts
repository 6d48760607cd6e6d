import { Effect, Layer } from "effect"
import { describe, expect, it } from "vitest"
import { createHoldfast, isHoldfastError, Store } from "../../src/index.ts"
import type { StoreShape } from "../../src/ports/index.ts"
import { busy, controlledStore, gate, losing, rejecting } from "../support/controlledStore.ts"
import { endOf, furnishedShop, memoryStore } from "../support/shop.ts"

/** A store that joins any transaction: what happens inside it happens in the store itself. */
const joinable = (shape: StoreShape) => {
  const joined: Array<unknown> = []
  const join = (handle: unknown) =>
    Effect.sync(() => {
      joined.push(handle)
      return shape
    })
  return { joined, option: { name: "joinable", layer: Layer.succeed(Store, { ...shape, join }) } }
}

describe("within a transaction of the host", () => {
  it("a store that cannot join says so, as a HoldfastError that no retry would cure", async () => {
    const shop = await furnishedShop()
    const inside = shop.shop.within({})
    const error: unknown = await inside.points.balance("ada").catch((thrown: unknown) => thrown)
    expect(isHoldfastError(error)).toBe(true)
    expect(error).toMatchObject({
      code: "JOIN_NOT_SUPPORTED",
      retryable: false,
      outcome: "nothing-happened",
      unavailable: { store: "memory" },
    })
    const placed = inside.orders.place({ accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], key: "k" })
    expect(await endOf(placed)).toMatchObject({ _tag: "JoinNotSupported" })
    expect(await shop.points.balance("ada")).toBe(10_000)
  })

  it("what is no transaction at all is refused by name", () => {
    const { within } = createHoldfast()
    for (const none of [undefined, null, "tx", 5]) {
      expect(() => within(none as never)).toThrow("/transaction: must be the transaction that you opened")
    }
  })

  it("calls go to the joined store, one after the other, and no ticket is issued there", async () => {
    const { shape } = memoryStore()
    const { joined, option } = joinable(shape)
    const shop = createHoldfast({ store: option })
    await shop.points.open({ accountId: "ada" })
    const transaction = { id: 1 }
    const inside = shop.within(transaction)
    const charges = ["a", "b", "c"].map((key) => inside.points.charge({ accountId: "ada", amount: 5, key }))
    expect((await Promise.all(charges)).map(({ seq }) => seq)).toEqual([1, 2, 3])
    expect(shop.within(transaction)).toBe(inside)
    expect(joined).toEqual([transaction])
    expect(Object.keys(inside.coupons)).not.toContain("issue")
    expect(await shop.points.balance("ada")).toBe(15)
  })

  it("deadlines are kept by the host's own clock, wherever it stands", async () => {
    const { shape } = memoryStore()
    for (const now of [0, Date.UTC(2100, 0)]) {
      const shop = createHoldfast({ store: joinable(shape).option, clock: () => now })
      const accountId = `ada-${now}`
      expect(await endOf(shop.within({}).points.open({ accountId }))).toMatchObject({ accountId, replayed: false })
    }
  })

  it("a key that is busy is a conflict to run the whole transaction again for; nothing happened", async () => {
    const store = await Effect.runPromise(controlledStore())
    const shop = createHoldfast({ store: joinable(store.shape).option })
    await shop.points.open({ accountId: "ada" })
    store.behave = () => busy("account", "ada")
    const charged = await endOf(shop.within({}).points.charge({ accountId: "ada", amount: 5, key: "k" }))
    expect(charged).toEqual({ _tag: "TransactionConflict", outcome: "nothing-happened" })
  })

  it("what the store rejects is certain, inside a transaction too", async () => {
    const store = await Effect.runPromise(controlledStore())
    const shop = createHoldfast({ store: joinable(store.shape).option })
    await shop.points.open({ accountId: "ada" })
    store.behave = () => rejecting("permission denied")
    await expect(shop.within({}).points.charge({ accountId: "ada", amount: 5, key: "k" })).rejects.toMatchObject({
      code: "STORE_REJECTED",
      outcome: "nothing-happened",
      retryable: false,
    })
  })

  it("what was lost before anything was done is certain too", async () => {
    const store = await Effect.runPromise(controlledStore())
    const shop = createHoldfast({ store: joinable(store.shape).option })
    await shop.points.open({ accountId: "ada" })
    store.behave = () => Effect.fail({ _tag: "Lost", reason: "cancelled", attempt: "nothing" })
    await expect(shop.within({}).points.charge({ accountId: "ada", amount: 5, key: "k" })).rejects.toMatchObject({
      code: "STORE_UNAVAILABLE",
      outcome: "nothing-happened",
    })
  })

  it("a call whose caller leaves while it waits for its turn never begins", async () => {
    const store = await Effect.runPromise(controlledStore())
    const shop = createHoldfast({ store: joinable(store.shape).option })
    await shop.points.open({ accountId: "ada" })
    const held = gate()
    store.behave = held.behave
    const inside = shop.within({})
    const first = inside.points.charge({ accountId: "ada", amount: 5, key: "first" })
    const leaving = new AbortController()
    const second = inside.points.charge({ accountId: "ada", amount: 5, key: "second" }, { signal: leaving.signal })
    await expect.poll(() => held.waiting).toBe(1)
    leaving.abort()
    await expect(second).rejects.toThrow()
    held.open()
    await first
    await inside.points.charge({ accountId: "ada", amount: 5, key: "third" })
    expect(store.transacts.flatMap(({ commands }) => commands)).not.toContain("second")
    expect(await shop.points.balance("ada")).toBe(10)
  })

  const tooMuch = { accountId: "ada", change: -500, reason: "fee", key: "k" }

  it("a refusal is unknown while a lane has a call of the same key in hand, and final when that has ended", async () => {
    const store = await Effect.runPromise(controlledStore())
    const shop = createHoldfast({ store: joinable(store.shape).option })
    await shop.points.open({ accountId: "ada" })
    const held = gate()
    store.behave = held.behave
    const inLane = endOf(shop.points.adjust(tooMuch))
    await expect.poll(() => held.waiting).toBe(1)
    store.behave = (_, run) => run
    const inside = shop.within({})
    expect(await endOf(inside.points.adjust(tooMuch))).toMatchObject({ _tag: "StoreUnavailable", outcome: "unknown" })
    held.open()
    const final = await inLane
    expect(final).not.toMatchObject({ _tag: "StoreUnavailable" })
    expect(await endOf(inside.points.adjust(tooMuch))).toEqual(final)
  })

  it.each([
    ["can be ended, which it is first", true],
    ["cannot be ended", false],
  ])("a refusal after a lost reply of its key is final only where that %s", async (_, settles) => {
    const store = await Effect.runPromise(controlledStore())
    const shop = createHoldfast({ store: joinable(store.shape).option, deadlineMillis: 300 })
    await shop.points.open({ accountId: "ada" })
    store.behave = () => losing
    store.settle = () => Effect.succeed(false)
    if (settles) store.settle = () => Effect.fail({ _tag: "Lost", reason: "away" })
    expect(await endOf(shop.points.adjust(tooMuch))).toMatchObject({ _tag: "StoreUnavailable", outcome: "unknown" })
    // A lane has it in hand for a moment longer.
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    store.behave = (__, run) => run
    if (settles) store.settle = () => Effect.succeed(true)
    const told = await endOf(shop.within({}).points.adjust(tooMuch))
    if (settles) expect(told).not.toMatchObject({ _tag: "StoreUnavailable" })
    else expect(told).toMatchObject({ _tag: "StoreUnavailable", outcome: "unknown" })
  })

  it("a stopped shop joins nothing", async () => {
    const { joined, option } = joinable(memoryStore().shape)
    const shop = createHoldfast({ store: option })
    await shop.stop()
    expect(await endOf(shop.within({}).points.open({ accountId: "ada" }))).toMatchObject({ _tag: "Stopped" })
    expect(joined).toEqual([])
  })

  it("given calls of its safe twin, answer every no as a value, that a store joins nothing too", async () => {
    const { option } = joinable(memoryStore().shape)
    const shop = createHoldfast({ store: option })
    await shop.points.open({ accountId: "ada" })
    const { safe, ...calls } = shop.within({})
    expect(await safe.points.charge({ accountId: "ada", amount: 5, key: "k" })).toMatchObject({
      ok: true,
      value: { balance: 5 },
    })
    expect(await safe.points.balance("eve")).toMatchObject({ ok: false, error: { code: "ACCOUNT_NOT_FOUND" } })
    const lines = [{ productId: "tea", quantity: 1 }]
    const placed = await safe.orders.place({ accountId: "ada", lines, key: "k" })
    expect(placed).toMatchObject({ ok: false, error: { refusal: { _tag: "ProductNotFound", productIds: ["tea"] } } })
    for (const group of ["points", "stock", "coupons", "orders"] as const) {
      expect(Object.keys(safe[group])).toEqual(Object.keys(calls[group]))
    }
    const alone = (await furnishedShop()).shop.within({}).safe
    const balance = await alone.points.balance("ada")
    if (balance.ok || balance.error.code !== "JOIN_NOT_SUPPORTED") throw new Error("expected a value that says so")
    expect(balance.error.unavailable.store).toBe("memory")
    expect(await alone.orders.place({ accountId: "ada", lines, key: "k" })).toMatchObject({
      ok: false,
      error: { code: "JOIN_NOT_SUPPORTED" },
    })
  })
})
