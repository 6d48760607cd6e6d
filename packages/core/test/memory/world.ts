/**
 * What the tests of the memory stores share: the stores, and a scheduler that plays one interleaving for each seed.
 */
import { Cause, Effect, Exit, type Fiber, Layer, type Scheduler } from "effect"
import { InterleavingStore, MemoryStore } from "../../src/memory/index.ts"
import { Store, type StoreShape } from "../../src/ports/index.ts"
import type { StoreSuites } from "../../src/testing/index.ts"

/** Every way to make a memory store: each must keep the same promises. */
const stores: ReadonlyArray<readonly [name: string, make: Effect.Effect<StoreShape>]> = [
  ["the plain store", MemoryStore.make],
  ["the interleaving store, optimistic", InterleavingStore.make()],
  ["the interleaving store, locked", InterleavingStore.make({ optimistic: false })],
]

export const interleaving = stores.slice(1)

/** The same for the suites that every store is put to. */
export const suiteStores: ReadonlyArray<StoreSuites.SuiteStore> = stores.map(([name, make]) => ({
  name,
  layer: Layer.effect(Store, make),
  onSnapshots: name.endsWith("optimistic"),
}))

/** Nobody can go on: a deadlock or a lost wake-up. */
const stuck = "Stuck"

/** Plays one interleaving for each seed: at every step the next fiber to run is drawn. */
class SeededScheduler implements Scheduler.Scheduler, Scheduler.SchedulerDispatcher {
  readonly executionMode = "sync" as const
  readonly #ready: Array<() => void> = []
  readonly #random: () => number

  constructor(seed: number) {
    this.#random = mulberry32(seed)
  }

  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    // Resuming costs two operations, so that fewer would never get anywhere.
    return fiber.currentOpCount > 2 && this.#random() < 0.1
  }

  makeDispatcher(): this {
    return this
  }

  scheduleTask(task: () => void): void {
    this.#ready.push(task)
  }

  flush(): void {
    while (this.#ready.length > 0) {
      const [task] = this.#ready.splice(Math.floor(this.#random() * this.#ready.length), 1)
      task?.()
    }
  }
}

/** Runs an effect in the interleaving of a seed. Dies with {@link stuck} where nobody can go on. */
export const runSeeded = <A, E>(effect: Effect.Effect<A, E>, seed: number): Exit.Exit<A, E> => {
  const scheduler = new SeededScheduler(seed)
  const fiber = Effect.runFork(effect, { scheduler })
  scheduler.flush()
  return fiber.pollUnsafe() ?? Exit.die(stuck)
}

/** What went wrong in a run, as a text; undefined where it succeeded. */
export const failureOf = (exit: Exit.Exit<unknown, unknown>): string | undefined =>
  Exit.isFailure(exit) ? Cause.pretty(exit.cause) : undefined

const mulberry32 = (seed: number) => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
