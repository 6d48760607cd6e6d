import { createHoldfast } from "@holdfast/core"
import { describe, expect, it } from "vitest"

describe("an audit with options that cannot find anything", () => {
  it.each([{ pageSize: 0 }, { pageSize: -1 }, { pageSize: 1.5 }, { pauseMillis: -1 }, { maxExamples: 0 }])(
    "is refused instead of being clean: %o",
    async (options) => {
      await using shop = createHoldfast()
      const audited = await shop.safe.audit.run(options)
      expect(audited.ok ? undefined : audited.error.refusal).toMatchObject({
        _tag: "InvalidInput",
        issues: [{ pointer: `/${Object.keys(options)[0]}` }],
      })
    },
  )

  it("is clean and has looked at something with the smallest page", async () => {
    await using shop = createHoldfast()
    await shop.stock.register({ productId: "tee", name: "Tee", price: 1, onHand: 3 })
    const { ok, checks } = await shop.audit.run({ pageSize: 1 })
    expect(ok).toBe(true)
    expect(checks.find(({ id }) => id === "product-on-hand")?.checked).toBe(1)
  })
})
