/**
 * The meaning of guards, without a store: when a put still holds, and what it comes to.
 */
import { describe, expect, it } from "@effect/vitest"
import { rebase, rebaseRows } from "../../src/memory/guards.ts"
import { openAccount, type PointEntry } from "../../src/points/Account.ts"
import type { RecordOf } from "../../src/ports/index.ts"
import { AccountId, Amount, type CommandId, ProductId, Quantity, unknownVersion, zero } from "../../src/values.ts"

const cause = { id: "c1" as CommandId, at: 0 }
const opened = openAccount(AccountId.make("ada"), Amount.make(1_000), cause)
const account = (balance: number, seq: number, terms: Partial<RecordOf["account"]> = {}): RecordOf["account"] => ({
  ...opened,
  balance: Amount.make(balance),
  seq,
  ...terms,
})
const entry = (seq: number, change: number, balance: number): PointEntry => ({
  accountId: opened.accountId,
  seq,
  type: change < 0 ? "spend" : "refund",
  change,
  balance: Amount.make(balance),
  orderId: undefined,
  reason: undefined,
  commandId: cause.id,
  at: 0,
})
const nothing = {
  account: [],
  coupon: [],
  campaign: [],
  order: [],
  product: [],
  bucket: [],
  terms: [],
  verdict: [],
  receipt: [],
  position: [],
}

describe("a guard", () => {
  const before = account(100, 4)
  const after = account(70, 5)

  it("exact holds on the very counters and on no others", () => {
    const put = { before, after, guard: "exact" } as const
    expect(rebase("account", put, before)?.put).toEqual(put)
    expect(rebase("account", put, { ...before })?.put.after).toEqual(after)
    expect(rebase("account", put, account(100, 5))).toBeUndefined()
    expect(rebase("account", put, account(99, 4))).toBeUndefined()
  })

  it("relative moves the counters by what the decision moved them, wherever they are", () => {
    const put = { before, after, guard: "relative" } as const
    const current = account(50, 7)
    expect(rebase("account", put, current)?.put).toEqual({ before: current, after: account(20, 8), guard: "relative" })
  })

  it("of a guess moves the counters, and leaves the record the version that it has", () => {
    const guess = account(500, 0, { version: unknownVersion })
    const put = { before: guess, after: { ...guess, balance: Amount.make(470), seq: 1 }, guard: "relative" } as const
    const current = account(50, 7, { version: 3 })
    expect(rebase("account", put, current)?.put.after).toEqual(account(20, 8, { version: 3 }))
  })

  it("relative never lets a counter fall below 0 or pass what can be counted exactly", () => {
    expect(rebase("account", { before, after, guard: "relative" }, account(29, 7))).toBeUndefined()
    const raised = { before, after: account(101, 5), guard: "relative" } as const
    expect(rebase("account", raised, account(Number.MAX_SAFE_INTEGER, 7))).toBeUndefined()
  })

  it("of either kind needs the terms to be as they were, also where nothing moves", () => {
    const suspended = account(100, 4, { state: "suspended", version: 2 })
    for (const guard of ["exact", "relative"] as const) {
      expect(rebase("account", { before, after, guard }, suspended)).toBeUndefined()
      expect(rebase("account", { before, after: before, guard }, suspended)).toBeUndefined()
    }
    // Relying on the terms holds while the counters move, and never takes them back.
    const moved = account(1, 9)
    const relied = rebase("account", { before, after: before, guard: "relative" }, moved)
    expect(relied?.put.after).toBe(moved)
  })

  it("of an insert needs the record to be absent, and of a change needs it to exist", () => {
    expect(rebase("account", { before: undefined, after, guard: "exact" }, undefined)?.put.after).toBe(after)
    expect(rebase("account", { before: undefined, after, guard: "exact" }, before)).toBeUndefined()
    expect(rebase("account", { before, after, guard: "relative" }, undefined)).toBeUndefined()
  })

  it("works for kinds without a version by their counters alone", () => {
    const bucket = (sold: number) => ({ productId: ProductId.make("tea"), hour: 1, sold: Quantity.make(sold) })
    const put = { before: bucket(5), after: bucket(8), guard: "relative" } as const
    expect(rebase("bucket", put, bucket(7))?.put.after).toEqual(bucket(10))
  })
})

describe("rows of a ledger", () => {
  const before = account(100, 4)
  const rows = [entry(5, -60, 40), entry(6, 60, 100)]
  const rebased = (current: RecordOf["account"]) => {
    const held = rebase("account", { before, after: account(100, 6), guard: "relative" }, current)
    if (held === undefined) throw new Error("The guard did not hold.")
    return rebaseRows("entry", rows, { ...nothing, account: [held] })
  }

  it("move along with their record, so that positions stay gapless and sums true", () => {
    expect(rebased(account(70, 9))).toEqual([entry(10, -60, 10), entry(11, 60, 70)])
  })

  it("stay as they are where the record did not move", () => {
    expect(rebased(before)).toBe(rows)
  })

  it("never show a balance below 0 on the way, even where the end is legal", () => {
    expect(rebased(account(59, 9))).toBeUndefined()
    expect(rebased(account(60, 9))?.[0]?.balance).toBe(zero)
  })
})
