/**
 * Row locks: a key has one holder at a time, and those who wait get it in the order in which they came.
 *
 * A key that no record has yet can be locked as well. There is no deadlock, because nobody waits for a key that comes
 * before one it holds: where that key is free it is taken, and where it is not that is a conflict.
 */
import { Effect } from "effect"
import { type Conflict, compareKeys, type Key, type KindName, kindNames } from "../ports/index.ts"
import { KeyMap } from "./KeyMap.ts"

/** Who holds locks: a transaction, until it ends. */
export class Holder {
  readonly held: Array<Lock> = []
}

/** The position of a kind in the lock order, then the record's key. */
type Place = readonly [number, ...Key]

interface Lock {
  readonly place: Place
  holder: Holder
  readonly waiting: Array<Waiter>
}

interface Waiter {
  readonly holder: Holder
  readonly wake: () => void
}

export class Locks {
  readonly #locks = new KeyMap<Lock>()

  /** Lets others run, then takes the lock of a key or waits for it. */
  acquire(holder: Holder, kind: KindName, key: Key): Effect.Effect<void, Conflict> {
    const place: Place = [kindNames.indexOf(kind), ...key]
    return Effect.andThen(Effect.yieldNow, this.#takeOrWait(holder, place))
  }

  /** Gives all locks of a holder to those who wait for them. */
  release(holder: Holder): void {
    for (const lock of holder.held.splice(0)) {
      const next = lock.waiting.shift()
      if (next === undefined) {
        this.#locks.delete(lock.place)
        continue
      }
      // The next one holds the lock from now on, even if it is interrupted before it runs: its end releases it.
      lock.holder = next.holder
      next.holder.held.push(lock)
      next.wake()
    }
  }

  // Looking and queueing are one step: between the two, the lock could be released and nobody would wake the waiter.
  #takeOrWait(holder: Holder, place: Place): Effect.Effect<void, Conflict> {
    return Effect.callback((resume) => {
      const lock = this.#locks.get(place)
      if (lock === undefined) {
        this.#take(holder, place)
        return resume(Effect.void)
      }
      if (lock.holder === holder) return resume(Effect.void)
      if (holder.held.some((held) => compareKeys(held.place, place) > 0)) return resume(Effect.fail(conflict))
      // The woken fiber goes on in a turn of its own, not within the release that woke it.
      const waiter: Waiter = { holder, wake: () => resume(Effect.yieldNow) }
      lock.waiting.push(waiter)
      return Effect.sync(() => {
        const index = lock.waiting.indexOf(waiter)
        if (index >= 0) lock.waiting.splice(index, 1)
      })
    })
  }

  #take(holder: Holder, place: Place): void {
    const lock: Lock = { place, holder, waiting: [] }
    this.#locks.set(place, lock)
    holder.held.push(lock)
  }
}

export const conflict: Conflict = { _tag: "Conflict" }
