import { Effect, Layer } from "effect"
import { describe, expect, it, vi } from "vitest"
import { createHoldfast } from "../../src/index.ts"
import { Store } from "../../src/ports/index.ts"
import { controlledStore, gate } from "../support/controlledStore.ts"

/** A shop whose store holds every batch back until the gate opens. */
const heldShop = async () => {
  const store = await Effect.runPromise(controlledStore())
  const shop = createHoldfast({ store: store.option })
  await shop.points.open({ accountId: "ada" })
  await shop.points.charge({ accountId: "ada", amount: 100, key: "first" })
  await shop.stock.register({ productId: "tea", name: "Tea", price: 1, onHand: 9 })
  const order = await shop.orders.place({ accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], key: "cart" })
  const held = gate()
  store.behave = held.behave
  return { shop, store, held, order }
}

const reasonOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => "answered",
    (reason: unknown) => reason,
  )

describe("an AbortSignal", () => {
  it("that is aborted already rejects with its reason, and nothing is begun", async () => {
    const { shop, store } = await heldShop()
    const before = store.transacts.length
    const reason = new Error("the user left")
    const signal = AbortSignal.abort(reason)
    expect(await reasonOf(shop.points.charge({ accountId: "ada", amount: 1, key: "k" }, { signal }))).toBe(reason)
    expect(await reasonOf(shop.points.balance("ada", { signal }))).toBe(reason)
    expect(await reasonOf(shop.safe.points.balance("ada", { signal }))).toBe(reason)
    expect(store.transacts.length).toBe(before)
  })

  it("before a lane has taken the call: nothing happens, and the store never hears of it", async () => {
    const { shop, store, held } = await heldShop()
    const inHand = shop.points.charge({ accountId: "ada", amount: 1, key: "in-hand" })
    await expect.poll(() => held.waiting).toBe(1)
    const controller = new AbortController()
    const { signal } = controller
    const left = reasonOf(shop.points.charge({ accountId: "ada", amount: 50, key: "left" }, { signal }))
    await Promise.resolve()
    controller.abort("gone")
    expect(await left).toBe("gone")
    held.open()
    await inHand
    expect(await shop.points.balance("ada")).toBe(100)
    expect(store.transacts.flatMap(({ commands }) => commands)).not.toContain("left")
    expect(await shop.outcome({ operation: "points.charge", key: "left" })).toEqual({ status: "not-found" })
  })

  it("after it was taken: it finishes, and the same key finds its answer", async () => {
    const { shop, held } = await heldShop()
    const controller = new AbortController()
    const { signal } = controller
    const left = reasonOf(shop.points.charge({ accountId: "ada", amount: 50, key: "left" }, { signal }))
    await expect.poll(() => held.waiting).toBe(1)
    controller.abort("gone")
    expect(await left).toBe("gone")
    expect(await shop.outcome({ operation: "points.charge", key: "left" })).toEqual({ status: "pending" })
    held.open()
    await expect.poll(() => shop.points.balance("ada")).toBe(149)
    expect(await shop.points.charge({ accountId: "ada", amount: 50, key: "left" })).toMatchObject({
      replayed: true,
      balance: 149,
    })
    expect(await shop.outcome({ operation: "points.charge", key: "left" })).toMatchObject({
      status: "accepted",
      answer: { balance: 149, amount: 50 },
    })
  })

  it("lets the caller of a cancel leave as well", async () => {
    const { shop, held, order } = await heldShop()
    const controller = new AbortController()
    const cancel = { accountId: "ada", orderId: order.orderId, key: "cancel" }
    const left = reasonOf(shop.orders.cancel(cancel, { signal: controller.signal }))
    await expect.poll(() => held.waiting).toBe(1)
    controller.abort("gone")
    expect(await left).toBe("gone")
    held.open()
    await expect.poll(async () => (await shop.orders.get(order.orderId)).state).toBe("cancelled")
    expect(await shop.orders.cancel(cancel)).toMatchObject({ replayed: true, state: "cancelled" })
    expect(await shop.points.balance("ada")).toBe(100)
  })

  it("while the shop starts rejects at once, and the call is not made later", async () => {
    const store = await Effect.runPromise(controlledStore())
    const shop = createHoldfast({ store: store.option })
    const controller = new AbortController()
    const left = reasonOf(shop.points.open({ accountId: "ada" }, { signal: controller.signal }))
    controller.abort("gone")
    expect(await left).toBe("gone")
    await shop.start()
    // The call that was left came first: were it still made, it would be made before this one.
    await shop.points.open({ accountId: "eve" })
    expect(store.transacts.length).toBe(1)
    await expect(shop.points.balance("ada")).rejects.toMatchObject({ code: "ACCOUNT_NOT_FOUND" })
  })

  it("after the answer changes nothing, and no listener stays behind", async () => {
    const { shop, held } = await heldShop()
    held.open()
    const controller = new AbortController()
    const { signal } = controller
    const [added, removed] = [vi.spyOn(signal, "addEventListener"), vi.spyOn(signal, "removeEventListener")]
    expect(await shop.points.charge({ accountId: "ada", amount: 1, key: "k" }, { signal })).toMatchObject({ amount: 1 })
    expect(await shop.points.balance("ada", { signal })).toBe(100)
    expect(await reasonOf(shop.points.balance("eve", { signal }))).toMatchObject({ code: "ACCOUNT_NOT_FOUND" })
    controller.abort("gone")
    expect(added).toHaveBeenCalledTimes(3)
    expect(removed).toHaveBeenCalledTimes(3)
  })

  it("given calls of every kind and end, has no listener left when the answer is there", async () => {
    const { shop, held, order } = await heldShop()
    held.open()
    const cart = { accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], key: "cart" }
    const cancel = { accountId: "ada", orderId: order.orderId, key: "cancel" }
    const calls: Readonly<Record<string, (options: { readonly signal: AbortSignal }) => Promise<unknown>>> = {
      "a change": (options) => shop.points.charge({ accountId: "ada", amount: 1, key: "1" }, options),
      "a repeated change": (options) => shop.points.charge({ accountId: "ada", amount: 1, key: "1" }, options),
      // Its answer has to be read.
      "a repeated order": (options) => shop.orders.place(cart, options),
      "a repeated order, safely": (options) => shop.safe.orders.place(cart, options),
      "a change that reads first": (options) => shop.orders.cancel(cancel, options),
      "its repeat": (options) => shop.orders.cancel(cancel, options),
      "a refusal": (options) => shop.orders.place({ ...cart, accountId: "eve", key: "2" }, options),
      "a refusal, safely": (options) => shop.safe.orders.place({ ...cart, accountId: "eve", key: "2" }, options),
      "wrong input": (options) => shop.orders.place({ ...cart, lines: [] }, options),
      "a read": (options) => shop.points.balance("ada", options),
      "a read of nothing": (options) => shop.points.balance("eve", options),
      "an outcome": (options) => shop.outcome({ operation: "orders.place", key: "cart" }, options),
    }
    for (const [kind, call] of Object.entries(calls)) {
      const { signal } = new AbortController()
      const listeners = new Set<unknown>()
      vi.spyOn(signal, "addEventListener").mockImplementation((_, listener) => listeners.add(listener))
      vi.spyOn(signal, "removeEventListener").mockImplementation((_, listener) => listeners.delete(listener))
      await reasonOf(call({ signal }))
      expect(listeners.size, kind).toBe(0)
    }
  })

  it("while a repeated order is read rejects at once, and lets the read go", async () => {
    const { shape } = await Effect.runPromise(controlledStore())
    let reading: (() => Effect.Effect<never>) | undefined
    const order: typeof shape.reads.order = (orderId) => reading?.() ?? shape.reads.order(orderId)
    const held = Layer.succeed(Store, { ...shape, reads: { ...shape.reads, order } })
    const shop = createHoldfast({ store: { name: "held", layer: held } })
    await shop.points.open({ accountId: "ada" })
    await shop.stock.register({ productId: "tea", name: "Tea", price: 0, onHand: 9 })
    const cart = { accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], key: "cart" }
    await shop.orders.place(cart)

    const [begun, released] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    reading = () => {
      begun.resolve()
      return Effect.onInterrupt(Effect.never, () => Effect.sync(released.resolve))
    }
    const controller = new AbortController()
    const left = reasonOf(shop.orders.place(cart, { signal: controller.signal }))
    await begun.promise
    controller.abort("gone")
    expect(await left).toBe("gone")
    await released.promise
  })
})
