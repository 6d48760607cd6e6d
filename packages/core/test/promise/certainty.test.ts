/**
 * What callers are told of a store that fails: what is certain, and whether trying again may help. Nothing that is certain
 * of a read is ever told of the change behind it.
 */
import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { createHoldfast } from "../../src/index.ts"
import type { Reads, StoreFault } from "../../src/ports/index.ts"
import { controlledStore, rejecting } from "../support/controlledStore.ts"
import { endOf, furnishedShop, memoryStore } from "../support/shop.ts"

const lost = { _tag: "Lost", reason: "the connection was lost" } as const
const rejected = { _tag: "Rejected", reason: "permission denied" } as const

/** A shop with an order, whose store fails its reads from then on as told. */
const shopThatReads = async (deadlineMillis = 300) => {
  const { shape } = memoryStore()
  let fault: StoreFault | "silent" | undefined
  let isCut = false
  let failures = 0
  // Time goes on only once reads fail: no call before that may meet its deadline.
  const failing = <Args extends ReadonlyArray<unknown>, A>(read: (...args: Args) => Effect.Effect<A, StoreFault>) => {
    return (...args: Args): Effect.Effect<A, StoreFault> =>
      Effect.suspend(() => {
        if (fault === undefined) return read(...args)
        failures++
        return fault === "silent" ? Effect.never : Effect.fail(fault)
      })
  }
  const reads: Reads = {
    ...shape.reads,
    account: failing(shape.reads.account),
    order: failing(shape.reads.order),
    receipt: failing(shape.reads.receipt),
  }
  const shop = await furnishedShop(
    {},
    { deadlineMillis },
    memoryStore({
      ...shape,
      reads,
      transact: (keys, decide) =>
        Effect.suspend(() => (isCut ? Effect.fail<StoreFault>(lost) : shape.transact(keys, decide))),
    }),
  )
  const cart = { accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], key: "cart" }
  const { orderId } = await shop.orders.place(cart)
  return {
    shop,
    cart,
    cancel: { accountId: "ada", orderId, key: "cancel" },
    /** How reads fail from now on. */
    fail: (as: StoreFault | "silent" | undefined) => {
      fault = as
    },
    /** From now on every reply to a change is lost. */
    cut: () => {
      isCut = true
    },
    failures: () => failures,
  }
}

describe("a store that fails a read", () => {
  it.each([
    { fault: lost, told: "StoreUnavailable" },
    { fault: rejected, told: "StoreRejected" },
  ])("changed nothing by it, and neither did what it was to prepare: $told", async ({ fault, told: _tag }) => {
    const { shop, cancel, fail } = await shopThatReads()
    const told = { _tag, outcome: "nothing-happened", reason: fault.reason }
    fail(fault)
    expect(await endOf(shop.points.balance("ada"))).toEqual(told)
    expect(await endOf(shop.orders.cancel(cancel))).toEqual(told)
  })

  it.each([lost, rejected])("behind a change leaves the change unknown: $_tag", async (fault) => {
    const { shop, cart, fail } = await shopThatReads()
    fail(fault)
    // The order is there. Its answer has to be read, and cannot be.
    const unknown = { code: "STORE_UNAVAILABLE", outcome: "unknown", retryable: true }
    await expect(shop.orders.place(cart)).rejects.toMatchObject(unknown)
    await expect(shop.shop.outcome({ operation: "orders.place", key: "cart" })).rejects.toMatchObject(unknown)
  })
})

describe("given a store that is away when the answer of a change has to be read", () => {
  it("the call waits for it until its own deadline, and is answered", async () => {
    const { shop, cart, cancel, fail, failures } = await shopThatReads(60_000)
    await shop.orders.cancel(cancel)
    fail(lost)
    const again = Promise.all([shop.orders.place(cart), shop.safe.orders.cancel(cancel)])
    await expect.poll(failures).toBeGreaterThan(6)
    fail(undefined)
    const [placed, cancelled] = await again
    expect(placed).toMatchObject({ orderId: cancel.orderId, replayed: true })
    expect(cancelled).toMatchObject({ ok: true, value: { state: "cancelled", replayed: true } })
  })
})

describe("a store that is silent when something has to be read for a change", () => {
  it("is waited for until the deadline: nothing happened to what was not handed over, what is not read is unknown", async () => {
    const { shop, cart, cancel, fail } = await shopThatReads(300)
    fail("silent")
    const startedAt = performance.now()
    const [cancelled, placed] = await Promise.all([endOf(shop.orders.cancel(cancel)), endOf(shop.orders.place(cart))])
    expect(cancelled).toMatchObject({ _tag: "StoreUnavailable", outcome: "nothing-happened" })
    expect(placed).toMatchObject({ _tag: "StoreUnavailable", outcome: "unknown" })
    expect(performance.now() - startedAt).toBeGreaterThan(250)
  })

  it("leaves a repeat unknown that was not handed over, where nobody was told how the first call ended", async () => {
    const { shop, cancel, fail, failures, cut } = await shopThatReads(300)
    cut()
    expect(await endOf(shop.orders.cancel(cancel))).toMatchObject({ outcome: "unknown" })
    for (const fault of [lost, rejected, "silent"] as const) {
      fail(fault)
      const before = failures()
      expect(await endOf(shop.orders.cancel(cancel))).toMatchObject({ _tag: "StoreUnavailable", outcome: "unknown" })
      expect(failures()).toBeGreaterThan(before)
    }
  })
})

describe("a store that rejects a change", () => {
  it("says why, that nothing happened, and that trying again is useless; the key stays free", async () => {
    const store = await Effect.runPromise(controlledStore())
    const shop = createHoldfast({ store: store.option })
    await shop.points.open({ accountId: "ada" })
    store.behave = () => rejecting("permission denied for table account (42501)")
    const charge = { accountId: "ada", amount: 5, key: "k" }
    await expect(shop.points.charge(charge)).rejects.toMatchObject({
      code: "STORE_REJECTED",
      refusal: undefined,
      outcome: "nothing-happened",
      retryable: false,
      message: "The store rejects it: permission denied for table account (42501).",
    })
    expect(await shop.safe.points.charge(charge)).toMatchObject({ ok: false, error: { code: "STORE_REJECTED" } })
    expect((await shop.outcome({ operation: "points.charge", key: "k" })).status).toBe("not-found")
    store.behave = (_, run) => run
    expect(await shop.points.charge(charge)).toMatchObject({ replayed: false, balance: 5 })
  })
})
