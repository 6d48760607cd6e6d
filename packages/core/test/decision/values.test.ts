import fc from "fast-check"
import { describe, expect, it } from "vitest"
import {
  Amount,
  compareBytes,
  compareKeys,
  type Key,
  keyText,
  maxAmount,
  minus,
  ProductId,
  plus,
} from "../../src/values.ts"
import "../support/random.ts"

const unicode = fc.string({ unit: "binary", maxLength: 8 })
/** Texts that differ around the surrogates, where UTF-16 and UTF-8 sort differently. */
const tricky = fc.string({
  unit: fc.constantFrom("a", "\u007f", "\u0080", "߿", "\ud7ff", "\ue000", "\uffff", "𐀀", "😀", "􏿿"),
  maxLength: 6,
})

const sign = (order: number): number => Math.sign(order)
const byUtf8 = (left: string, right: string): number =>
  Buffer.compare(Buffer.from(left, "utf8"), Buffer.from(right, "utf8"))

describe("compareBytes", () => {
  it("orders as the bytes of UTF-8 do", () => {
    for (const texts of [unicode, tricky]) {
      fc.assert(
        fc.property(texts, texts, (left, right) => {
          expect(sign(compareBytes(left, right))).toBe(byUtf8(left, right))
        }),
      )
    }
  })

  it("orders keys part by part, numbers by value, and never mistakes two keys for one", () => {
    const keys = fc.oneof(fc.tuple(tricky), fc.tuple(tricky, tricky), fc.tuple(tricky, fc.nat(20))) as fc.Arbitrary<Key>
    fc.assert(
      fc.property(keys, keys, (left, right) => {
        expect(sign(compareKeys(left, right)) + sign(compareKeys(right, left))).toBe(0)
        if (compareKeys(left, right) === 0) expect(keyText(left)).toBe(keyText(right))
        else if (left.length === right.length) expect(keyText(left)).not.toBe(keyText(right))
      }),
    )
    expect(compareKeys(["a", 9], ["a", 10])).toBeLessThan(0)
    expect(compareKeys(["a", "9"], ["a", "10"])).toBeGreaterThan(0)
  })
})

describe("an id", () => {
  const isId = (text: unknown): boolean => {
    try {
      ProductId.make(text as string)
      return true
    } catch {
      return false
    }
  }
  it.each([
    "a",
    "x".repeat(128),
    "가".repeat(42),
    "😀".repeat(32),
    "a b",
    "a\u00a0b",
    "Ünïcödé",
    "-",
    "0",
    "__proto__",
    "constructor",
    "a/b~c",
  ])("may be %j", (text) => expect(isId(text)).toBe(true))
  it.each([
    "",
    " ",
    " a",
    "a ",
    "a\t",
    "\u3000a",
    "a\u0000",
    "a\u007f",
    "a\u0085b",
    "\ud800",
    "a\udfff",
    "x".repeat(129),
    "가".repeat(43),
    "😀".repeat(33),
    5,
    null,
    undefined,
  ])("may not be %j", (text) => expect(isId(text)).toBe(false))

  it("is any well-formed text of 1 to 128 bytes without control characters or surrounding space", () => {
    const texts = fc.oneof(unicode, fc.string({ unit: "binary", maxLength: 140 }), tricky)
    fc.assert(
      fc.property(texts, (text) => {
        const bytes = Buffer.byteLength(text, "utf8")
        const plain = text.isWellFormed() && !/\p{Cc}/u.test(text) && text.trim() === text
        expect(isId(text)).toBe(plain && bytes >= 1 && bytes <= 128)
      }),
      { numRuns: 500 },
    )
  })
})

describe("amounts", () => {
  it("are added and subtracted exactly or not at all", () => {
    const amounts = fc.oneof(fc.nat(100), fc.integer({ min: maxAmount - 100, max: maxAmount }), fc.maxSafeNat())
    fc.assert(
      fc.property(amounts, amounts, (left, right) => {
        const [sum, difference] = [BigInt(left) + BigInt(right), BigInt(left) - BigInt(right)]
        expect(plus(Amount.make(left), right)).toBe(sum <= BigInt(maxAmount) ? Number(sum) : undefined)
        expect(minus(Amount.make(left), right)).toBe(difference >= 0n ? Number(difference) : undefined)
      }),
    )
  })
})
