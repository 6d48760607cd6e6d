/**
 * `createTestHoldfast`: the shop of `createHoldfast` for the tests of hosts. Time moves when the test says so, ids are the
 * same in every run, and what production does once a month happens on demand.
 */
import { Effect, Layer } from "effect"
import { MemoryStore } from "../memory/PlainStore.ts"
import * as Options from "../options.ts"
import { type Keys, type Lease, Store, type StoreFault, type StoreShape } from "../ports/index.ts"
import { createHoldfast, type Holdfast } from "../promise/createHoldfast.ts"
import { type CreateOptions, createChecks } from "../promise/options.ts"
import { keyText } from "../values.ts"
import { drawsOf } from "./sim/draws.ts"
import { defaultStart } from "./sim/SimClock.ts"

export interface TestOptions extends Omit<CreateOptions, "store" | "clock" | "random"> {
  /** What the clock shows first. Default 2023-11-14T22:00Z. */
  readonly now?: Date | number | undefined
  /** Fixes ids and every other random choice. Default 1. */
  readonly seed?: number | undefined
}

const { store: _, clock: __, random: ___, ...others } = createChecks
const checks: Options.Checks<TestOptions> = {
  ...others,
  now: Options.must(
    "a Date or milliseconds since 1970",
    (now) => (typeof now === "number" || typeof now === "object") && Number.isFinite(Number(now)),
  ),
  seed: Options.must("a number", Number.isFinite),
}

const advanceChecks: Options.Checks<{ readonly millis: number }> = {
  millis: Options.must("a number of milliseconds", Number.isFinite),
}
const slowChecks: typeof advanceChecks = { millis: Options.wholeNumber(0, 600_000) }

/** The clock of a test: it stands still until it is moved. Waiting for pauses and deadlines takes real time. */
export interface TestClock {
  readonly now: () => Date
  /** Moves the time that rules see: issue windows, expiry, hours of sales. Throws where it is given no number. */
  readonly advance: (millis: number) => void
}

/** What goes wrong next. Each is used up by the next change that reaches the store. */
export interface TestFaults {
  /** The next change happens, and its caller hears `StoreUnavailable` with outcome "unknown". */
  readonly loseNextReply: () => void
  /**
   * The process of the shop ends before the next change is committed, and starts again on the same store. Every call that
   * is under way hears `StoreUnavailable` with outcome "unknown"; `outcome` tells by its key what became of it. Nothing
   * that the old process was doing goes on, and the host's event handlers are gone: subscribe again, as after any restart.
   * The store knows that it ended, so nobody waits for the leases that it held. Later calls are the new process's.
   */
  readonly crashBeforeCommit: () => void
  /** Every change takes so much longer, in real milliseconds, until it is set to 0: 600,000 at most. Throws for anything else. */
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
  Options.check(options, checks)
  const { now = defaultStart, seed = 1, ...others } = options
  let time = Number(now)
  const clock: TestClock = {
    now: () => new Date(time),
    advance: (millis) => {
      Options.check({ millis }, advanceChecks, ["millis"])
      time += millis
    },
  }
  const { real: random } = drawsOf(seed, 0x1d5)
  // What survives the process.
  const kept = Effect.runSync(MemoryStore.make)
  const ended: Array<Promise<void>> = []
  const faults = new NextFaults()
  const begin = (): Holdfast => {
    const process = new TestProcess(kept, faults, () => {
      const dying = running
      running = begin()
      // Its calls are answered and its fibers interrupted, when whoever ended it has been answered.
      ended.push(Promise.resolve().then(() => dying.stop({ drainMillis: 1_000 })))
    })
    const layer = Layer.succeed(Store, process.store)
    return createHoldfast({ ...others, store: { name: "memory, for tests", layer }, clock: () => time, random })
  }
  let running = begin()
  const stop: Holdfast["stop"] = async (how) => {
    await Promise.all([running.stop(how), ...ended])
  }
  return Object.assign(
    standingFor(running, () => running),
    { stop, [Symbol.asyncDispose]: () => stop(), clock, faults },
  )
}

/** The groups and calls of whichever shop runs now, also for who took a group out of the first one. */
const standingFor = (first: Holdfast, running: () => Holdfast): Holdfast => {
  const late = (of: object, now: () => object): object =>
    Object.defineProperties(
      {},
      Object.fromEntries(
        names(of).map((name) => {
          const part = (): unknown => Reflect.get(now(), name)
          const value = part()
          // Groups are objects of calls; whatever else there is is looked up when it is asked for.
          const group = isGroup(name, value)
            ? late(value, () => {
                const current = part()
                return typeof current === "object" && current !== null ? current : {}
              })
            : undefined
          return [name, { get: () => group ?? part(), enumerable: true, configurable: true }]
        }),
      ),
    )
  // biome-ignore lint/plugin/casts: the same names with the same values, looked up a moment later
  return late(first, running) as Holdfast
}

// The shop that stands for others is stopped in its own way.
const names = (of: object): ReadonlyArray<string> => Object.keys(of).filter((name) => name !== "stop")

const isGroup = (name: string, value: unknown): value is object =>
  name !== "services" && typeof value === "object" && value !== null

type Planned = "lose-reply" | "crash"

class NextFaults implements TestFaults {
  #next: Planned | undefined
  slowMillis = 0

  loseNextReply = (): void => {
    this.#next = "lose-reply"
  }
  crashBeforeCommit = (): void => {
    this.#next = "crash"
  }
  slowStore = (millis: number): void => {
    Options.check({ millis }, slowChecks, ["millis"])
    this.slowMillis = millis
  }

  /** What is planned, which is then used up. */
  take(): Planned | undefined {
    const next = this.#next
    this.#next = undefined
    return next
  }
}

/** One process of the shop, as its store sees it: what it asks for after its end is not done. */
class TestProcess {
  readonly #faults: NextFaults
  readonly #restart: () => void
  #ended = false
  readonly #leases = new Map<string, Lease>()
  /** Commands of a lost reply whose callers are yet to hear of it, by receipt. */
  readonly #struck = new Set<string>()
  readonly store: StoreShape

  constructor(kept: StoreShape, faults: NextFaults, restart: () => void) {
    this.#faults = faults
    this.#restart = restart
    const { outbox } = kept
    this.store = {
      ...kept,
      transact: (keys, decide) => this.#transact(kept, keys, decide),
      outbox: {
        ...outbox,
        lease: (...asked) =>
          Effect.tap(this.#whileAlive(outbox.lease(...asked)), (lease) =>
            Effect.sync(() => lease && this.#leases.set(lease.name, lease)),
          ),
        renew: (...asked) => this.#whileAlive(outbox.renew(...asked)),
        claim: (...asked) => this.#whileAlive(outbox.claim(...asked)),
        reread: (...asked) => this.#whileAlive(outbox.reread(...asked)),
        acknowledge: (...asked) => this.#whileAlive(outbox.acknowledge(...asked)),
        park: (...asked) => this.#whileAlive(outbox.park(...asked)),
        release: (...asked) => this.#whileAlive(outbox.release(...asked)),
      },
    }
  }

  #whileAlive<A, E>(asked: Effect.Effect<A, E>): Effect.Effect<A, E | StoreFault> {
    return Effect.suspend((): Effect.Effect<A, E | StoreFault> => (this.#ended ? Effect.fail(lost) : asked))
  }

  #transact<A>(kept: StoreShape, keys: Keys, decide: Parameters<typeof kept.transact<A>>[1]) {
    return Effect.gen({ self: this }, function* () {
      if (this.#faults.slowMillis > 0) yield* Effect.sleep(this.#faults.slowMillis)
      const [first] = commandsOf(keys)
      if (this.#ended || (first !== undefined && this.#struck.has(first))) return yield* this.#strike(keys)
      const next = this.#faults.take()
      if (next === undefined) return yield* kept.transact(keys, decide)
      if (next === "lose-reply") yield* kept.transact(keys, decide)
      else {
        this.#ended = true
        yield* Effect.forEach(this.#leases.values(), kept.outbox.release, { discard: true })
        this.#restart()
      }
      return yield* this.#strike(keys)
    })
  }

  // A lost reply makes a command uncertain, and the rejection of its next try gives it up: its caller hears at once what
  // it would hear at its deadline. The engine takes a rejected batch apart until its commands stand alone.
  #strike(keys: Keys): Effect.Effect<never, StoreFault> {
    const commands = commandsOf(keys)
    const isNew = commands.some((command) => !this.#struck.has(command))
    for (const command of commands) this.#struck.add(command)
    if (!isNew && commands.length === 1) for (const command of commands) this.#struck.delete(command)
    return Effect.fail(isNew ? lost : givenUp)
  }
}

const commandsOf = (keys: Keys): ReadonlyArray<string> => keys.of("receipt").map(keyText)

const reason = "a fault of the test"
const lost: StoreFault = { _tag: "Lost", reason }
const givenUp: StoreFault = { _tag: "Rejected", reason }
