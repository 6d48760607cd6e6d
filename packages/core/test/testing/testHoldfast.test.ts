import { describe, expect, it } from "vitest"
import { isHoldfastError } from "../../src/promise/HoldfastError.ts"
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

  it("crashes before the commit: the call is unknown, nothing happened, and the retry does it", async () => {
    const shop = await opened()
    shop.faults.crashBeforeCommit()
    await expect(shop.points.charge(charge)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    expect(await shop.outcome({ operation: "points.charge", key: "k" })).toEqual({ status: "not-found" })
    expect(await shop.points.charge(charge)).toMatchObject({ replayed: false, balance: 5 })
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
    shop.faults.slowStore(40)
    const began = performance.now()
    await shop.points.charge(charge)
    expect(performance.now() - began).toBeGreaterThan(30)
    await shop.stop()
  })
})
