/**
 * Handles events one by one: those of one key in order, different keys at the same time.
 *
 * Keys take turns for a bounded number of places, and a place is taken only while a handler runs: a key that waits for
 * another attempt, or for the store to park its event, holds up nothing but itself.
 */
import { Cause, Clock, Deferred, Effect, Exit, FiberSet } from "effect"
import { elapsedMillisOf } from "../elapsed.ts"
import type { Event } from "../events/Event.ts"
import type { Claimed, Position } from "../ports/index.ts"
import { stackOfThrown, textOfCause, textOfThrown } from "../thrown.ts"
import { keyText, type SubscriptionName } from "../values.ts"
import { type Attempts, makeAttempts } from "./attempts.ts"
import { type Backoff, backoffMillis, defaultBackoff } from "./backoff.ts"
import type { InFlight, Work, Worker } from "./InFlight.ts"
import { reasonOf } from "./reason.ts"

/** How an event comes to its handler. */
export interface Delivery {
  /**
   * Grows whenever the lease of the name is taken anew, in this process or another. A handler that writes elsewhere passes
   * it on, and what it writes to refuses a smaller one than it has seen: then a process that was frozen, and woke up
   * after another one took over, changes nothing any more.
   */
  readonly fence: number
}

/**
 * Handles one event. Anything but success is a failure: an error, a defect, an interruption of its own, and taking too
 * long. It must be interruptible: one that hangs uninterruptibly holds its key and its place until it ends.
 */
export type Handler = (event: Event, delivery: Delivery) => Effect.Effect<void, unknown>

/** Is told of an event that was parked, with what its handler failed with last. Its own failures are only logged. */
export type OnError = (error: unknown, event: Event, name: SubscriptionName) => Effect.Effect<void>

export interface HandlerOptions {
  /** The most handlers that run at once. 16. */
  readonly concurrency?: number | undefined
  /** How often an event is tried before it is parked. 5. */
  readonly attempts?: number | undefined
  /** How long to wait between attempts. 100 ms doubling to at most 10 s, each with chance between half and all of it. */
  readonly backoff?: Backoff | undefined
  /** How long one attempt may take. 30 s. */
  readonly handlerTimeoutMillis?: number | undefined
  /** By default a warning in the log. */
  readonly onError?: OnError | undefined
}

/** A handler that has run for so long holds up the events of its key behind it. */
const longMillis = 100
/** How many handlers are begun before everybody else in this process gets a turn. */
const slice = 32

/** The work that runs `handler` for the events of a name. */
export const perKey =
  (name: SubscriptionName, handler: Handler, options: HandlerOptions): Work =>
  (inFlight, fibers) =>
    Effect.gen(function* () {
      const run = yield* FiberSet.runtime(fibers)()
      const attempts = yield* makeAttempts(fibers, options.handlerTimeoutMillis ?? 30_000)
      return new PerKey(name, handler, options, { inFlight, run, attempts, clock: yield* Clock.Clock })
    })

/** What a worker is given beside its events. */
interface WorkerContext {
  readonly inFlight: InFlight
  /** Starts a fiber that ends with the holding of the lease. */
  readonly run: (effect: Effect.Effect<void>) => void
  readonly attempts: Attempts
  readonly clock: Clock.Clock
}

/** The events of a key that is busy. The first one is being handled, or is next. */
interface Queue {
  readonly key: string
  readonly events: Array<Claimed>
  /** Those that follow them, where they were let go. */
  away: Array<Position>
  /** How often the first one was tried. */
  tries: number
  /** When it was tried last, by `elapsedMillis`. */
  triedAt: number
  /** Whether it waits for another attempt, or for the store to park it. */
  isResting: boolean
}

class PerKey implements Worker {
  readonly #name: SubscriptionName
  readonly #handler: Handler
  readonly #options: HandlerOptions
  readonly #context: WorkerContext
  readonly #delivery: Delivery
  readonly #places: number
  /** What nobody has looked at yet, in the order of the claims: where nothing waits, that is the order of handling. */
  readonly #arrived = new Arrivals()
  /** Keys with an event that is being handled, or waits for its turn behind another one of the key. */
  readonly #busy = new Map<string, Queue>()
  /** Busy keys whose next event was let go, and is wanted back. */
  readonly #wanting = new Set<Queue>()
  /** Busy keys whose first event may be tried. They have waited longer than what has just arrived. */
  readonly #ready: Array<Queue> = []
  #running = 0
  /** Keys that wait for another attempt, or for the store to park their event. */
  #resting = 0
  #isPumping = false

  constructor(name: SubscriptionName, handler: Handler, options: HandlerOptions, context: WorkerContext) {
    this.#name = name
    this.#handler = handler
    this.#options = options
    this.#context = context
    this.#delivery = { fence: context.inFlight.lease.fence }
    this.#places = Math.max(1, options.concurrency ?? 16)
  }

  readonly accept = (claimed: ReadonlyArray<Claimed>): Effect.Effect<void> =>
    Effect.sync(() => {
      this.#arrived.add(claimed)
      this.#pump()
    })

  readonly goOn: Effect.Effect<void> = Effect.sync(() => this.#pump())

  readonly ready = (): number => this.#arrived.size + this.#busy.size - this.#resting - this.#wanting.size

  /**
   * Where handlers could run and there is nothing for them, what is in hand waits behind an earlier event of its key: a key
   * that fails, or takes long, must not keep those of other keys away by the number of its own.
   */
  readonly makeRoom = (): void => {
    if (this.#running >= this.#places || this.#ready.length + this.#arrived.size > 0) return
    const longAgo = elapsedMillisOf(this.#context.clock) - longMillis
    for (const queue of this.#busy.values()) {
      if (!queue.isResting && queue.triedAt > longAgo) continue
      const behind = queue.events.splice(1)
      if (behind.length === 0) continue
      for (const each of behind) this.#context.inFlight.lets(each)
      queue.away = [...behind.map(({ position }) => position), ...queue.away]
    }
  }

  readonly wanted = (most: number): ReadonlyArray<Position> => {
    const [queue] = this.#wanting
    return queue?.away.slice(0, most) ?? []
  }

  readonly takeBack = (asked: ReadonlyArray<Position>, claimed: ReadonlyArray<Claimed>): void => {
    const { inFlight } = this.#context
    const [queue] = this.#wanting
    const last = claimed.at(-1)
    // Everything up to the last one that came, or all of it: what did not come is settled.
    const count = last === undefined ? asked.length : 1 + asked.findIndex((each) => isSame(each, last.position))
    if (queue === undefined || count === 0) return
    const back = new Set(claimed.map(({ position }) => keyText(position)))
    for (const position of queue.away.splice(0, count)) if (!back.has(keyText(position))) inFlight.misses(position)
    for (const each of claimed) {
      inFlight.keeps(each)
      queue.events.push(each)
    }
    this.#wanting.delete(queue)
    this.#next(queue)
    this.#pump()
  }

  /** Begins what can be begun, in a fiber of its own and not at once: whoever comes here goes on first. */
  #pump(): void {
    if (this.#isPumping || !this.#canBegin()) return
    this.#isPumping = true
    this.#context.run(Effect.andThen(Effect.yieldNow, this.#beginAll()))
  }

  #beginAll(): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      for (let begun = 1; this.#canBegin(); begun++) {
        this.#beginNext()
        if (begun % slice === 0) yield* Effect.yieldNow
      }
      this.#isPumping = false
      // Whatever is left waits for something: others may come meanwhile.
      this.#context.inFlight.resting()
    })
  }

  /** A process that was frozen finds its lease over: nothing more is begun under it. */
  #canBegin(): boolean {
    const { inFlight, clock } = this.#context
    if (this.#running >= this.#places || this.#ready.length + this.#arrived.size === 0) return false
    return elapsedMillisOf(clock) < inFlight.holdsUntil
  }

  #beginNext(): void {
    const queue = this.#ready.shift() ?? this.#firstOfKey()
    const first = queue?.events[0]
    if (queue === undefined || first === undefined) return
    this.#running += 1
    queue.tries += 1
    queue.triedAt = elapsedMillisOf(this.#context.clock)
    const handling = Effect.suspend(() => this.#handler(first.event, this.#delivery))
    this.#context.attempts.begin(handling, (exit) => {
      this.#running -= 1
      if (Exit.isSuccess(exit)) {
        this.#context.inFlight.succeeded([first])
        this.#goOn(queue)
      } else this.#failed(queue, first, exit.cause)
      this.#pump()
    })
  }

  /** The next arrival, unless its key is busy: then it waits there, and this was all there was to do. */
  #firstOfKey(): Queue | undefined {
    const claimed = this.#arrived.next()
    if (claimed === undefined) return undefined
    const { key } = claimed.event
    const busy = this.#busy.get(key)
    if (busy !== undefined) {
      if (busy.away.length === 0) busy.events.push(claimed)
      else {
        busy.away.push(claimed.position)
        this.#context.inFlight.lets(claimed)
      }
      return undefined
    }
    const queue: Queue = { key, events: [claimed], away: [], tries: 0, triedAt: 0, isResting: false }
    this.#busy.set(key, queue)
    return queue
  }

  /** The first event is handled or parked: the key's next one has its turn. */
  #goOn(queue: Queue): void {
    queue.events.shift()
    queue.tries = 0
    this.#next(queue)
  }

  #next(queue: Queue): void {
    if (queue.events.length > 0) this.#ready.push(queue)
    else if (queue.away.length > 0) {
      this.#wanting.add(queue)
      this.#context.inFlight.resting()
    } else {
      this.#busy.delete(queue.key)
      if (this.#busy.size + this.#arrived.size === 0) this.#context.attempts.rest()
    }
  }

  #failed(queue: Queue, first: Claimed, cause: Cause.Cause<unknown>): void {
    const { attempts = 5, backoff = defaultBackoff } = this.#options
    if (queue.tries < attempts) {
      const pause = Effect.flatMap(backoffMillis(queue.tries, backoff), Effect.sleep)
      this.#rest(queue, pause, () => this.#ready.push(queue))
    } else this.#rest(queue, this.#setAside(first, cause), () => this.#goOn(queue))
  }

  /** A pause of one key, during which others have its place. */
  #rest(queue: Queue, pause: Effect.Effect<void>, then: () => void): void {
    const { inFlight, run } = this.#context
    this.#resting += 1
    queue.isResting = true
    run(
      Effect.andThen(
        pause,
        Effect.sync(() => {
          this.#resting -= 1
          queue.isResting = false
          then()
          this.#pump()
        }),
      ),
    )
    inFlight.resting()
  }

  #setAside(claimed: Claimed, cause: Cause.Cause<unknown>): Effect.Effect<void> {
    const { onError = logParked, handlerTimeoutMillis: afterMillis = 30_000 } = this.#options
    // Later events of the key wait until the store has parked this one, so that a crash cannot turn their order round.
    const parked = Effect.suspend(() => Deferred.await(this.#context.inFlight.failed(claimed, reasonOf(cause))))
    const told = Effect.suspend(() => onError(Cause.squash(cause), claimed.event, this.#name)).pipe(
      Effect.timeoutOption(afterMillis),
      Effect.catchCause((failure) => Effect.logWarning(`onError failed. ${textOfCause(failure)}`)),
    )
    return Effect.asVoid(Effect.andThen(parked, told))
  }
}

/** Claims one after the other, taken event by event. */
class Arrivals {
  readonly #claims: Array<ReadonlyArray<Claimed>> = []
  #taken = 0
  size = 0

  add(claimed: ReadonlyArray<Claimed>): void {
    if (claimed.length === 0) return
    this.#claims.push(claimed)
    this.size += claimed.length
  }

  next(): Claimed | undefined {
    const [first] = this.#claims
    if (first === undefined) return undefined
    const claimed = first[this.#taken++]
    this.size -= 1
    if (this.#taken === first.length) {
      this.#claims.shift()
      this.#taken = 0
    }
    return claimed
  }
}

const isSame = (left: Position, right: Position): boolean => keyText(left) === keyText(right)

const logParked: OnError = (error, event, name) =>
  Effect.suspend(() => {
    const stack = stackOfThrown(error)
    const fields = { subscription: name, event: event.id, type: event.type, ...(stack !== undefined && { stack }) }
    const text = `Parked ${event.type} ${event.id} of "${name}": ${textOfThrown(error)}`
    return Effect.annotateLogs(Effect.logWarning(text), fields)
  })
