/**
 * Group commit changes nothing: however a sequence of commands is cut into batches, the fold decides each of them as if it
 * had come alone, and the store holds the same in the end.
 */
import { Effect } from "effect"
import fc from "fast-check"
import { expect, it } from "vitest"
import { fold, keysOfCommands } from "../../src/decision/fold.ts"
import { kindNames } from "../../src/decision/kinds.ts"
import { suspendCall } from "../../src/decision/pointsCalls.ts"
import type { Records } from "../../src/decision/Records.ts"
import { commandMaker, keyOf, testAt } from "../../src/testing/suites/commands.ts"
import { keyText } from "../../src/values.ts"
import { check } from "./support/check.ts"
import { look } from "./support/look.ts"
import { decideOn, newStore, play } from "./support/play.ts"
import { anyStep } from "./support/steps.ts"

const steps = fc.noBias(fc.array(anyStep, { minLength: 1, maxLength: 80, size: "max" }))
const cuts = fc.noBias(fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 12 }))

/** Cuts a list into pieces of these sizes, over and over. */
const pieces = <T>(list: ReadonlyArray<T>, sizes: ReadonlyArray<number>): ReadonlyArray<ReadonlyArray<T>> => {
  const cut: Array<ReadonlyArray<T>> = []
  for (let from = 0; from < list.length; ) {
    const size = sizes[cut.length % sizes.length] ?? 1
    cut.push(list.slice(from, from + size))
    from += size
  }
  return cut
}

it("a batch decides what its commands one by one would have, and leaves the same behind", async () => {
  let shared = 0
  await check(
    200,
    fc.property(steps, cuts, (each, sizes) => {
      const alone = play(each)
      const store = newStore()
      const batches = pieces(alone.commands, sizes)
      expect(batches.flatMap((batch) => decideOn(store, batch))).toEqual(alone.decisions)
      expect(Effect.runSync(look(store))).toEqual(Effect.runSync(look(alone.store)))
      for (const batch of batches) shared += sharedKeys(batch)
    }),
  )
  // Batches whose commands had nothing in common would prove nothing.
  expect(shared).toBeGreaterThan(20)
})

/** How many keys several commands of a batch name. */
const sharedKeys = (batch: Parameters<typeof keysOfCommands>[0]): number => {
  const times = new Map<string, number>()
  for (const command of batch) {
    for (const kind of kindNames) {
      for (const key of keysOfCommands([command]).of(kind)) {
        const name = `${kind} ${keyText(key)}`
        times.set(name, (times.get(name) ?? 0) + 1)
      }
    }
  }
  return Array.from(times.values()).filter((count) => count > 1).length
}

it("a batch may be decided any number of times: deciding changes nothing that it looked at", async () => {
  await check(
    60,
    fc.property(steps, (each) => {
      const { store, commands } = play(each)
      // The whole run again under keys of its own: on a shop that has been through it once already.
      const make = commandMaker("again")
      const batch = commands.map((command) => {
        const { id } = make(suspendCall, { accountId: "nobody" })
        return { ...command, id, key: keyOf(id) }
      })
      const before = Effect.runSync(look(store))
      const decide = (records: Records) => ({ ...fold(batch, records, testAt), changes: undefined })
      const first = Effect.runSync(store.transact(keysOfCommands(batch), decide))
      expect(Effect.runSync(look(store))).toEqual(before)
      expect(decideOn(store, batch)).toEqual(first)
    }),
  )
})
