import { describe, expect, it, vi } from "vitest"
import type { Event } from "../../src/index.ts"
import { endOf, furnishedShop } from "../support/shop.ts"

const lines = [{ productId: "tea", quantity: 1 }]

describe("a subscription", () => {
  it("gets exactly one event for every accepted call, in order, with what happened and never a position left open", async () => {
    const shop = await furnishedShop()
    const seen: Array<Event> = []
    await shop.events.subscribe("all", async (event) => {
      await Promise.resolve()
      seen.push(event)
    })
    const order = await shop.orders.place({
      accountId: "ada",
      lines,
      metadata: { secret: 1 },
      reference: "r",
      key: "a",
    })
    await endOf(shop.orders.place({ accountId: "eve", lines, key: "b" }))
    await shop.orders.place({ accountId: "ada", lines, metadata: { secret: 1 }, reference: "r", key: "a" })
    await shop.orders.cancel({ accountId: "ada", orderId: order.orderId, key: "c" })
    await shop.events.settled("all")
    expect(seen.map(({ type }) => type)).toEqual(["orders.placed", "orders.cancelled"])
    const [placed] = seen
    expect(placed).toMatchObject({
      id: order.orderId,
      version: 1,
      occurredAt: order.placedAt,
      aggregate: { type: "order", id: order.orderId },
      key: "ada",
      data: { orderId: order.orderId, accountId: "ada", total: 100, discount: 0, paid: 100, reference: "r" },
    })
    for (const hidden of ["secret", "metadata", "balance", "onHand"])
      expect(JSON.stringify(placed)).not.toContain(hidden)
    await shop.shop.stop()
  })

  it("parks what its handler cannot handle, goes on with the rest, and hands it out again when asked", async () => {
    const failures: Array<readonly [unknown, string]> = []
    const shop = await furnishedShop({}, { onEventError: (error, event) => failures.push([error, event.type]) })
    let broken = true
    const handled: Array<string> = []
    await shop.events.subscribe(
      "mail",
      async (event) => {
        await Promise.resolve()
        if (broken && event.key === "ada") throw new Error("no mail today")
        handled.push(event.key)
      },
      { attempts: 1 },
    )
    await shop.points.charge({ accountId: "ada", amount: 1, key: "a" })
    await shop.points.open({ accountId: "bob" })
    await shop.events.settled("mail")
    expect(handled).toEqual(["bob"])
    expect(failures).toMatchObject([[{ message: "no mail today" }, "points.charged"]])
    const { items, nextCursor } = await shop.events.parked({ name: "mail" })
    expect(items).toMatchObject([{ event: { type: "points.charged", key: "ada" } }])
    expect(items[0]?.reason).toContain("no mail today")
    expect(items[0]?.parkedAt).toBeInstanceOf(Date)
    expect(nextCursor).toBeUndefined()
    broken = false
    const one = { name: "mail", position: String(items[0]?.position) }
    expect(await shop.events.redeliver(one)).toBe(true)
    // It is there no more, and a name of nobody has none.
    expect(await shop.events.redeliver(one)).toBe(false)
    expect(await shop.events.redeliver({ ...one, name: "male" })).toBe(false)
    await shop.events.settled("mail")
    expect(handled).toEqual(["bob", "ada"])
    expect(await shop.events.depth("mail")).toEqual({ waiting: 0, parked: 0, oldestAt: undefined })
    await shop.shop.stop()
  })

  it("is served once in a process; closed, it keeps its place; unregistered, it forgets", async () => {
    const shop = await furnishedShop()
    let seen = 0
    const count = () => {
      seen += 1
    }
    const subscription = await shop.events.subscribe("n", count)
    expect(subscription.name).toBe("n")
    expect(await endOf(shop.events.subscribe("n", count))).toEqual({ _tag: "AlreadySubscribed", name: "n" })
    await subscription.close()
    await shop.points.charge({ accountId: "ada", amount: 1, key: "a" })
    expect(await shop.events.depth("n")).toMatchObject({ waiting: 1 })
    await shop.events.subscribe("n", count)
    await shop.events.settled("n")
    expect(seen).toBe(1)
    await shop.events.unregister("n")
    await shop.points.charge({ accountId: "ada", amount: 1, key: "b" })
    expect(await shop.events.depth("n")).toMatchObject({ waiting: 0 })
    await shop.shop.stop()
  })

  it("tells handlers the fence, whether they answer at once, later, or something that is no promise", async () => {
    const shop = await furnishedShop()
    const told: Array<unknown> = []
    const handlers: Readonly<Record<string, (event: Event, delivery: { readonly fence: number }) => unknown>> = {
      atOnce: (_, { fence }) => void told.push(fence),
      later: async (_, { fence }) => {
        await Promise.resolve()
        told.push(fence)
      },
      number: (_, { fence }) => told.push(fence),
    }
    for (const [name, handler] of Object.entries(handlers)) await shop.events.subscribe(name, handler)
    await shop.points.charge({ accountId: "ada", amount: 1, key: "a" })
    for (const name of Object.keys(handlers)) await shop.events.settled(name)
    expect(told.length).toBe(3)
    for (const fence of told) expect(fence).toBeGreaterThan(0)
    await shop.shop.stop()
  })

  it("needs a handler that is a function", async () => {
    const shop = await furnishedShop()
    const handler = undefined as unknown as () => void
    expect(await endOf(shop.events.subscribe("n", handler))).toMatchObject({
      _tag: "InvalidInput",
      issues: [{ pointer: "/handler" }],
    })
  })

  it("ends with the shop: after the stop nothing is handled", async () => {
    const shop = await furnishedShop()
    const seen = vi.fn()
    await shop.events.subscribe("n", seen)
    await shop.points.charge({ accountId: "ada", amount: 1, key: "a" })
    await shop.events.settled("n")
    await shop.shop.stop()
    await endOf(shop.points.charge({ accountId: "ada", amount: 1, key: "b" }))
    expect(seen).toHaveBeenCalledTimes(1)
  })
})

describe("an outcome", () => {
  it("tells what became of a key: nothing, or the first answer", async () => {
    const shop = await furnishedShop()
    const { outcome } = shop.shop
    expect(await outcome({ operation: "orders.place", key: "cart" })).toEqual({ status: "not-found" })
    const { replayed: _, ...order } = await shop.orders.place({ accountId: "ada", lines, key: "cart" })
    expect(await outcome({ operation: "orders.place", key: "cart" })).toEqual({
      status: "accepted",
      at: new Date(shop.time.now),
      answer: order,
    })
    expect(await outcome({ operation: "orders.cancel", key: "cart" })).toEqual({ status: "not-found" })
    expect(await outcome({ operation: "orders.place", key: "cart", scope: "theirs" })).toEqual({ status: "not-found" })
  })

  it("of an order has its live state, of anything else the answer as it was", async () => {
    const shop = await furnishedShop()
    const { orderId } = await shop.orders.place({ accountId: "ada", lines, key: "cart" })
    await shop.orders.cancel({ accountId: "ada", orderId, key: "cancel" })
    expect(await shop.shop.outcome({ operation: "orders.place", key: "cart" })).toMatchObject({
      answer: { state: "cancelled" },
    })
    const charged = await shop.points.charge({ accountId: "ada", amount: 5, key: "top-up" })
    await shop.points.charge({ accountId: "ada", amount: 5, key: "another" })
    expect(await shop.shop.outcome({ operation: "points.charge", key: "top-up" })).toMatchObject({
      answer: { balance: charged.balance, seq: charged.seq },
    })
  })

  it("does not remember refusals: the same key may succeed later", async () => {
    const shop = await furnishedShop({ products: { tea: { price: 100, onHand: 0 } } })
    const place = () => shop.orders.place({ accountId: "ada", lines, key: "cart" })
    expect(await endOf(place())).toMatchObject({ _tag: "OutOfStock" })
    expect(await shop.shop.outcome({ operation: "orders.place", key: "cart" })).toEqual({ status: "not-found" })
    await shop.stock.restock({ productId: "tea", quantity: 1, key: "r" })
    expect(await place()).toMatchObject({ replayed: false })
  })
})
