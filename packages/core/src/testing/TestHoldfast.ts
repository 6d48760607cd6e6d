/**
 * `createTestHoldfast`: the shop of `createHoldfast` for the tests of hosts. Time moves when the test says so, ids are the
 * same in every run, and what production does once a month happens on demand.
 */
import { Effect, Layer } from "effect"
import { MemoryStore } from "../memory/PlainStore.ts"
import { type Keys, Store, type StoreFault, type StoreShape } from "../ports/Store.ts"
import { createHoldfast, type Holdfast } from "../promise/createHoldfast.ts"
import type { CreateOptions } from "../promise/options.ts"
import { keyText } from "../values.ts"
import { drawsOf } from "./sim/draws.ts"
import { defaultStart } from "./sim/SimClock.ts"

export interface TestOptions extends Omit<CreateOptions, "store" | "clock" | "random"> {
  /** What the clock shows first. Default 2023-11-14T22:00Z. */
  readonly now?: Date | number | undefined
  /** Fixes ids and every other random choice. Default 1. */
  readonly seed?: number | undefined
}

/** The clock of a test: it stands still until it is moved. Waiting for pauses and deadlines takes real time. */
export interface TestClock {
  readonly now: () => Date
  /** Moves the time that rules see: issue windows, expiry, hours of sales. */
  readonly advance: (millis: number) => void
}

/** What goes wrong next. Each is used up by the next change that reaches the store. */
export interface TestFaults {
  /** The next change happens, and its caller hears `StoreUnavailable` with outcome "unknown". */
  readonly loseNextReply: () => void
  /** The next change does not happen, and its caller hears the same. */
  readonly crashBeforeCommit: () => void
  /** Every change takes so much longer, in real milliseconds, until it is set to 0. */
  readonly slowStore: (millis: number) => void
}

export interface TestHoldfast extends Holdfast {
  readonly clock: TestClock
  readonly faults: TestFaults
}

/**
 * A shop in memory for tests.
 *
 * ```ts
 * const shop = createTestHoldfast()
 * await shop.points.open({ accountId: "ada" })
 * shop.faults.loseNextReply()
 * await shop.points.charge({ accountId: "ada", amount: 5, key: "k" }).catch(() => {})
 * await shop.points.charge({ accountId: "ada", amount: 5, key: "k" }) // replayed: true, and charged once
 * ```
 */
export const createTestHoldfast = (options: TestOptions = {}): TestHoldfast => {
  const { now = defaultStart, seed = 1, ...others } = options
  let time = Number(now)
  const faults = new NextFaults()
  const layer = Layer.effect(
    Store,
    Effect.map(MemoryStore.make, (store) => faults.around(store)),
  )
  const shop = createHoldfast({
    ...others,
    store: { name: "memory, for tests", layer },
    clock: () => time,
    random: drawsOf(seed, 0x1d5).real,
  })
  const clock: TestClock = {
    now: () => new Date(time),
    advance: (millis) => {
      time += millis
    },
  }
  return { ...shop, clock, faults }
}

type Planned = "lose-reply" | "crash"

class NextFaults implements TestFaults {
  #next: Planned | undefined
  #slowMillis = 0
  /** Commands whose callers are yet to hear of their fault, by receipt. */
  readonly #struck = new Map<string, Planned>()

  loseNextReply = (): void => {
    this.#next = "lose-reply"
  }
  crashBeforeCommit = (): void => {
    this.#next = "crash"
  }
  slowStore = (millis: number): void => {
    this.#slowMillis = millis
  }

  around(store: StoreShape): StoreShape {
    return {
      ...store,
      transact: (keys, decide) =>
        Effect.gen({ self: this }, function* () {
          if (this.#slowMillis > 0) yield* Effect.sleep(this.#slowMillis)
          const fault = this.#strike(keys)
          if (fault === undefined) return yield* store.transact(keys, decide)
          if (fault === "lose-reply") yield* store.transact(keys, decide)
          return yield* Effect.fail(refused)
        }),
    }
  }

  // The engine takes a rejected batch apart until its commands stand alone, so each of them is struck on its own.
  #strike(keys: Keys): Planned | undefined {
    const commands = keys.of("receipt").map(keyText)
    if (this.#next !== undefined) {
      for (const command of commands) this.#struck.set(command, this.#next)
      this.#next = undefined
    }
    const [first] = commands
    const fault = first === undefined ? undefined : this.#struck.get(first)
    if (fault !== undefined && first !== undefined && commands.length === 1) this.#struck.delete(first)
    return fault
  }
}

const refused: StoreFault = { _tag: "Rejected", reason: "a fault of the test" }
