import { describe, expect, test } from "vitest"
import { closedLoop, inTurns } from "../src/load.ts"

describe("a closed loop", () => {
  test("calls each index once, never with more callers than asked", async () => {
    let inside = 0
    let most = 0
    const seen: Array<number> = []
    await closedLoop(3, 20, async (index) => {
      most = Math.max(most, ++inside)
      seen.push(index)
      await Promise.resolve()
      inside--
    })
    expect(seen.toSorted((left, right) => left - right)).toEqual(Array.from({ length: 20 }, (_, index) => index))
    expect(most).toBe(3)
  })

  test("fails where a call fails", async () => {
    await expect(closedLoop(2, 5, () => Promise.reject(new Error("no")))).rejects.toThrow("no")
  })
})

describe("rounds in turns", () => {
  test("warm up once, turn the order, and keep the rates of each", async () => {
    const order: Array<string> = []
    const side = (name: string) => () => {
      order.push(name)
      return { perSecond: order.length, seconds: 1 }
    }
    const rates = await inTurns({ a: side("a"), b: side("b") }, 2, () => {})
    expect(order.join("")).toBe("abbaab")
    expect(rates).toEqual({ a: [4, 5], b: [3, 6] })
  })
})
