/**
 * The locks of a simulated server: on rows, and on the unique keys of rows that are not committed yet. Whoever waits gets a
 * lock in the order in which it came, and gives up after a while, or when it is told to.
 *
 * A deadlock ends by that time-out too, as on a server that looks for deadlocks later than its sessions give up.
 */
import { Deferred, Effect } from "effect"

/** Who holds locks: a transaction, until it ends. */
export interface Holder {
  readonly locks: Set<string>
}

export type Mode = "shared" | "exclusive"

interface Lock {
  readonly holders: Set<Holder>
  mode: Mode
  readonly waiting: Array<Waiter>
}

interface Waiter {
  readonly holder: Holder
  readonly mode: Mode
  readonly wake: (isGiven: boolean) => void
}

/** When a wait for a lock is given up: after a while, or by no clock, only as it is told: {@link RowLocks.giveUp}. */
export type Patience = "clock" | "told"

export class RowLocks {
  readonly #patience: Patience
  readonly #locks = new Map<string, Lock>()

  constructor(patience: Patience = "clock") {
    this.#patience = patience
  }

  /** Takes a lock, or waits for it. False where it was not given within `millis` of virtual time, or was given up. */
  take(holder: Holder, name: string, mode: Mode, millis: number): Effect.Effect<boolean> {
    return Effect.suspend(() => {
      const lock = this.#locks.get(name) ?? { holders: new Set(), mode, waiting: [] }
      this.#locks.set(name, lock)
      if (this.#give(lock, name, holder, mode)) return Effect.succeed(true)
      const given = Deferred.makeUnsafe<boolean>()
      const wake = (isGiven: boolean): void => {
        Deferred.doneUnsafe(given, Effect.succeed(isGiven))
      }
      const waiter: Waiter = { holder, mode, wake }
      lock.waiting.push(waiter)
      // Whoever is woken goes on in a turn of its own, not within the release that woke it.
      const woken = Effect.flatMap(Deferred.await(given), (isGiven) => Effect.as(Effect.yieldNow, isGiven))
      const patient =
        this.#patience === "told"
          ? woken
          : Effect.timeoutOrElse(woken, { duration: millis, orElse: () => Effect.succeed(false) })
      return Effect.ensuring(
        patient,
        Effect.sync(() => this.#leave(name, lock, waiter)),
      )
    })
  }

  /** Whether a transaction waits for a lock. */
  isWaiting(holder: Holder): boolean {
    return this.#waitsOf(holder).length > 0
  }

  /** A transaction waits no longer for what it waits for. */
  giveUp(holder: Holder): void {
    for (const [name, lock, waiter] of this.#waitsOf(holder)) {
      this.#leave(name, lock, waiter)
      waiter.wake(false)
    }
  }

  /** Whether a transaction other than this one holds the lock alone, or would have to be waited for. */
  isHeld(name: string): boolean {
    return (this.#locks.get(name)?.holders.size ?? 0) > 0
  }

  /** Gives the locks of a transaction that ends to those who wait for them. */
  release(holder: Holder): void {
    for (const name of holder.locks) {
      const lock = this.#locks.get(name)
      if (lock === undefined) continue
      lock.holders.delete(holder)
      this.#serve(lock, name)
      if (lock.holders.size === 0 && lock.waiting.length === 0) this.#locks.delete(name)
    }
    holder.locks.clear()
  }

  /** Gives a lock to those who wait for it, as far as it can be given. */
  #serve(lock: Lock, name: string): void {
    for (let next = lock.waiting[0]; next !== undefined && this.#give(lock, name, next.holder, next.mode); ) {
      lock.waiting.shift()
      next.wake(true)
      next = lock.waiting[0]
    }
  }

  #waitsOf(holder: Holder): ReadonlyArray<readonly [string, Lock, Waiter]> {
    return Array.from(this.#locks).flatMap(([name, lock]) =>
      lock.waiting.flatMap((waiter) => (waiter.holder === holder ? [[name, lock, waiter] as const] : [])),
    )
  }

  #give(lock: Lock, name: string, holder: Holder, mode: Mode): boolean {
    const others = lock.holders.size - (lock.holders.has(holder) ? 1 : 0)
    if (others > 0 && (mode === "exclusive" || lock.mode === "exclusive")) return false
    lock.mode = lock.holders.has(holder) && lock.mode === "exclusive" ? "exclusive" : mode
    lock.holders.add(holder)
    holder.locks.add(name)
    return true
  }

  #leave(name: string, lock: Lock, waiter: Waiter): void {
    const index = lock.waiting.indexOf(waiter)
    if (index >= 0) {
      lock.waiting.splice(index, 1)
      // Whoever stood behind it may share what it could not.
      this.#serve(lock, name)
    }
    const isLeft = lock.holders.size === 0 && lock.waiting.length === 0
    // Another one may be under its name by now.
    if (isLeft && this.#locks.get(name) === lock) this.#locks.delete(name)
  }
}
