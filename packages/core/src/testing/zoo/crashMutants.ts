/**
 * Broken engines that show only when a process ends at the wrong moment: what they keep in memory, or do in a second call.
 */
import { Effect } from "effect"
import type { ChangeSet } from "../../decision/Changes.ts"
import type { Decided } from "../../decision/fold.ts"
import type { Records } from "../../decision/Records.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import { type Mutant, mutant } from "./Mutant.ts"
import { onlyEvents, onlyReceipts, withoutLate } from "./partly.ts"

/** Makes every change in two calls of the store: what `early` leaves of it, then what `late` does. */
const inTwoCalls =
  (early: (changes: ChangeSet) => ChangeSet, late: (changes: ChangeSet) => ChangeSet) =>
  (store: StoreShape): StoreShape => ({
    ...store,
    transact: (keys, decide) => {
      const parts: { first?: ChangeSet | undefined; again?: ChangeSet | undefined } = {}
      const split = <A>(decided: Decided<A>, part: "first" | "again"): Decided<A> => {
        parts[part] = decided.changes
        return {
          answer: decided.answer,
          changes: decided.changes && early(decided.changes),
          again: () => {
            const again = decided.again()
            return again && { keys: again.keys, decide: (records) => split(again.decide(records), "again") }
          },
        }
      }
      return Effect.tap(
        store.transact(keys, (records) => split(decide(records), "first")),
        () =>
          Effect.forEach([parts.first, parts.again], (changes) =>
            changes === undefined ? Effect.void : store.transact(keys, () => justThis(late(changes))),
          ),
      )
    },
  })

const justThis = (changes: ChangeSet): Decided<void> => ({ answer: undefined, changes, again: () => undefined })

/** One process at a time, by a mark in the store that only its owner takes away. */
const marked = (): ((seen: StoreShape, itself: StoreShape) => StoreShape) => {
  const marks = new WeakMap<StoreShape, { owner: StoreShape | undefined }>()
  return (seen, itself) => {
    const mark = marks.get(itself) ?? { owner: undefined }
    marks.set(itself, mark)
    const process: StoreShape = {
      ...seen,
      transact: <A>(keys: Parameters<StoreShape["transact"]>[0], decide: (records: Records) => Decided<A>) =>
        Effect.suspend((): Effect.Effect<A, StoreFault> => {
          if (mark.owner !== undefined && mark.owner !== process) return Effect.fail({ _tag: "Busy", keys: [] })
          mark.owner = process
          return Effect.ensuring(
            seen.transact(keys, decide),
            Effect.sync(() => {
              mark.owner = undefined
            }),
          )
        }),
    }
    return process
  }
}

export const crashMutants: ReadonlyArray<Mutant> = [
  mutant("receipt in a second call", "The process writes the receipt when the store has answered.", {
    tampering: {
      store: inTwoCalls((changes) => withoutLate(changes, { events: false, receipts: true }), onlyReceipts),
    },
  }),
  mutant("event in a second call", "The process hands the event on when the store has answered.", {
    tampering: {
      store: inTwoCalls((changes) => withoutLate(changes, { events: true, receipts: false }), onlyEvents),
    },
  }),
  mutant("mark of a dead process", "A process marks the store as taken, and nobody else takes the mark away.", {
    tampering: { store: marked() },
  }),
]
