import { afterEach, beforeEach, describe, expect, it, vi } from "vitest"
import { Deadlines } from "../src/exchange/Deadlines.ts"

describe("deadlines of one length", () => {
  beforeEach(() => {
    vi.useFakeTimers()
  })
  afterEach(() => {
    vi.useRealTimers()
  })

  it("call those who are late in the order in which they began, and nobody who has ended", () => {
    const deadlines = new Deadlines(100)
    const late: Array<number> = []
    const begin = (number: number) => deadlines.begin(() => late.push(number))
    const tickets = [1, 2, 3, 4, 5].map(begin)
    vi.advanceTimersByTime(50)
    const [later] = [begin(6), begin(7)]
    // The first, one between two others, and the last; one of them twice, and one that is late already.
    for (const ended of [tickets[0], tickets[2], tickets[4], tickets[2]]) if (ended !== undefined) deadlines.end(ended)
    vi.advanceTimersByTime(50)
    expect(late).toEqual([2, 4])
    if (tickets[1] !== undefined) deadlines.end(tickets[1])
    deadlines.end(later)
    vi.advanceTimersByTime(50)
    expect(late).toEqual([2, 4, 7])
    expect(vi.getTimerCount()).toBe(0)
  })

  it("go on where somebody who is late begins anew", () => {
    const deadlines = new Deadlines(100)
    const late: Array<string> = []
    deadlines.begin(() => {
      late.push("first")
      deadlines.begin(() => late.push("second"))
    })
    vi.advanceTimersByTime(99)
    expect(late).toEqual([])
    vi.advanceTimersByTime(1)
    expect(late).toEqual(["first"])
    vi.advanceTimersByTime(100)
    expect(late).toEqual(["first", "second"])
  })

  it("given a promise that throws where it should reject, are late for nobody", async () => {
    const deadlines = new Deadlines(100)
    const broken: PromiseLike<string> = {
      // biome-ignore lint/suspicious/noThenProperty: that is what makes it one
      then: () => {
        throw new Error("no promise")
      },
    }
    const late = vi.fn(() => Promise.reject(new Error("late")))
    await expect(deadlines.race(broken, late)).rejects.toThrow("no promise")
    vi.advanceTimersByTime(100)
    expect(late).not.toHaveBeenCalled()
    expect(vi.getTimerCount()).toBe(0)
  })
})
