/**
 * What a lease was given, beside a model of the table: transactions draw ids and end in any order, and a claim must bring
 * exactly the first rows that are there and were not given, whatever turned up behind the last one.
 */
import { describe, expect, it } from "vitest"
import { Given } from "../../src/postgres/outbox/Given.ts"
import { add, gapsIn, includes, type Range } from "../../src/postgres/outbox/ranges.ts"
import { seeded } from "../support/shop.ts"

interface Row {
  readonly size: number
  readonly settled: Set<number>
}

type Place = readonly [id: number, index: number]

/** Rows by id, and transactions by number, as the server has them. */
class Table {
  readonly rows = new Map<number, Row>()
  /** Each with the row that it will bring, once it has drawn the id. */
  readonly open = new Map<number, { readonly id: number; readonly size: number } | undefined>()
  #ids = 0
  #transactions = 100
  #ended = 100

  begin(): number {
    const number = this.#transactions++
    this.open.set(number, undefined)
    return number
  }
  /** Those who began first need not draw first. */
  draw(number: number, size: number): void {
    if (this.open.get(number) === undefined) this.open.set(number, { id: this.#ids++, size })
  }
  /** All of it at once. */
  bring(commits: boolean): void {
    const number = this.begin()
    this.draw(number, 1)
    this.end(number, commits)
  }
  end(number: number, commits: boolean): void {
    const row = this.open.get(number)
    this.open.delete(number)
    this.#ended = Math.max(this.#ended, number)
    if (row !== undefined && commits) this.rows.set(row.id, { size: row.size, settled: new Set() })
  }
  /** Of a row all of whose events are settled nothing is left. */
  settle([id, index]: Place): void {
    const row = this.rows.get(id)
    if (row?.settled.add(index).size === row?.size) this.rows.delete(id)
  }
  /** What waits, in order. */
  get places(): ReadonlyArray<Place> {
    return [...this.rows]
      .sort(([a], [b]) => a - b)
      .flatMap(([id, { size, settled }]) =>
        Array.from({ length: size }, (_, index): Place => [id, index]).filter(([, index]) => !settled.has(index)),
      )
  }
  /** A transaction of the deliverer. */
  ours(): void {
    this.#ended = Math.max(this.#ended, this.#transactions++)
  }
  get horizon() {
    const begun = this.#ended + 1
    return { ended: Math.min(begun, ...this.open.keys()), begun }
  }
}

/** A claim of at most so many rows and events, as the statement finds them. */
const claim = (table: Table, given: Given, mostRows: number, mostEvents: number): ReadonlyArray<Place> => {
  const { gaps } = given
  const inGaps = new Set(given.inGaps)
  const there = [...table.rows.keys()].sort((a, b) => a - b)
  const looked = there.filter((id) => includes(gaps, id) && !inGaps.has(id)).slice(0, mostRows)
  const claimed: Array<Place> = []
  const answered: Array<[number, number, number, ReadonlyArray<number>]> = []
  for (const id of looked) {
    const { size = 0, settled = new Set<number>() } = table.rows.get(id) ?? {}
    if (answered.length > 0 && claimed.length + size > mostEvents) break
    let until = given.row(id)?.given ?? 0
    for (; until < size && claimed.length < mostEvents; until++) if (!settled.has(until)) claimed.push([id, until])
    answered.push([id, until, size, [...settled]])
  }
  const last = answered.at(-1)
  const isWhole =
    answered.length === looked.length && looked.length < mostRows && (last === undefined || last[1] === last[2])
  given.answered(answered, table.horizon, isWhole)
  // As `claimOn` does: what is left of a row may have been settled long ago.
  return claimed.length === 0 && answered.length > 0 ? claim(table, given, mostRows, mostEvents) : claimed
}

const textOf = ([id, index]: Place): string => `${id}.${index}`

describe("what a lease was given", () => {
  it("is never passed over and never given twice, however transactions end and whatever is not heard", () => {
    let late = 0
    for (let seed = 1; seed <= 400; seed++) {
      const random = seeded(seed)
      const table = new Table()
      const given = new Given(1)
      const known = new Set<string>()
      let inHand: Array<Place> = []
      let highest = -1
      for (let step = 0; step < 120; step++) {
        const what = random(10)
        const open = [...table.open.keys()]
        const one = open[random(open.length)] ?? 0
        if (what < 2) table.begin()
        else if (what < 4 && open.length > 0) table.draw(one, 1 + random(3))
        else if (what < 5 && open.length > 0) table.end(one, random(4) > 0)
        else if (what < 8) {
          const [mostRows, mostEvents] = [1 + random(4), 1 + random(5)]
          const expected = table.places.filter((place) => !known.has(textOf(place)))
          const claimed = claim(table, given, mostRows, mostEvents)
          expect(claimed, `seed ${seed}, step ${step}`).toEqual(expected.slice(0, claimed.length))
          expect(claimed.length > 0, `seed ${seed}, step ${step}`).toBe(expected.length > 0)
          if (random(6) === 0) {
            // Lost on its way: the same question again finds the same events.
            given.takeBack()
            continue
          }
          for (const place of claimed) {
            if (place[0] < highest) late++
            highest = Math.max(highest, place[0])
            known.add(textOf(place))
          }
          inHand.push(...claimed)
        } else if (what < 9 && inHand.length > 0) {
          const settled = inHand.splice(random(inHand.length), 1 + random(4))
          const committed = given.changing()
          table.ours()
          committed()
          for (const place of settled) {
            given.settled(place[0], [place[1]])
            table.settle(place)
          }
        } else if (random(8) === 0 && inHand.length > 0) {
          // Nothing is in hand any more: everything that was not settled comes again.
          given.startOver()
          for (const place of inHand) known.delete(textOf(place))
          inHand = []
        }
      }
    }
    // It must have happened, or nothing was shown.
    expect(late).toBeGreaterThan(100)
  })

  it("needs no gap any more where every transaction has ended that could fill it, and one for each that is open", () => {
    const table = new Table()
    const given = new Given(1)
    const early = table.begin()
    table.draw(early, 1)
    const all: Array<Place> = []
    const settleAll = () => {
      const committed = given.changing()
      table.ours()
      committed()
      for (const place of all.splice(0)) {
        given.settled(place[0], [place[1]])
        table.settle(place)
      }
    }
    for (let n = 0; n < 50; n++) {
      table.bring(true)
      table.bring(false)
      all.push(...claim(table, given, 10, 10))
      settleAll()
    }
    // One transaction holds everything open that it might have drawn; nothing waits for it.
    expect(given.gaps.length).toBeGreaterThan(50)
    table.end(early, true)
    all.push(...claim(table, given, 10, 10))
    expect(all).toEqual([[0, 0]])
    settleAll()
    for (let n = 0; n < 3; n++) {
      table.bring(true)
      all.push(...claim(table, given, 10, 10))
      settleAll()
    }
    expect(given.gaps.length).toBeLessThan(3)
  })

  it("remembers a bounded number of stretches, and asks for nothing twice that is in hand", () => {
    const table = new Table()
    const given = new Given(1)
    table.draw(table.begin(), 1)
    const claimed: Array<string> = []
    for (let n = 0; n < 1_500; n++) {
      table.bring(false)
      table.bring(true)
      claimed.push(...claim(table, given, 10, 10).map(textOf))
    }
    expect(given.gaps.length).toBeLessThanOrEqual(1_001)
    expect(given.inGaps.length).toBe(500)
    expect(new Set(claimed).size).toBe(1_500)
    expect(claimed.length).toBe(1_500)
  })
})

it("ranges hold what was added to them, whatever the order", () => {
  for (let seed = 1; seed <= 200; seed++) {
    const random = seeded(seed)
    const ranges: Array<Range> = []
    const numbers = new Set<number>()
    for (let n = 0; n < 60; n++) {
      const number = random(40)
      numbers.add(number)
      add(ranges, number)
    }
    const missing = gapsIn(ranges, 0, 39).flatMap(([low, high]) =>
      Array.from({ length: high - low + 1 }, (_, index) => low + index),
    )
    const all = Array.from({ length: 40 }, (_, number) => number)
    expect(missing, `seed ${seed}`).toEqual(all.filter((number) => !numbers.has(number)))
    expect(
      all.filter((number) => includes(ranges, number)),
      `seed ${seed}`,
    ).toEqual(all.filter((number) => numbers.has(number)))
    for (const [index, [low]] of ranges.entries()) expect(low).toBeGreaterThan((ranges[index - 1]?.[1] ?? -2) + 1)
  }
})
