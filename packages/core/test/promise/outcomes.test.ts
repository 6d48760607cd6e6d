import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { MemoryStore } from "../../src/memory/index.ts"
import type { StoreFault, StoreShape } from "../../src/ports/index.ts"
import { endOf, furnishedShop, memoryStore } from "../support/shop.ts"

/** A store that several processes use, whose clock is what the test says. */
const sharedStore = (change: (inner: StoreShape) => Partial<StoreShape> = () => ({})) => {
  const inner = Effect.runSync(MemoryStore.make)
  return memoryStore({ ...inner, guarantees: { ...inner.guarantees, scope: "many machines" }, ...change(inner) })
}

const query = { operation: "orders.place", key: "cart" } as const
const lines = [{ productId: "tea", quantity: 1 }]
/** The shop's deadline of 10 s, and a minute. */
const openMillis = 70_000

describe("the outcome of a key on a store of many processes", () => {
  it("is pending until a call cannot come true any more, and not found from then on, for good", async () => {
    const shop = await furnishedShop({}, {}, sharedStore())
    const calledAt = new Date(shop.time.now)
    const ask = () => shop.shop.outcome({ ...query, calledAt })
    const finalAt = new Date(calledAt.getTime() + openMillis)
    expect(await ask()).toEqual({ status: "pending", finalAt })
    shop.time.now = finalAt.getTime() - 1
    expect(await ask()).toEqual({ status: "pending", finalAt })
    shop.time.now = finalAt.getTime()
    expect(await ask()).toEqual({ status: "not-found" })
  })

  it("takes a call whose moment is not said for one that was made just now", async () => {
    const shop = await furnishedShop({}, {}, sharedStore())
    for (const calledAt of [undefined, new Date(8.64e15)]) {
      shop.time.now += openMillis
      const finalAt = new Date(shop.time.now + openMillis)
      expect(await shop.shop.outcome({ ...query, calledAt })).toEqual({ status: "pending", finalAt })
    }
  })

  it("is judged by the store's clock, where it has one", async () => {
    let now = 0
    const shop = await furnishedShop(
      {},
      {},
      sharedStore(() => ({ now: Effect.sync(() => now) })),
    )
    const calledAt = new Date(1_000)
    expect(await shop.shop.outcome({ ...query, calledAt })).toMatchObject({ status: "pending" })
    now = 1_000 + openMillis
    expect(await shop.shop.outcome({ ...query, calledAt })).toEqual({ status: "not-found" })
  })

  it("is what was accepted, whenever it is asked for", async () => {
    const shop = await furnishedShop({}, {}, sharedStore())
    await shop.orders.place({ accountId: "ada", lines, key: "cart" })
    expect(await shop.shop.outcome({ ...query, calledAt: new Date(0) })).toMatchObject({ status: "accepted" })
  })

  it("is final at once in the process that lost the reply, where the store can end what it was sent", async () => {
    let settles: Effect.Effect<boolean, StoreFault> = Effect.succeed(true)
    let cut = false
    // Only what is meant to meet its deadline has one that comes.
    let timeGoesOn = false
    const startedAt = Date.now()
    const shop = await furnishedShop(
      {},
      { deadlineMillis: 200, clock: () => (timeGoesOn ? Date.now() : startedAt) },
      sharedStore((inner) => ({
        transact: (keys, decide) =>
          cut ? Effect.fail<StoreFault>({ _tag: "Lost", reason: "cut", attempt: {} }) : inner.transact(keys, decide),
        settle: () => settles,
      })),
    )
    cut = true
    for (const [key, settled, told] of [
      ["ended", true, { status: "not-found" }],
      ["goes-on", false, { status: "pending", finalAt: expect.any(Date) }],
    ] as const) {
      settles = Effect.fail({ _tag: "Lost", reason: "away", attempt: "nothing" })
      timeGoesOn = true
      expect(await endOf(shop.orders.place({ accountId: "ada", lines, key }))).toMatchObject({ outcome: "unknown" })
      await expect.poll(() => endOf(shop.shop.outcome({ ...query, key }))).toMatchObject({ _tag: "StoreUnavailable" })
      timeGoesOn = false
      settles = Effect.succeed(settled)
      expect(await shop.shop.outcome({ ...query, key })).toEqual(told)
    }
    await shop.shop.stop()
  })
})
