import { readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { describe, expect, it } from "vitest"

const source = resolve(import.meta.dirname, "../src")

/** What the reference service's clients call things, where the core has another word. */
const referenceWords = [
  "userId",
  "userCouponId",
  "couponId",
  "orderItems",
  "orderItemId",
  "productName",
  "totalPrice",
  "discountAmount",
  "paidAmount",
  "totalPoint",
  "chargedAmount",
]

/** Names of options, which hosts type: no part of the wire. */
const hostNames: Readonly<Record<string, string>> = {
  "document/openapi.ts": "orderItems",
  "exchange/identity.ts": "userId",
  "options.ts": "orderItems",
  "surface/surface.ts": "orderItems",
}

describe("the compatibility layer", () => {
  it("given the source outside of the contract, is the only place that knows the reference service's names", () => {
    const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter(
      // The client's table of routes has the contract's own paths, to which the compiler holds it.
      (file) => file.endsWith(".ts") && !/^(contract|compatibility|client\/routes)\b/.test(file),
    )
    expect(files.length).toBeGreaterThan(30)
    const found = files.flatMap((file) => {
      const code = readFileSync(join(source, file), "utf8").replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, "")
      return referenceWords
        .filter((word) => new RegExp(`\\b${word}\\b`).test(code) && hostNames[file] !== word)
        .map((word) => `${file}: ${word}`)
    })
    expect(found).toEqual([])
  })
})
