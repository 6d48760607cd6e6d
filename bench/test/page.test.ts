import { describe, expect, test } from "vitest"
import { shortText, ticksUpTo } from "../src/axis.ts"
import { pageOf } from "../src/page.ts"
import type { Result } from "../src/Scenario.ts"

describe("an axis", () => {
  test.each([
    [100, [0, 20, 40, 60, 80, 100]],
    [83, [0, 20, 40, 60, 80, 100]],
    [1, [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [0, [0, 1]],
  ])("up to %d", (maximum, ticks) => {
    expect(ticksUpTo(maximum).map((tick) => Number(tick.toFixed(9)))).toEqual(ticks)
  })

  test("writes large numbers short", () => {
    expect([0, 950, 1_500, 2_000_000].map(shortText)).toEqual(["0", "950", "1.5k", "2M"])
  })
})

describe("the page of a result", () => {
  const environment = { cpu: "<a CPU>", cores: 2, memoryGigabytes: 4, node: "v24", loadAverage: 0, at: "now" }
  const plot = { type: "lines", title: "T", caption: "C", xLabel: "orders held", yLabel: "orders per second" } as const
  const series = ["one", "two"].map((name) => ({ name, points: [[0, 1] as const, [10, 5] as const] }))
  const bars = [{ name: "orders", value: 5 }]
  const result: Result = {
    ratios: { aToB: 0.8 },
    figures: { perSecond: 12_345 },
    audit: { ok: true },
    plots: [
      { ...plot, series },
      { type: "bars", title: "B", caption: "", yLabel: "calls per second", bars },
    ],
  }
  const page = pageOf({ name: "memory", about: "about" }, environment, result)

  test("asks nobody for anything", () => {
    expect(page).not.toMatch(/https?:|src=|@import|url\(|<script|<link/)
  })

  test("labels its axes and escapes what it is given", () => {
    for (const text of ["orders held", "orders per second", "calls per second", "&lt;a CPU&gt;", "0.80", "12,350"]) {
      expect(page).toContain(text)
    }
  })

  test("says when the audit found something", () => {
    expect(pageOf({ name: "m", about: "" }, environment, { ...result, audit: { ok: false } })).toContain(
      "found violations",
    )
  })
})
