/**
 * Commands on keys that somebody else holds: set aside, so that no lane waits for those keys, and tried again beside the
 * lanes until the keys are let go.
 */

import { Effect } from "effect"
import type { KeyOf } from "../ports/index.ts"
import { textOfKey } from "../transact/StoreFault.ts"
import { touchedOf, touchesAny } from "./batches.ts"
import type { LaneQueue } from "./LaneQueue.ts"
import type { Pending } from "./Pending.ts"
import { Signal } from "./Signal.ts"

/** How long commands on busy keys wait before they are tried again. */
const pauseMillis = 50

export class DeferredCommands {
  readonly #queue: LaneQueue
  #waiting: Array<Pending> = []
  readonly #busyKeys = new Set<string>()
  /** Those of them that were found busy since the last try began. */
  readonly #foundBusy = new Set<string>()
  readonly #signal = new Signal()

  constructor(queue: LaneQueue) {
    this.#queue = queue
  }

  /** How many keys are known to be held by somebody else. */
  get busyKeys(): number {
    return this.#busyKeys.size
  }

  /** Whether a command needs a key that is known to be busy. */
  concerns(pending: Pending): boolean {
    return this.#busyKeys.size > 0 && touchesAny(pending, this.#busyKeys)
  }

  /** Keys that a batch found busy. */
  found(keys: ReadonlyArray<KeyOf>): void {
    for (const { kind, key } of keys) {
      const text = textOfKey({ kind, key })
      this.#busyKeys.add(text)
      this.#foundBusy.add(text)
    }
    this.#signal.notify()
  }

  /** Lets a command wait here: from now on nobody has it in hand. */
  push(pending: Pending): void {
    pending.state = "queued"
    this.#queue.waits(pending)
    this.#waiting.push(pending)
    this.#signal.notify()
  }

  clear(): void {
    this.#waiting = []
  }

  /** Tries what waits, again and again; waits without a timer while nothing does. */
  serve(run: (batch: ReadonlyArray<Pending>) => Effect.Effect<void>): Effect.Effect<never> {
    return Effect.forever(
      Effect.suspend(() => {
        this.#waiting = this.#waiting.filter((pending) => pending.state === "queued")
        if (this.#waiting.length === 0) {
          this.#busyKeys.clear()
          return this.#signal.wait
        }
        return Effect.andThen(
          Effect.sleep(pauseMillis),
          Effect.suspend(() => this.#try(run)),
        )
      }),
    )
  }

  // They are taken only now: whoever left or ran out of time before certainly had nothing happen to it.
  #try(run: (batch: ReadonlyArray<Pending>) => Effect.Effect<void>): Effect.Effect<void> {
    const waiting = this.#waiting.filter((pending) => pending.state === "queued")
    const { batchLimit } = this.#queue
    const batch = waiting.slice(0, batchLimit)
    this.#waiting = waiting.slice(batchLimit)
    if (batch.length === 0) return Effect.void
    for (const pending of batch) {
      pending.state = "taken"
      this.#queue.waitsNoMore(pending)
    }
    const tried = touchedOf(batch, this.#busyKeys)
    this.#foundBusy.clear()
    return Effect.andThen(
      run(batch),
      // A key that was let go belongs to the lanes again, however many commands on it still come.
      Effect.sync(() => {
        for (const key of tried) if (!this.#foundBusy.has(key)) this.#busyKeys.delete(key)
      }),
    )
  }
}
