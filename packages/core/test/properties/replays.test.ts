/**
 * Repeating is safe: whatever was accepted under a key stays accepted, once, and the key belongs to it for good.
 */
import { Effect } from "effect"
import fc from "fast-check"
import { expect, it } from "vitest"
import type { Command } from "../../src/decision/Command.ts"
import { placeCall } from "../../src/decision/orderCalls.ts"
import { adjustPointsCall, chargeCall, suspendCall } from "../../src/decision/pointsCalls.ts"
import { adjustStockCall, restockCall } from "../../src/decision/stockCalls.ts"
import { MemoryStore } from "../../src/memory/index.ts"
import { commandMaker } from "../../src/testing/suites/commands.ts"
import type { CommandId } from "../../src/values.ts"
import { check } from "./support/check.ts"
import { look } from "./support/look.ts"
import { decideOn, decideOne, endOf, play } from "./support/play.ts"
import { anyStep } from "./support/steps.ts"

const steps = fc.noBias(fc.array(anyStep, { minLength: 1, maxLength: 60, size: "max" }))

/** A repeat: which of the accepted commands, how, and how late. */
const repeat = fc.record({
  nth: fc.nat(),
  as: fc.constantFrom("the same command", "another call", "another content"),
  hours: fc.integer({ min: 0, max: 10_000 }),
})

const otherId = () => {
  const make = commandMaker("later")
  return (): CommandId => make(suspendCall, { accountId: "nobody" }).id
}

it("an accepted command repeated under its key changes nothing and finds its answer, however late", async () => {
  await check(
    200,
    fc.property(steps, fc.array(repeat, { minLength: 1, maxLength: 12 }), (each, repeats) => {
      const { store, commands, decisions } = play(each)
      const accepted = commands.filter((_, index) => decisions[index]?._tag === "Accepted")
      const before = Effect.runSync(look(store))
      const nextId = otherId()
      for (const { nth, as, hours } of repeats) {
        const first = accepted[nth % accepted.length]
        if (first === undefined) return
        const at = first.at + hours * 3_600_000
        const later: Command = { ...first, id: nextId(), at, deadline: at + 10_000 }
        const receipt = before.receipts.find(({ commandId }) => commandId === first.id)
        switch (as) {
          case "the same command":
            // The engine repeats a command whose reply was lost, even past its deadline.
            expect(decideOne(store, first)).toEqual({ _tag: "Recalled", receipt, own: true })
            break
          case "another call":
            expect(decideOne(store, later)).toEqual({ _tag: "Recalled", receipt, own: false })
            break
          case "another content": {
            const changed = { ...later, fingerprint: `${first.fingerprint} ` }
            const refusal = { _tag: "IdempotencyKeyReused", operation: first.operation.name, key: first.key }
            expect(decideOne(store, changed)).toEqual({ _tag: "Refused", refusal })
          }
        }
      }
      expect(Effect.runSync(look(store))).toEqual(before)
    }),
  )
})

it("a command that comes several times in one batch happens once, and each repeat is told so", async () => {
  await check(
    100,
    fc.property(steps, fc.integer({ min: 2, max: 4 }), (each, times) => {
      const { commands, decisions, store } = play(each)
      const nextId = otherId()
      const other = Effect.runSync(MemoryStore.make)
      commands.forEach((command, index) => {
        const repeats = Array.from({ length: times - 1 }, () => ({ ...command, id: nextId() }))
        const [first, ...later] = decideOn(other, [command, ...repeats])
        expect(first).toEqual(decisions[index])
        for (const decision of later) expect(decision._tag).toBe(afterwards[first?._tag ?? "none"])
      })
      for (const kind of ["account", "order", "product", "campaign", "coupon", "receipt"] as const) {
        const [expected, found] = [store, other].map((one) => Effect.runSync(one.scan(kind, undefined, 10_000)))
        expect(found).toEqual(expected)
      }
    }),
  )
})

/** How a repeat ends that comes right after its first call. */
const afterwards: Readonly<Record<string, string>> = {
  Accepted: "Recalled",
  Recalled: "Recalled",
  Repeated: "Repeated",
  Refused: "Refused",
  Expired: "Expired",
}

it("a key belongs to one operation in one scope: elsewhere the same key is another key, in one batch or in several", async () => {
  const asked = fc.record({ nth: fc.nat(3), scope: fc.constantFrom("here", "there"), alone: fc.boolean() })
  await check(
    200,
    fc.property(fc.array(asked, { minLength: 2, maxLength: 12, size: "max" }), (each) => {
      const { store } = play([])
      const make = commandMaker("keys")
      const seen = new Set<string>()
      const expected: Array<string> = []
      const batches: Array<Array<Command>> = [[]]
      for (const { nth, scope, alone } of each) {
        const keyed = { key: "k", scope }
        const command = [
          () => make(chargeCall, { accountId: "ada", amount: 1, ...keyed }),
          () => make(adjustPointsCall, { accountId: "ada", change: 1, ...keyed }),
          () => make(restockCall, { productId: "tea", quantity: 1, ...keyed }),
          () => make(adjustStockCall, { productId: "tea", change: 1, ...keyed }),
        ][nth]?.()
        if (command === undefined) throw new Error("there are four operations")
        const name = `${nth} ${scope}`
        expected.push(seen.has(name) ? "Recalled" : "Accepted")
        seen.add(name)
        if (alone) batches.push([command])
        else batches.at(-1)?.push(command)
      }
      expect(batches.flatMap((batch) => decideOn(store, batch)).map(endOf)).toEqual(expected)
    }),
  )
})

it("a refusal is not remembered: the same call under the same key succeeds once its reason is gone", async () => {
  await check(
    100,
    fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 40 }), (attempts, missing) => {
      const { store } = play([])
      const make = commandMaker("retry")
      const place = () =>
        make(placeCall, { accountId: "ada", lines: [{ productId: "tea", quantity: 12 + missing }], key: "k" })
      for (let attempt = 0; attempt < attempts; attempt++) expect(endOf(decideOne(store, place()))).toBe("OutOfStock")
      decideOne(store, make(restockCall, { productId: "tea", quantity: missing }))
      expect(endOf(decideOne(store, place()))).toBe("Accepted")
      expect(endOf(decideOne(store, place()))).toBe("Recalled")
    }),
  )
})
