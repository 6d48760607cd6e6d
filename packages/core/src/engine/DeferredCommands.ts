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
  /** Those of which only they themselves can tell whether their keys are free: tried with others, they keep these waiting. */
  #alone: Array<Pending> = []
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

  /** Lets a command wait here, to be tried with others or `alone`: from now on nobody has it in hand. */
  push(pending: Pending, alone = false): void {
    pending.state = "queued"
    this.#queue.waits(pending)
    const others = alone ? this.#alone : this.#waiting
    others.push(pending)
    this.#signal.notify()
  }

  clear(): void {
    this.#waiting = []
    this.#alone = []
  }

  /** Tries what waits, again and again; waits without a timer while nothing does. */
  serve(run: (batch: ReadonlyArray<Pending>) => Effect.Effect<void>): Effect.Effect<never> {
    return Effect.forever(
      Effect.suspend(() => {
        this.#waiting = this.#waiting.filter(isQueued)
        this.#alone = this.#alone.filter(isQueued)
        if (this.#waiting.length === 0 && this.#alone.length === 0) {
          this.#busyKeys.clear()
          return this.#signal.wait
        }
        return Effect.andThen(
          Effect.sleep(pauseMillis),
          Effect.andThen(
            Effect.suspend(() => this.#try(this.#waiting.splice(0, this.#queue.batchLimit), run)),
            this.#tryAlone(run),
          ),
        )
      }),
    )
  }

  /** The next one, and as long as they go through those behind it. */
  #tryAlone(run: (batch: ReadonlyArray<Pending>) => Effect.Effect<void>): Effect.Effect<void> {
    return Effect.suspend(() => {
      const next = this.#alone.shift()
      if (next === undefined) return Effect.void
      const tried = this.#try([next], run)
      return Effect.flatMap(tried, () => (isQueued(next) ? Effect.void : this.#tryAlone(run)))
    })
  }

  // They are taken only now: whoever left or ran out of time before certainly had nothing happen to it.
  #try(all: ReadonlyArray<Pending>, run: (batch: ReadonlyArray<Pending>) => Effect.Effect<void>): Effect.Effect<void> {
    const batch = all.filter(isQueued)
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

const isQueued = ({ state }: Pending): boolean => state === "queued"
