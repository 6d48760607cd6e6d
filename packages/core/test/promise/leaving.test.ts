import { Effect } from "effect"
import { describe, expect, it, vi } from "vitest"
import { createHoldfast } from "../../src/index.ts"
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
    await vi.waitFor(() => expect(held.waiting).toBe(1))
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
    await vi.waitFor(() => expect(held.waiting).toBe(1))
    controller.abort("gone")
    expect(await left).toBe("gone")
    expect(await shop.outcome({ operation: "points.charge", key: "left" })).toEqual({ status: "pending" })
    held.open()
    await vi.waitFor(async () => expect(await shop.points.balance("ada")).toBe(149))
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
    await vi.waitFor(() => expect(held.waiting).toBe(1))
    controller.abort("gone")
    expect(await left).toBe("gone")
    held.open()
    await vi.waitFor(async () => expect((await shop.orders.get(order.orderId)).state).toBe("cancelled"))
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
    await new Promise((resolve) => setTimeout(resolve, 5))
    expect(store.transacts).toEqual([])
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
})
