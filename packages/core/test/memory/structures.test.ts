/**
 * The containers that the tables are made of, against the slow and obvious way.
 */
import { describe, expect, it } from "@effect/vitest"
import fc from "fast-check"
import { KeyMap } from "../../src/memory/KeyMap.ts"
import { Lists } from "../../src/memory/Lists.ts"
import { Sorted } from "../../src/memory/Sorted.ts"
import { byBytes } from "../../src/testing/suites/contents.ts"
import type { Key } from "../../src/values.ts"

const part = fc.oneof(fc.string({ unit: "grapheme", minLength: 1, maxLength: 3 }), fc.constantFrom("a", "b", "aa", "~"))
const keys = fc.uniqueArray(fc.tuple(part, fc.integer({ min: 0, max: 5 })), { selector: (key) => JSON.stringify(key) })

const firstOf = <T>(limit: number, items: Iterable<T>): Array<T> => {
  const first: Array<T> = []
  for (const item of items) {
    first.push(item)
    if (first.length === limit) break
  }
  return first
}

describe("Sorted", () => {
  it("gives everything that is after a key in order, however adding and looking alternate", () => {
    fc.assert(
      fc.property(fc.array(keys, { maxLength: 6 }), part, (batches, from) => {
        const sorted = new Sorted<Key>((key) => key)
        const all: Array<Key> = []
        for (const batch of batches) {
          for (const key of batch) {
            if (all.some((other) => JSON.stringify(other) === JSON.stringify(key))) continue
            sorted.add(key)
            all.push(key)
          }
          const inOrder = [...all].sort(byBytes)
          expect([...sorted.from(undefined, false)]).toEqual(inOrder)
          const start: Key = [from, 2]
          expect([...sorted.from(start, false)]).toEqual(inOrder.filter((key) => byBytes(key, start) > 0))
          expect([...sorted.from(start, true)]).toEqual(inOrder.filter((key) => byBytes(key, start) >= 0))
        }
      }),
    )
  })

  it("reads a whole audit in small pages, while things are added, in far less than n comparisons for each page", () => {
    let looked = 0
    const sorted = new Sorted<{ readonly id: string }>(({ id }) => {
      looked += 1
      return [id]
    })
    const size = 20_000
    // A full-period generator, so that ids come in no order and none comes twice.
    const idOf = (index: number) => `id-${String((index * 7_919) % 100_003).padStart(6, "0")}`
    for (let index = 0; index < size; index++) sorted.add({ id: idOf(index) })
    let after: Key | undefined
    let pages = 0
    let found = 0
    for (let next = size; ; next++) {
      sorted.add({ id: idOf(next) })
      const page = firstOf(20, sorted.from(after, false))
      const last = page.at(-1)
      if (last === undefined) break
      after = [last.id]
      found += page.length
      pages += 1
    }
    expect(found).toBeGreaterThan(size)
    expect(pages).toBeGreaterThan(1_000)
    // n log n for sorting, and a few runs' binary searches for each page: pages × n would be 20 million.
    expect(looked).toBeLessThan(3_000_000)
  })
})

describe("Lists", () => {
  it("keeps each owner's things in the order of their positions and pages through them", () => {
    const positions = fc.uniqueArray(fc.integer({ min: 0, max: 50 }))
    fc.assert(
      fc.property(
        positions,
        positions,
        fc.integer({ min: 1, max: 9 }),
        fc.boolean(),
        (ada, bob, limit, newestFirst) => {
          const lists = new Lists<readonly [string, number], number>(([, position]) => position)
          for (const position of ada) lists.add("ada", ["ada", position])
          for (const position of bob) lists.add("bob", ["bob", position])
          const inOrder = [...ada].sort((left, right) => left - right)
          const pages: Array<number> = []
          for (;;) {
            const page = lists.page("ada", { after: pages.at(-1), limit, newestFirst })
            if (page.length === 0) break
            pages.push(...page.map(([, position]) => position))
          }
          expect(pages).toEqual(newestFirst ? inOrder.reverse() : inOrder)
          const scanned: Array<Key> = []
          for (;;) {
            const page = lists.scan(scanned.at(-1), limit)
            if (page.length === 0) break
            scanned.push(...page)
          }
          const all: ReadonlyArray<Key> = [...ada.map((at): Key => ["ada", at]), ...bob.map((at): Key => ["bob", at])]
          expect(scanned).toEqual([...all].sort(byBytes))
        },
      ),
    )
  })
})

describe("KeyMap", () => {
  it("never takes one key for another, whatever the lengths and the types of their parts", () => {
    const map = new KeyMap<string>()
    const all: ReadonlyArray<Key> = [["a"], ["a", "b"], ["a", "b", "c"], ["ab"], ["a", 1], ["a", "1"], ["a\u0000b"]]
    for (const key of all) map.set(key, JSON.stringify(key))
    expect(all.map((key) => map.get(key))).toEqual(all.map((key) => JSON.stringify(key)))
    map.delete(["a", 1])
    map.delete(["none", "of", "these"])
    expect(map.get(["a", 1])).toBeUndefined()
    expect(map.get(["a", "1"])).toBe('["a","1"]')
    expect(map.branch("a")?.branch("b")?.leaf("c")).toBe('["a","b","c"]')
  })
})
