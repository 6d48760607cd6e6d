/**
 * What batches remember of conflicts: which keys to lock first, for a while and in a bounded number.
 */
import { describe, expect, it } from "@effect/vitest"
import { keysOf } from "../../src/decision/Records.ts"
import { Conflicts } from "../../src/transact/Conflicts.ts"

const batch = (...accounts: ReadonlyArray<string>) =>
  keysOf((add) => {
    for (const accountId of accounts) add("account", [accountId])
  })
const accountOf = (accountId: string) => ({ kind: "account", key: [accountId] }) as const

describe("a key in conflict", () => {
  it("is locked first by the next five batches that touch it, and by no other one", () => {
    const conflicts = new Conflicts()
    conflicts.remember([accountOf("ada")])
    expect(conflicts.touch(batch("bob"))).toBe(false)
    expect(Array.from({ length: 6 }, () => conflicts.touch(batch("ada", "bob")))).toEqual([
      ...Array.from({ length: 5 }, () => true),
      false,
    ])
  })

  it("is locked first by twice as many batches each time that it is in conflict again, up to 640", () => {
    const conflicts = new Conflicts()
    const spans = Array.from({ length: 9 }, () => {
      conflicts.remember([accountOf("ada")])
      let span = 0
      while (conflicts.touch(batch("ada"))) span++
      return span
    })
    expect(spans).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 640])
  })

  it("is forgotten once as many batches as were locked first have passed unlocked", () => {
    const conflicts = new Conflicts()
    conflicts.remember([accountOf("ada")])
    for (let n = 0; n < 5; n++) expect(conflicts.touch(batch("ada"))).toBe(true)
    for (let n = 0; n < 5; n++) {
      expect(conflicts.touch(batch("ada"))).toBe(false)
      expect(conflicts.among([accountOf("ada"), accountOf("bob")])).toEqual([accountOf("ada")])
    }
    conflicts.touch(batch("ada"))
    expect(conflicts.among([accountOf("ada")])).toEqual([])
  })

  it("is remembered however many buyers came once before it", () => {
    const conflicts = new Conflicts()
    for (let n = 0; n < 10_000; n++) conflicts.remember([accountOf(`once-${n}`)])
    conflicts.remember([accountOf("ada")])
    expect(conflicts.touch(batch("ada"))).toBe(true)
    expect(conflicts.touch(batch("once-0"))).toBe(false)
  })

  it("gives way to younger ones, unless it was in conflict again", () => {
    const conflicts = new Conflicts()
    conflicts.remember([accountOf("ada")])
    for (let n = 0; n < 1_000; n++) conflicts.remember([accountOf(`once-${n}`)])
    conflicts.remember([accountOf("ada")])
    for (let n = 1_000; n < 2_000; n++) conflicts.remember([accountOf(`once-${n}`)])
    expect(conflicts.touch(batch("ada"))).toBe(true)
  })
})
