import fc from "fast-check"
import { describe, expect, it } from "vitest"
import { isHoldfastError } from "../../src/index.ts"
import { furnishedShop } from "../support/shop.ts"

const lines = [{ productId: "tea", quantity: 1 }]
const shop = await furnishedShop()
let orders = 0

/** What an order's notes come to: what was kept, or the places and words of the refusal. */
const placed = async (metadata: object) => {
  const input = { accountId: "ada", lines, key: `metadata-${++orders}` }
  const answer = await shop.safe.orders.place({ ...input, metadata: metadata as Readonly<Record<string, unknown>> })
  if (answer.ok) {
    await shop.stock.restock({ productId: "tea", quantity: 1, key: `restock-${orders}` })
    await shop.points.charge({ accountId: "ada", amount: Math.max(1, answer.value.paid), key: `charge-${orders}` })
    return { answered: answer.value.metadata, kept: (await shop.orders.get(answer.value.orderId)).metadata }
  }
  if (answer.error.code !== "INVALID_INPUT" || !isHoldfastError(answer.error)) throw answer.error
  return answer.error.refusal?._tag === "InvalidInput" ? answer.error.refusal.issues : []
}

const text = (bytes: number): string => "x".repeat(bytes - '{"a":""}'.length)

describe("the host's notes on an order", () => {
  it("given any JSON, are answered and kept exactly", () =>
    fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 4 }), { noNullPrototype: true }),
        async (drawn) => {
          // JSON has one zero.
          const metadata = JSON.parse(JSON.stringify(drawn))
          fc.pre(Buffer.byteLength(JSON.stringify(metadata)) <= 4_096)
          expect(await placed(metadata)).toStrictEqual({ answered: metadata, kept: metadata })
        },
      ),
      { numRuns: 100 },
    ))

  it("given JSON that looks odd, are kept exactly too", async () => {
    for (const metadata of [
      {},
      JSON.parse('{"__proto__":{"a":1},"constructor":null,"toString":[]}'),
      { large: 1e21, small: 5e-324, edge: 2 ** 53 },
      { lone: "\ud800", zero: "a\u0000b", pair: "👋" },
      JSON.parse(`{"deep":${"[".repeat(2_000)}${"]".repeat(2_000)}}`),
    ]) {
      const { kept } = (await placed(metadata)) as { readonly kept: object }
      expect(JSON.stringify(kept)).toBe(JSON.stringify(metadata))
    }
  })

  it("given what JSON would change without a word, are refused by its place", async () => {
    class Fee {
      readonly amount = 1
    }
    const sparse: Array<number> = []
    sparse[1] = 1
    const wrong: ReadonlyArray<readonly [unknown, string]> = [
      [Number.NaN, "NaN"],
      [1 / 0, "Infinity"],
      [-1 / 0, "-Infinity"],
      [undefined, "undefined"],
      [5n, "bigint"],
      [Symbol("s"), "symbol"],
      [() => 1, "function"],
      [new Map([["a", 1]]), "Map objects"],
      [new Set([1]), "Set objects"],
      [new Date(0), "Date objects"],
      [/x/, "RegExp objects"],
      [new Fee(), "Fee objects"],
      [new Uint8Array(1), "Uint8Array objects"],
      [Object(1), "Number objects"],
      [Object.assign([1], { name: 1 }), "holes or names in a list"],
      [sparse, "holes or names in a list"],
      [{ [Symbol("s")]: 1 }, "symbols or hidden fields"],
      [Object.defineProperty({}, "hidden", { value: 1 }), "symbols or hidden fields"],
    ]
    const before = await shop.dump()
    for (const [value, kind] of wrong) {
      const message = `must be JSON, which has no ${kind}`
      expect(await placed({ ok: 1, "a/b": { list: [0, value] } })).toEqual([
        { pointer: "/metadata/a~1b/list/1", message },
      ])
    }
    // The same of the whole: a class of the host's, a Map of notes.
    for (const value of [new Map([["a", 1]]), new Date(0), new Fee(), { [Symbol("s")]: 1 }]) {
      expect(await placed(value)).toMatchObject([{ pointer: "/metadata", message: expect.stringContaining("no ") }])
    }
    expect(await placed([1])).toMatchObject([{ pointer: "/metadata" }])
    expect(await placed({ fee: Number.NaN, tags: new Map(), rate: 1 / 0 })).toMatchObject([
      { pointer: "/metadata/fee" },
      { pointer: "/metadata/tags" },
      { pointer: "/metadata/rate" },
    ])
    expect(await shop.dump()).toEqual(before)
  })

  it("given 4,096 bytes of JSON, are kept; given one more, or a cycle, are refused", async () => {
    const tooLarge = [{ pointer: "/metadata", message: "must be JSON of at most 4096 bytes" }]
    expect(await placed({ a: text(4_096) })).toMatchObject({ kept: { a: text(4_096) } })
    expect(await placed({ a: text(4_097) })).toEqual(tooLarge)
    // Three bytes a syllable.
    expect(await placed({ a: "가".repeat(1_362) })).toMatchObject({ kept: {} })
    expect(await placed({ a: "가".repeat(1_363) })).toEqual(tooLarge)
    const cycle: Record<string, unknown> = {}
    cycle.self = { again: cycle }
    expect(await placed(cycle)).toEqual(tooLarge)
    expect(await placed({ deep: JSON.parse(`${"[".repeat(90_000)}${"]".repeat(90_000)}`) })).toEqual(tooLarge)
    expect(await placed({ wide: new Array(1_000_000).fill(0) })).toEqual(tooLarge)
  })
})
