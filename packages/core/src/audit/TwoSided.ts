/**
 * Comparing the statements of two sides without holding either side in memory.
 *
 * `Sums` adds up a hash of every statement per check, side and partition, in any order and in constant space. Partitions
 * whose sides agree are done. For the others, `Differences` collects the statements themselves on a second reading. The
 * hash only ever decides where to look again: what is reported was compared word by word.
 */
import type { EventValue } from "../events/Event.ts"
import type { Key } from "../values.ts"
import { type TwoSidedCheck, twoSidedChecks, type Violation } from "./AuditReport.ts"
import type { Statement } from "./statements.ts"

/** Keys are spread over so many partitions per check: what must be read again shrinks with their number. */
const partitions = 1024

/** A check and one partition of its keys. `volume` is how many statements it holds on both sides. */
export interface Suspect {
  readonly check: TwoSidedCheck
  readonly partition: number
  readonly volume: number
}

interface Sum {
  // Two independent sums of 32 bits that wrap, and one of plain amounts.
  left: number
  right: number
  amounts: number
}

interface Partition {
  readonly expected: Sum
  readonly found: Sum
  volume: number
}

const emptyPartition = (): Partition => ({
  expected: { left: 0, right: 0, amounts: 0 },
  found: { left: 0, right: 0, amounts: 0 },
  volume: 0,
})

export class Sums {
  // Partitions come into being with their first statement: a store of ten rows costs ten of them.
  readonly #checks = new Map(
    twoSidedChecks.map((check) => [check.id, { check, partitions: new Map<number, Partition>(), counted: 0 }]),
  )

  add({ check, side, key, value, amount = 1, mayBe = false }: Statement): void {
    const of = this.#checks.get(check)
    if (of === undefined) return
    const keyText = JSON.stringify(key)
    const at = partitionOf(keyText)
    let partition = of.partitions.get(at)
    if (partition === undefined) {
      partition = emptyPartition()
      of.partitions.set(at, partition)
    }
    partition.volume++
    if (mayBe) return
    if (side === "found") of.counted++
    const text = keyText + JSON.stringify(value)
    const sum = partition[side]
    // Amounts may be larger than 32 bits: their upper half is weighed by another number.
    const upper = Math.floor(amount / 0x1_0000_0000)
    const [left, right] = [hash(text, 0x811c9dc5), hash(text, 0x2545f491)]
    sum.left = (sum.left + Math.imul(amount, left) + Math.imul(upper, right)) | 0
    sum.right = (sum.right + Math.imul(amount, right) + Math.imul(upper, ~left)) | 0
    sum.amounts += amount
  }

  /** How many statements that need an answer the second side of each check made. */
  counts(): ReadonlyArray<{ readonly check: TwoSidedCheck; readonly counted: number }> {
    return Array.from(this.#checks.values(), ({ check, counted }) => ({ check, counted }))
  }

  /** The partitions whose sides differ, in groups of at most `maxStatements` together (a larger one stands alone). */
  suspects(maxStatements: number): ReadonlyArray<ReadonlyArray<Suspect>> {
    const groups: Array<Array<Suspect>> = []
    let room = 0
    for (const { check, partitions } of this.#checks.values()) {
      for (const [partition, { expected, found, volume }] of partitions) {
        if (same(expected, found)) continue
        const group = groups.at(-1)
        if (group === undefined || volume > room) {
          groups.push([{ check, partition, volume }])
          room = maxStatements - volume
        } else {
          group.push({ check, partition, volume })
          room -= volume
        }
      }
    }
    return groups
  }
}

const same = (one: Sum, other: Sum): boolean =>
  one.left === other.left && one.right === other.right && one.amounts === other.amounts

/** What both sides say of one key, where they do not agree. */
export interface Difference {
  readonly check: TwoSidedCheck
  readonly violation: Violation
  /**
   * Where two readings, one after the other, have this in common, the first difference was real and no commit in between.
   *
   * For sentences it is what both sides say. Amounts may come back to where they were, so for sales it is how many order
   * lines there are and what the live ones come to: orders are never deleted and a cancelled one never lives again, so
   * where neither has changed, no order was placed or cancelled between the two readings, and the bucket, which was read
   * between them, must have shown that sum.
   */
  readonly reading: string
}

interface Said {
  /** Statements of any amount. */
  rows: number
  amount: number
  mayBe: number
}

interface Sides {
  readonly value: EventValue
  readonly expected: Said
  readonly found: Said
}

/** The statements of some partitions, word by word. */
export class Differences {
  readonly #checks: ReadonlyMap<string, { readonly check: TwoSidedCheck; readonly partitions: ReadonlySet<number> }>
  readonly #keys = new Map<string, { check: TwoSidedCheck; key: Key; values: Map<string, Sides> }>()

  constructor(suspects: ReadonlyArray<Suspect>) {
    const checks = new Map<string, { check: TwoSidedCheck; partitions: Set<number> }>()
    for (const { check, partition } of suspects) {
      const of = checks.get(check.id) ?? { check, partitions: new Set() }
      of.partitions.add(partition)
      checks.set(check.id, of)
    }
    this.#checks = checks
  }

  add({ check, side, key, value, amount = 1, mayBe = false }: Statement): void {
    const of = this.#checks.get(check)
    if (of === undefined) return
    const keyText = JSON.stringify(key)
    if (!of.partitions.has(partitionOf(keyText))) return
    const name = check + keyText
    const entry = this.#keys.get(name) ?? { check: of.check, key, values: new Map<string, Sides>() }
    this.#keys.set(name, entry)
    const text = JSON.stringify(value)
    const sides = entry.values.get(text) ?? { value, expected: nothingSaid(), found: nothingSaid() }
    entry.values.set(text, sides)
    sides[side].rows++
    sides[side][mayBe ? "mayBe" : "amount"] += amount
  }

  /** The keys whose sides differ, by a name that is the same in every reading. */
  result(): ReadonlyMap<string, Difference> {
    const result = new Map<string, Difference>()
    for (const [name, { check, key, values }] of this.#keys) {
      const all = Array.from(values.values())
      if (all.every(agree)) continue
      result.set(name, check.id === "sales-buckets" ? amounts(check, key, all) : sentences(check, key, all))
    }
    return result
  }
}

const nothingSaid = (): Said => ({ rows: 0, amount: 0, mayBe: 0 })

const amounts = (check: TwoSidedCheck, key: Key, all: ReadonlyArray<Sides>): Difference => {
  const { expected, found } = all[0] ?? { expected: nothingSaid(), found: nothingSaid() }
  const violation = { key, expected: expected.amount, found: found.amount }
  return { check, violation, reading: `${expected.rows} ${expected.amount}` }
}

const sentences = (check: TwoSidedCheck, key: Key, all: ReadonlyArray<Sides>): Difference => {
  const expected = said(all, "expected")
  const found = said(all, "found")
  const violation = { key, expected, found, note: noteOf(check, expected, found) }
  return { check, violation, reading: JSON.stringify([expected, found]) }
}

// A statement must be made as often on the other side; one that only may be there can answer, and needs no answer.
const agree = ({ expected, found }: Sides): boolean =>
  expected.amount <= found.amount + found.mayBe && found.amount <= expected.amount + expected.mayBe

const said = (all: ReadonlyArray<Sides>, side: "expected" | "found"): EventValue => {
  const values = all.flatMap((sides) => new Array<EventValue>(sides[side].amount).fill(sides.value))
  const [first = null, ...more] = values
  return more.length === 0 ? first : values
}

const noteOf = ({ between: [first, second] }: TwoSidedCheck, expected: EventValue, found: EventValue): string => {
  if (found === null) return `the ${first} has no ${second}`
  return expected === null ? `the ${second} has no ${first}` : `${first} and ${second} differ`
}

// Partitions go by key, so that both sides of a difference are collected together.
const partitionOf = (keyText: string): number => (hash(keyText, 0x9e3779b9) >>> 8) % partitions

/** FNV-1a over UTF-16 units with MurmurHash3's last step; odd, so that no amount below 2^32 vanishes in a product. */
const hash = (text: string, seed: number): number => {
  let hashed = seed
  for (let index = 0; index < text.length; index++) {
    hashed = Math.imul(hashed ^ text.charCodeAt(index), 0x01000193)
  }
  hashed = Math.imul(hashed ^ (hashed >>> 16), 0x85ebca6b)
  hashed = Math.imul(hashed ^ (hashed >>> 13), 0xc2b2ae35)
  return (hashed ^ (hashed >>> 16)) | 1
}
