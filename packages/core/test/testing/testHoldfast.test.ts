import { describe, expect, it, onTestFinished, vi } from "vitest"
import { isHoldfastError } from "../../src/HoldfastError.ts"
import { createTestHoldfast } from "../../src/testing/index.ts"

const charge = { accountId: "ada", amount: 5, key: "k" } as const

const opened = async () => {
  const shop = createTestHoldfast()
  await shop.points.open({ accountId: "ada" })
  return shop
}

describe("createTestHoldfast", () => {
  it("loses a reply: the call is unknown, it happened, and the retry is the same act", async () => {
    const shop = await opened()
    shop.faults.loseNextReply()
    const error: unknown = await shop.points.charge(charge).catch((caught: unknown) => caught)
    expect(isHoldfastError(error) && error.code).toBe("STORE_UNAVAILABLE")
    expect(await shop.points.charge(charge)).toMatchObject({ replayed: true, balance: 5 })
    expect(await shop.points.balance("ada")).toBe(5)
    await shop.stop()
  })

  it("crashes before the commit: every call under way is unknown, nothing happened, and the shop is there again", async () => {
    const shop = await opened()
    const { points } = shop
    shop.faults.slowStore(20)
    shop.faults.crashBeforeCommit()
    const calls = Array.from({ length: 5 }, (_, index) => points.charge({ ...charge, key: `k${index}` }))
    const ended = await Promise.allSettled(calls)
    shop.faults.slowStore(0)
    for (const each of ended) {
      expect(each.status === "rejected" && isHoldfastError(each.reason) && each.reason.unavailable).toMatchObject({
        _tag: "StoreUnavailable",
        outcome: "unknown",
      })
    }
    // The store was kept, and answers for each key what became of it.
    expect(await shop.outcome({ operation: "points.charge", key: "k0" })).toEqual({ status: "not-found" })
    expect(await points.balance("ada")).toBe(0)
    expect(await points.charge({ ...charge, key: "k0" })).toMatchObject({ replayed: false, balance: 5 })
    expect(await shop.outcome({ operation: "points.charge", key: "k0" })).toMatchObject({ status: "accepted" })
    expect((await shop.audit.run()).ok).toBe(true)
    await shop.stop()
  })

  it("crashes again and again, and keeps what was acknowledged", async () => {
    const shop = await opened()
    for (let crash = 1; crash <= 3; crash++) {
      await shop.points.charge({ ...charge, key: `before-${crash}` })
      shop.faults.crashBeforeCommit()
      await expect(shop.safe.points.charge({ ...charge, key: `lost-${crash}` })).resolves.toMatchObject({ ok: false })
      expect(await shop.points.balance("ada")).toBe(5 * crash)
    }
    await shop.stop()
    await expect(shop.points.balance("ada")).rejects.toMatchObject({ code: "STOPPED" })
  })

  it("forgets handlers when it crashes, and gives their events to who subscribes again under the same name", async () => {
    const shop = await opened()
    const old: Array<string> = []
    const fresh: Array<string> = []
    await shop.events.subscribe("mail", ({ type }) => void old.push(type))
    await shop.points.charge(charge)
    await shop.events.settled("mail")
    expect(old).toEqual(["points.charged"])
    shop.faults.crashBeforeCommit()
    await shop.points.charge({ ...charge, key: "lost" }).catch(() => {})
    await shop.points.charge({ ...charge, key: "after" })
    await shop.events.subscribe("mail", ({ type }) => void fresh.push(type))
    await shop.events.settled("mail")
    expect(old).toHaveLength(1)
    expect(fresh).toEqual(["points.charged"])
    await shop.stop()
  })

  it("strikes every call that is in one batch", async () => {
    const shop = await opened()
    shop.faults.loseNextReply()
    const calls = Array.from({ length: 4 }, (_, index) => shop.points.charge({ ...charge, key: `k${index}` }))
    const ended = await Promise.allSettled(calls)
    expect(ended.filter(({ status }) => status === "rejected").length).toBeGreaterThan(0)
    expect(await shop.points.balance("ada")).toBe(20)
    await shop.stop()
  })

  it("moves the clock only when it is told to", async () => {
    const shop = await opened()
    const closesAt = new Date(shop.clock.now().getTime() + 60_000)
    await shop.coupons.createCampaign({
      campaignId: "c",
      name: "C",
      discount: { type: "flat", amount: 1 },
      limit: 5,
      closesAt,
    })
    shop.clock.advance(60_000)
    await expect(shop.coupons.issue({ campaignId: "c", accountId: "ada" })).rejects.toMatchObject({
      code: "OUTSIDE_ISSUE_WINDOW",
    })
    await shop.stop()
  })

  it("makes the same ids in every run", async () => {
    const idOf = async () => {
      const shop = await opened()
      await shop.stock.register({ productId: "pen", name: "Pen", price: 0, onHand: 1 })
      const { orderId } = await shop.orders.place({
        accountId: "ada",
        lines: [{ productId: "pen", quantity: 1 }],
        key: "o",
      })
      await shop.stop()
      return orderId
    }
    expect(await idOf()).toBe(await idOf())
  })

  it("is slow for as long as it is told to", async () => {
    const shop = await opened()
    vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] })
    onTestFinished(() => void vi.useRealTimers())
    shop.faults.slowStore(40)
    let isAnswered = false
    const charged = shop.points.charge(charge).then(() => {
      isAnswered = true
    })
    await vi.advanceTimersByTimeAsync(39)
    expect(isAnswered).toBe(false)
    await vi.advanceTimersByTimeAsync(1)
    await charged
    await shop.stop()
  })

  it("refuses a time that is none: every window would be open, and no coupon would expire", async () => {
    const wrong = (run: () => unknown) => {
      try {
        return run()
      } catch (error) {
        return isHoldfastError(error) && error.refusal?._tag === "InvalidInput" ? error.refusal.issues : error
      }
    }
    const shop = await opened()
    for (const millis of ["31 days" as never, Number.NaN, 1 / 0, { days: 31 } as never]) {
      expect(wrong(() => shop.clock.advance(millis))).toEqual([
        { pointer: "/millis", message: "must be a number of milliseconds" },
      ])
    }
    for (const millis of ["200 ms" as never, Number.NaN, 1 / 0, -1, undefined as never]) {
      expect(wrong(() => shop.faults.slowStore(millis))).toMatchObject([{ pointer: "/millis" }])
    }
    expect(shop.clock.now()).toEqual(new Date("2023-11-14T22:00:00Z"))
    for (const millis of ["31 days" as never, Number.NaN, 1 / 0, -1]) {
      expect(wrong(() => shop.faults.slowStore(millis))).toMatchObject([{ pointer: "/millis" }])
    }
    shop.clock.advance(-1_000)
    expect(shop.clock.now()).toEqual(new Date("2023-11-14T21:59:59Z"))
    await shop.stop()
    for (const now of [new Date("31 days"), Number.NaN, "2030-01-01" as never]) {
      expect(wrong(() => createTestHoldfast({ now }))).toEqual([
        { pointer: "/now", message: "must be a Date or milliseconds since 1970" },
      ])
    }
    expect(wrong(() => createTestHoldfast({ seed: Number.NaN }))).toMatchObject([{ pointer: "/seed" }])
    for (const none of [null, 5, "x"])
      expect(wrong(() => createTestHoldfast(none as never))).toMatchObject([{ pointer: "" }])
    // Its own, and would be passed over without a word.
    for (const own of ["store", "clock", "random"]) {
      expect(wrong(() => createTestHoldfast({ [own]: () => 0 } as never))).toMatchObject([{ pointer: `/${own}` }])
    }
  })
})
