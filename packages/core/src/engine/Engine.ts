/**
 * The engine: admits commands into a bounded queue and lets a few lanes take them to the store in batches.
 *
 * One commit serves everybody who came while the lanes were busy (group commit); nothing waits on a timer for company.
 * A command is answered exactly once: decided, or unavailable with what is certain about it.
 */
import { Clock, Effect, type Scope } from "effect"
import type { Command } from "../decision/Command.ts"
import type { KeyOf, StoreFault, StoreShape } from "../ports/Store.ts"
import { Aside } from "./Aside.ts"
import { askAgain } from "./asking.ts"
import { type BatchContext, runBatch } from "./batches.ts"
import { type Keyed, KeysInFlight } from "./KeysInFlight.ts"
import { Lane } from "./Lane.ts"
import { LaneQueue } from "./LaneQueue.ts"
import { Counters, type EngineMetrics } from "./Metrics.ts"
import { notInTime, type Outcome, type Pending, PendingList, settle } from "./Pending.ts"
import { Signal } from "./Signal.ts"

export interface EngineOptions {
  /** The most commands that may wait. Above it calls are answered `Overloaded` before any I/O. */
  readonly queueLimit: number
  /** The most commands in one batch. Default 128. */
  readonly batchLimit?: number | undefined
}

/** What a service needs to get a command decided. */
export interface Submitter {
  /**
   * Hands a command to the lanes. Its resolver is called exactly once, unless the returned handle withdraws it first.
   * Does no I/O and never throws.
   */
  readonly submit: (command: Command, resolve: (outcome: Outcome) => void) => Pending
  /** Lets the caller leave. A command that no lane has taken will not happen; one that was taken finishes unheard. */
  readonly withdraw: (pending: Pending) => void
  /** Reads what a command of this deadline has to know before it can be handed over. */
  readonly prepare: <A>(deadline: number, reading: Effect.Effect<A, StoreFault>) => Effect.Effect<A, StoreFault>
}

export interface Engine extends Submitter {
  /** Whether a command of this key is on its way in this process. */
  readonly isPending: (keyed: Keyed) => boolean
  /** Completes when everything admitted before now has its outcome. */
  readonly settled: Effect.Effect<void>
  /** Completes when something is committed after it was started. */
  readonly committed: Effect.Effect<void>
  readonly metrics: () => EngineMetrics
  /** Takes no more commands, waits for the admitted ones, then answers those that are left. May be called again. */
  readonly stop: (drainMillis: number) => Effect.Effect<void>
}

/** How often deadlines are looked at while anything waits. An answer is late by no more than this. */
const sweepMillis = 50
export const makeEngine = (store: StoreShape, options: EngineOptions): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const running = new RunningEngine(store, options, () => clock.currentTimeMillisUnsafe())
    for (const lane of running.lanes) {
      yield* Effect.forkScoped(running.serveLane(lane))
      if (store.passesTurns === true) yield* Effect.forkScoped(running.serveLane(lane))
    }
    yield* Effect.forkScoped(running.serveAside)
    yield* Effect.forkScoped(running.sweepDeadlines)
    // Callers that nobody answers any more would wait for ever.
    yield* Effect.addFinalizer(() => Effect.sync(() => running.answerTheRest()))
    return running
  })

class RunningEngine implements Engine {
  readonly #now: () => number
  readonly #counters = new Counters()
  readonly #queue: LaneQueue
  readonly #context: BatchContext
  /** Everything admitted and not finished. */
  readonly #live = new PendingList()
  readonly #keys = new KeysInFlight()
  readonly #aside: Aside
  readonly lanes: ReadonlyArray<Lane>
  readonly #sweepSignal = new Signal()
  readonly #commitWaiters = new Set<() => void>()
  #settledSignals: Array<{ readonly upTo: number; readonly signal: Signal }> = []
  #sequence = 0
  #stopping = false

  constructor(store: StoreShape, { queueLimit, batchLimit }: EngineOptions, now: () => number) {
    const { lanes } = store.guarantees
    this.#now = now
    this.#queue = new LaneQueue(lanes, queueLimit, batchLimit)
    this.#aside = new Aside(this.#queue)
    this.lanes = Array.from({ length: lanes }, (_, index) => new Lane(index))
    this.#context = {
      store,
      now,
      counters: this.#counters,
      finish: this.#finish,
      setAside: this.#setAside,
    }
  }

  submit = (command: Command, resolve: (outcome: Outcome) => void): Pending => {
    const counter = command.operation.lane(command.request)
    const pending: Pending = {
      command,
      resolve,
      sequence: this.#sequence++,
      lane: counter === undefined ? undefined : this.#queue.laneOf(counter),
      state: "queued",
      uncertain: false,
      previous: undefined,
      next: undefined,
      nextInBucket: undefined,
    }
    if (this.#stopping) this.#answer(pending, { _tag: "Unavailable", unavailable: stopped })
    else if (!this.#queue.hasRoom(command, this.#waitingElsewhere, this.#live)) {
      this.#answer(pending, { _tag: "Unavailable", unavailable: this.#overloaded() })
    } else {
      if (this.#live.size === 0) this.#sweepSignal.notify()
      this.#live.add(pending)
      this.#queue.waits(pending)
      if (this.#isFirstOfKey(pending)) this.#enqueue(pending)
    }
    return pending
  }

  withdraw = (pending: Pending): void => {
    const { state } = pending
    pending.state = "settled"
    // What a lane has taken goes on; what nobody has taken is passed over when its turn comes.
    if (state === "queued" || state === "waiting") this.#dropWaiting(pending)
  }

  // A store that is away is asked as long as a lane would ask it.
  prepare: Engine["prepare"] = (deadline, reading) =>
    askAgain(reading, () => !this.#stopping && this.#now() <= deadline)

  isPending: Engine["isPending"] = (keyed) => this.#keys.has(keyed)

  get settled(): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (this.#live.size === 0) return Effect.void
      const waiter = { upTo: this.#sequence, signal: new Signal() }
      this.#settledSignals.push(waiter)
      return waiter.signal.wait
    })
  }

  readonly committed: Effect.Effect<void> = Effect.callback<void>((resume) => {
    const wake = (): void => resume(Effect.yieldNow)
    this.#commitWaiters.add(wake)
    return Effect.sync(() => this.#commitWaiters.delete(wake))
  })

  metrics = (): EngineMetrics => ({
    operations: Object.fromEntries(Array.from(this.#counters.operations, ([name, counts]) => [name, { ...counts }])),
    queueDepth: this.#queue.depth + this.#waitingElsewhere,
    inFlight: this.#queue.inFlight,
    batches: this.#counters.batches,
    batchedCommands: this.#counters.batchedCommands,
    laneBusyMillis: this.#counters.laneBusyMillis,
    lostReplies: this.#counters.lostReplies,
    busyBatches: this.#counters.busyBatches,
    rejectedBatches: this.#counters.rejectedBatches,
  })

  stop = (drainMillis: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      this.#stopping = true
      return this.settled.pipe(
        Effect.timeoutOption(drainMillis),
        Effect.andThen(Effect.sync(() => this.answerTheRest())),
      )
    })

  /** Answers everybody who still waits: nothing happened to what no lane has taken, the rest is unknown. */
  answerTheRest(): void {
    this.#stopping = true
    for (const pending of this.#live.toArray()) {
      const unavailable = pending.state === "taken" || pending.uncertain ? stoppedInFlight : stopped
      this.#answer(pending, { _tag: "Unavailable", unavailable })
      this.#forget(pending)
    }
    this.#queue.clear()
    this.#aside.clear()
  }

  /**
   * One lane: takes its share of what waits, runs it, and starts again. `forever` yields between two rounds, so everybody
   * whom the last batch answered can come back before the next one leaves.
   */
  serveLane = (lane: Lane): Effect.Effect<never> =>
    Effect.forever(
      lane.inTurn((turn) => {
        if (!this.#queue.hasWork(lane.index)) return lane.work.wait
        const batch = this.#queue.take(lane.index, lane.overlaps).filter(this.#isFree)
        lane.overlaps = false
        if (batch.length === 0) return Effect.void
        // What others may take too is theirs to overlap: smaller batches of it would gain nothing.
        const mayPass = this.#context.store.passesTurns === true && batch.every((pending) => pending.lane !== undefined)
        const began = this.#now()
        return Effect.onExit(runBatch(this.#context, batch, mayPass ? turn : undefined), () =>
          Effect.sync(() => {
            this.#queue.finished(batch)
            this.#counters.laneBusyMillis += this.#now() - began
          }),
        )
      }),
    )

  /** Commands on busy keys, beside the lanes. */
  get serveAside(): Effect.Effect<never> {
    return this.#aside.serve((batch) => runBatch(this.#context, batch))
  }

  /** Answers commands at their deadline, whatever the store is doing. No timer runs while nothing waits. */
  get sweepDeadlines(): Effect.Effect<never> {
    return Effect.forever(
      Effect.suspend(() => {
        if (this.#live.size === 0) return this.#sweepSignal.wait
        return Effect.andThen(Effect.sleep(sweepMillis), Effect.sync(this.#sweep))
      }),
    )
  }

  #sweep = (): void => {
    const now = this.#now()
    for (const pending of this.#live.toArray()) {
      if (now <= pending.command.deadline || pending.state === "settled") continue
      const taken = pending.state === "taken"
      this.#answer(pending, { _tag: "Unavailable", unavailable: notInTime(pending) })
      // A lane still has it in hand; its key stays taken until the lane is done.
      if (!taken) this.#dropWaiting(pending)
    }
  }

  // A command on a busy key waits with the others, so that no lane waits for that key again.
  #isFree = (pending: Pending): boolean => {
    if (!this.#aside.concerns(pending)) return true
    this.#queue.finished([pending])
    this.#aside.push(pending)
    return false
  }

  #setAside = (batch: ReadonlyArray<Pending>, keys: ReadonlyArray<KeyOf>): void => {
    this.#aside.found(keys)
    for (const pending of batch) {
      if (pending.state === "taken") this.#aside.push(pending)
      // Its caller has left or was answered at the deadline, and nothing happened to it.
      else this.#forget(pending)
    }
  }

  #finish = (pending: Pending, outcome: Outcome): void => {
    const committed = outcome._tag === "Accepted" || (outcome._tag === "Recalled" && outcome.own)
    if (committed && this.#commitWaiters.size > 0) this.#wakeCommitWaiters()
    this.#answer(pending, outcome)
    this.#forget(pending)
  }

  #answer(pending: Pending, outcome: Outcome): void {
    if (pending.state !== "settled") this.#counters.count(pending.command.operation.name, outcome)
    settle(pending, outcome)
  }

  #dropWaiting(pending: Pending): void {
    this.#queue.waitsNoMore(pending)
    this.#forget(pending)
  }

  #forget(pending: Pending): void {
    if (!this.#live.remove(pending)) return
    this.#releaseKey(pending)
    if (this.#settledSignals.length > 0) this.#notifySettled()
  }

  #wakeCommitWaiters(): void {
    const waiters = Array.from(this.#commitWaiters)
    this.#commitWaiters.clear()
    for (const wake of waiters) wake()
  }

  #notifySettled(): void {
    const oldest = this.#live.first
    this.#settledSignals = this.#settledSignals.filter(({ upTo, signal }) => {
      if (oldest !== undefined && oldest.sequence < upTo) return true
      signal.notify()
      return false
    })
  }

  // Keys that the engine made are unique, so only the callers' keys are looked up.
  #isFirstOfKey(pending: Pending): boolean {
    if (isOwnKey(pending.command) || this.#keys.add(pending)) return true
    pending.state = "waiting"
    return false
  }

  #releaseKey(pending: Pending): void {
    const next = isOwnKey(pending.command) ? undefined : this.#keys.remove(pending)
    if (next !== undefined) this.#enqueue(next)
  }

  #enqueue(pending: Pending): void {
    pending.state = "queued"
    this.#queue.push(pending)
    const its = pending.lane === undefined ? undefined : this.lanes[pending.lane]
    const lane = its ?? this.lanes.find(({ work }) => work.isAwaited)
    if (lane !== undefined) lane.work.notify()
    // A lane that has just found nothing to do, but does not wait yet, must not fall asleep over it.
    else for (const { work } of this.lanes) work.notify()
  }

  /** Commands that wait for another one of their key, or for a busy key. */
  get #waitingElsewhere(): number {
    return Math.max(0, this.#live.size - this.#queue.depth - this.#queue.inFlight)
  }

  #overloaded() {
    const { batchedCommands, laneBusyMillis } = this.#counters
    const millisPerCommand = batchedCommands === 0 ? 1 : laneBusyMillis / batchedCommands
    const estimate = Math.ceil(this.#queue.depth * millisPerCommand)
    return {
      _tag: "Overloaded",
      outcome: "nothing-happened",
      retryAfterMillis: Math.min(Math.max(estimate, 50), 5_000),
    } as const
  }
}

const stopped = { _tag: "Stopped", outcome: "nothing-happened" } as const
const stoppedInFlight = { _tag: "StoreUnavailable", outcome: "unknown", reason: "the shop was stopped" } as const

const isOwnKey = ({ key, id }: Command): boolean => key === String(id)
