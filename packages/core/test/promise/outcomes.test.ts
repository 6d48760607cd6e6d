import { Effect } from "effect"
import { describe, expect, it } from "vitest"
import { MemoryStore } from "../../src/memory/index.ts"
import type { Guarantees, StoreFault, StoreShape } from "../../src/ports/index.ts"
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

  it("is pending in the process that lost the reply as well, whose own call has ended: another may have been asked", async () => {
    let settles: Effect.Effect<boolean, StoreFault> = Effect.succeed(true)
    const lost = await losingShop("many machines", () => settles)
    for (const [key, settled] of [
      ["ended", true],
      ["goes-on", false],
    ] as const) {
      settles = Effect.fail({ _tag: "Lost", reason: "away", attempt: "nothing" })
      await lost.lose(key)
      await expect.poll(() => lost.ask(key)).toMatchObject({ _tag: "StoreUnavailable" })
      settles = Effect.succeed(settled)
      const now = lost.standStill()
      const finalAt = new Date(now + 60_200)
      expect(await lost.ask(key)).toEqual({ status: "pending", finalAt })
      // The later of the two: what was called long ago may have been repeated here.
      const told = await lost.ask(key, new Date(now - 60_200))
      expect(told).toMatchObject(settled ? { status: "not-found" } : { status: "pending", finalAt: expect.any(Date) })
    }
    await lost.stop()
  })

  it("is final at once where only this process uses the store, and the store can end what it was sent", async () => {
    let settles: Effect.Effect<boolean, StoreFault> = Effect.succeed(true)
    const lost = await losingShop("one process", () => settles)
    for (const [key, settled, told] of [
      ["ended", true, { status: "not-found" }],
      ["goes-on", false, { status: "pending", finalAt: expect.any(Date) }],
    ] as const) {
      settles = Effect.fail({ _tag: "Lost", reason: "away", attempt: "nothing" })
      await lost.lose(key)
      await expect.poll(() => lost.ask(key)).toMatchObject({ _tag: "StoreUnavailable" })
      lost.standStill()
      settles = Effect.succeed(settled)
      expect(await lost.ask(key)).toEqual(told)
    }
    await lost.stop()
  })
})

/** A shop whose orders are all cut off. Only what is meant to meet its deadline has one that comes. */
const losingShop = async (scope: Guarantees["scope"], settle: () => Effect.Effect<boolean, StoreFault>) => {
  let cut = false
  let stoodAt: number | undefined = Date.now()
  const { orders, shop } = await furnishedShop(
    {},
    { deadlineMillis: 200, clock: () => stoodAt ?? Date.now() },
    sharedStore((inner) => ({
      guarantees: { ...inner.guarantees, scope },
      transact: (keys, decide) =>
        cut ? Effect.fail<StoreFault>({ _tag: "Lost", reason: "cut", attempt: {} }) : inner.transact(keys, decide),
      settle,
    })),
  )
  cut = true
  return {
    ask: (key: string, calledAt?: Date) => endOf(shop.outcome({ ...query, key, calledAt })),
    standStill: () => {
      stoodAt = Date.now()
      return stoodAt
    },
    lose: async (key: string) => {
      stoodAt = undefined
      expect(await endOf(orders.place({ accountId: "ada", lines, key }))).toMatchObject({ outcome: "unknown" })
    },
    stop: () => shop.stop(),
  }
}
