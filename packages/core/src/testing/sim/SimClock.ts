/**
 * Virtual time: a clock that stands still while anything can run, and jumps to the next sleeper when nothing can.
 *
 * So a minute of back-off costs microseconds, and no test ever waits. Sleepers of the same moment wake together, in an
 * order that the schedule decides. A jump of the wall clock moves what time it is, never how long anybody sleeps.
 */
import { type Clock, Duration, Effect } from "effect"

/** When simulations begin unless they say otherwise: 2023-11-14T22:00Z, the start of a whole hour. */
export const defaultStart = 1_699_999_200_000

interface Sleeper {
  readonly wakeAt: number
  readonly sequence: number
  readonly wake: () => void
  awake: boolean
}

export class SimClock implements Clock.Clock {
  readonly #start: number
  /** Milliseconds since the simulation began. */
  #elapsed = 0
  /** How far the wall clock was moved by jumps. */
  #offset = 0
  #sequence = 0
  readonly #sleepers: Array<Sleeper> = []

  constructor(start: number) {
    this.#start = start
  }

  /** How much virtual time has passed, in milliseconds. */
  get elapsedMillis(): number {
    return this.#elapsed
  }

  currentTimeMillisUnsafe(): number {
    return this.#start + this.#elapsed + this.#offset
  }
  currentTimeNanosUnsafe(): bigint {
    return BigInt(this.currentTimeMillisUnsafe()) * 1_000_000n
  }
  monotonicTimeNanosUnsafe(): bigint {
    return BigInt(this.#elapsed) * 1_000_000n
  }
  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    const millis = Math.ceil(Duration.toMillis(duration))
    if (millis <= 0) return Effect.yieldNow
    if (!Number.isFinite(millis)) return Effect.never
    return Effect.callback((resume) => {
      const sleeper = {
        wakeAt: this.#elapsed + millis,
        sequence: this.#sequence++,
        // The sleeper goes on in a turn of its own, which the schedule chooses.
        wake: () => resume(Effect.yieldNow),
        awake: false,
      }
      this.#push(sleeper)
      return Effect.sync(() => {
        sleeper.awake = true
      })
    })
  }

  /** Moves the wall clock forward or back, as a correction of a machine's time does. */
  jump(millis: number): void {
    this.#offset += millis
  }

  /** Jumps to the next moment at which somebody wakes and wakes them all; false where nobody sleeps. */
  advance(): boolean {
    let woken = false
    for (;;) {
      const next = this.#sleepers[0]
      if (next === undefined || (woken && next.wakeAt > this.#elapsed)) return woken
      this.#pop()
      // Whoever was interrupted in its sleep moves no time.
      if (next.awake) continue
      this.#elapsed = Math.max(this.#elapsed, next.wakeAt)
      next.awake = true
      woken = true
      next.wake()
    }
  }

  // A binary heap by time, then by who slept first.
  #push(sleeper: Sleeper): void {
    const heap = this.#sleepers
    heap.push(sleeper)
    let index = heap.length - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      if (!this.#swapIfEarlier(index, parent)) return
      index = parent
    }
  }

  #pop(): void {
    const heap = this.#sleepers
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    heap[0] = last
    let index = 0
    for (;;) {
      const left = 2 * index + 1
      if (left >= heap.length) return
      const least = left + 1 < heap.length && this.#isEarlier(left + 1, left) ? left + 1 : left
      if (!this.#swapIfEarlier(least, index)) return
      index = least
    }
  }

  #isEarlier(left: number, right: number): boolean {
    const [a, b] = [this.#sleepers[left], this.#sleepers[right]]
    if (a === undefined || b === undefined) return false
    return a.wakeAt < b.wakeAt || (a.wakeAt === b.wakeAt && a.sequence < b.sequence)
  }

  #swapIfEarlier(child: number, parent: number): boolean {
    if (!this.#isEarlier(child, parent)) return false
    const heap = this.#sleepers
    const [a, b] = [heap[child], heap[parent]]
    if (a === undefined || b === undefined) return false
    heap[child] = b
    heap[parent] = a
    return true
  }
}
