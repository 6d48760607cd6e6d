/**
 * The engine: admits commands into a bounded queue and lets a few lanes take them to the store in batches.
 *
 * One commit serves everybody who came while the lanes were busy (group commit); nothing waits on a timer for company.
 * A command is answered exactly once: decided, or unavailable with what is certain about it.
 */
import { Clock, Effect, type Scope } from "effect"
import type { Command, Decision } from "../decision/Command.ts"
import { elapsedMillisOf } from "../elapsed.ts"
import type { SharedCacheShape, StoreCounts, StoreFault, StoreShape, Turn } from "../ports/index.ts"
import type { Unavailable } from "../refusals.ts"
import { textOfThrown } from "../thrown.ts"
import { askFor } from "./asking.ts"
import { type BatchContext, runBatch } from "./batches.ts"
import { DeferredCommands } from "./DeferredCommands.ts"
import { type CallKey, isOwnKey, KeysInFlight } from "./KeysInFlight.ts"
import { Lane } from "./Lane.ts"
import { LaneQueue } from "./LaneQueue.ts"
import { type KeyState, LostReplies } from "./LostReplies.ts"
import { Counters, type EngineMetrics } from "./Metrics.ts"
import {
  endOf,
  isOver,
  leftOf,
  letGo,
  type Outcome,
  type Pending,
  PendingList,
  pendingOf,
  settle,
  tooLate,
  unknown,
} from "./Pending.ts"
import { noSeals, type SealedRefusal, Seals } from "./Seals.ts"
import { Signal } from "./Signal.ts"
import type { Spans } from "./Spans.ts"
import type { Caller } from "./traceparent.ts"

export interface EngineOptions {
  /** The most commands that may wait. Above it calls are answered `Overloaded` before any I/O. */
  readonly queueLimit: number
  /** The most commands in one batch. Default 128. */
  readonly batchLimit?: number | undefined
  /** Whether campaigns that refuse are sealed, where the store can. Default true. */
  readonly seals?: boolean | undefined
  /** The most bytes of all seals. Default 16 MiB. */
  readonly sealBytes?: number | undefined
  /** Where processes share their seals. */
  readonly cache?: SharedCacheShape | undefined
  /** The spans of its batches and calls, where somebody looks at them. */
  readonly spans?: Spans | undefined
}

/** What a service needs to get a command decided. */
export interface Submitter {
  /**
   * Hands a command to the lanes. Its resolver is called exactly once, unless the returned handle withdraws it first.
   * Does no I/O and never throws. `caller` is the span that the call is made in.
   */
  readonly submit: (command: Command, resolve: (outcome: Outcome) => void, caller?: Caller | undefined) => Pending
  /** Lets the caller leave. A command that no lane has taken will not happen; one that was taken finishes unheard. */
  readonly withdraw: (pending: Pending) => void
  /**
   * Reads what a command has to know before it can be handed over, or before it can be answered: a store that
   * is away or silent meanwhile costs time, until the deadline, and nothing else.
   */
  readonly readInTime: <A>(
    command: Pick<Command, "at" | "deadline">,
    reading: Effect.Effect<A, StoreFault>,
  ) => Effect.Effect<A, StoreFault>
  /**
   * Whether an earlier call of its key may be done, as far as this process knows: it is on its way, or nobody was told how it
   * ended. Absent inside a transaction of the host.
   */
  readonly mayBeDone?: (command: Command) => boolean
}

export interface Engine extends Submitter {
  /** Whether a command of this key is on its way in this process. */
  readonly isPending: (callKey: CallKey) => boolean
  /** What is known of a key whose call ended without a decision. Ends what the store may still do of it, where it can. */
  readonly lostReply: (callKey: CallKey) => Effect.Effect<KeyState, StoreFault>
  /** Completes when everything admitted before now has its outcome. */
  readonly settled: Effect.Effect<void>
  /** Completes when something is committed after it was started. */
  readonly committed: Effect.Effect<void>
  readonly metrics: () => EngineMetrics
  /**
   * What the seal of its campaign refuses a claim with, after one look at the campaign: sold out, or outside of its window.
   * Undefined where there is no seal, where it refuses nothing, and where the store does not say within `lookMillisOf`.
   */
  readonly sealedRefusal: (claim: Command) => Effect.Effect<SealedRefusal | undefined>
  /** Hears what was committed beside the lanes: whoever waits for commits goes on, and campaigns that refuse are sealed. */
  readonly decidedBeside: (decided: ReadonlyArray<readonly [Command, Decision]>) => void
  /** Counts a command that was decided beside the lanes. */
  readonly count: (pending: Pending, outcome: Outcome) => void
  /** Takes no more commands, waits for the admitted ones, then answers those that are left. May be called again. */
  readonly stop: (drainMillis: number) => Effect.Effect<void>
}

/** How a command counts whose time was over: nobody is told of it. */
const repeated: Outcome = { _tag: "Repeated", answer: undefined }

/** Of a store that counts nothing. */
const noCounts: StoreCounts = { conflicts: 0, lockedBatches: 0, sessions: 0, sessionsOpened: 0 }

/** How often deadlines are looked at while anything waits. An answer is late by no more than this. */
const sweepMillis = 50

export const makeEngine = (store: StoreShape, options: EngineOptions): Effect.Effect<Engine, never, Scope.Scope> =>
  Effect.gen(function* () {
    const clock = yield* Clock.Clock
    const running = new RunningEngine(store, options, clock)
    for (const lane of running.lanes) {
      yield* Effect.forkScoped(running.serveLane(lane))
      if (store.passesTurns === true) yield* Effect.forkScoped(running.serveLane(lane))
    }
    yield* Effect.forkScoped(running.serveAside)
    if (running.seals !== undefined) yield* running.seals.serve
    yield* Effect.forkScoped(running.sweepDeadlines)
    // Callers that nobody answers any more would wait for ever.
    yield* Effect.addFinalizer(() => Effect.sync(() => running.answerTheRest()))
    return running
  })

class RunningEngine implements Engine {
  readonly #now: () => number
  /** What lasts is measured with a clock that only runs forward. Only differences mean anything. */
  readonly #elapsed: () => number
  readonly #counters = new Counters()
  readonly #queue: LaneQueue
  readonly #context: BatchContext
  /** Everything admitted and not finished. */
  readonly #live = new PendingList()
  readonly #keys = new KeysInFlight()
  readonly #lostReplies: LostReplies
  readonly #deferred: DeferredCommands
  /** Undefined where nothing is sealed. */
  readonly seals: Seals | undefined
  readonly #store: StoreShape
  readonly #spans: Spans | undefined
  readonly lanes: ReadonlyArray<Lane>
  readonly #sweepSignal = new Signal()
  readonly #commitWaiters = new Set<() => void>()
  #settledSignals: Array<{ readonly upTo: number; readonly signal: Signal }> = []
  #sequence = 0
  #stopping = false

  constructor(store: StoreShape, options: EngineOptions, clock: Clock.Clock) {
    const { queueLimit, batchLimit, spans } = options
    const { lanes } = store.guarantees
    const now = (): number => clock.currentTimeMillisUnsafe()
    const elapsed = (): number => elapsedMillisOf(clock)
    this.#now = now
    this.#elapsed = elapsed
    this.#store = store
    this.#spans = spans
    this.#lostReplies = new LostReplies(store, now, elapsed)
    this.#queue = new LaneQueue(lanes, queueLimit, batchLimit)
    this.#deferred = new DeferredCommands(this.#queue)
    this.lanes = Array.from({ length: lanes }, (_, index) => new Lane(index))
    this.#context = {
      store,
      now,
      elapsed,
      counters: this.#counters,
      lostReplies: this.#lostReplies,
      finish: this.#decided,
      setAside: this.#setAside,
    }
    const { sealBytes, cache } = options
    const seals = {
      sealBytes,
      cache,
      now,
      elapsed,
      isOpen: (command: Command) => this.#lostReplies.remembers(command),
      refuse: (pending: Pending, outcome: Outcome) => {
        this.#queue.waitsNoMore(pending)
        this.#finish(pending, outcome)
      },
      handOver: this.#enqueueAtLanes,
    }
    this.seals = options.seals === false ? undefined : Seals.on(store, seals)
  }

  submit: Engine["submit"] = (command, resolve, caller) => {
    const counter = command.operation.lane(command.request)
    const pending = pendingOf(command, resolve, {
      endsAt: endOf(command, this.#elapsed()),
      sequence: this.#sequence++,
      lane: counter === undefined ? undefined : this.#queue.laneOf(counter),
      state: "queued",
      span: this.#spans?.began(command, caller),
    })
    if (this.#stopping) this.#answerUndone(pending, stopped, "the shop was stopped")
    else if (!this.#queue.hasRoom(command, this.#waitingElsewhere, this.#live)) {
      this.#answerUndone(pending, this.#overloaded(), "the queue is full")
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
    letGo(pending)
    // What a lane has taken goes on; what nobody has taken is passed over when its turn comes.
    if (state === "queued" || state === "waiting") this.#dropWaiting(pending)
  }

  // A store that is away, or silent, is asked as long as a lane would ask it.
  readInTime: Engine["readInTime"] = (command, reading) =>
    Effect.suspend(() =>
      askFor(leftOf(command, this.#now()), reading, () => !this.#stopping && this.#now() <= command.deadline),
    )

  mayBeDone = (command: Command, itself?: Pending): boolean => {
    if (isOwnKey(command)) return false
    const first = this.#keys.first(command)
    return (first !== undefined && first !== itself) || this.#lostReplies.remembers(command)
  }

  isPending: Engine["isPending"] = (callKey) => this.#keys.has(callKey)

  lostReply: Engine["lostReply"] = (callKey) => this.#lostReplies.stateOf(callKey)

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

  count = (pending: Pending, outcome: Outcome): void => {
    if (pending.counted) return
    pending.counted = true
    this.#counters.count(pending.command.operation.name, outcome)
  }

  sealedRefusal: Engine["sealedRefusal"] = (command) =>
    Effect.suspend(() => {
      const sequence = this.#sequence++
      return this.seals?.refusalOf(command, sequence) ?? Effect.undefined
    })

  decidedBeside: Engine["decidedBeside"] = (decided) => {
    this.#wakeCommitWaiters()
    for (const [command, decision] of decided) {
      this.#counters.count(command.operation.name, decision._tag === "Expired" ? repeated : decision)
      this.seals?.learn(command, decision)
    }
  }

  metrics = (): EngineMetrics => ({
    operations: Object.fromEntries(Array.from(this.#counters.operations, ([name, counts]) => [name, { ...counts }])),
    queueDepth: this.#queue.depth + this.#waitingElsewhere,
    inFlight: this.#queue.inFlight,
    batches: this.#counters.batches,
    batchedCommands: this.#counters.batchedCommands,
    laneBusyMillis: this.#counters.laneBusyMillis,
    lostReplies: this.#counters.lostReplies,
    busyBatches: this.#counters.busyBatches,
    busyKeys: this.#deferred.busyKeys,
    rejectedBatches: this.#counters.rejectedBatches,
    ...(this.seals?.metrics ?? noSeals),
    ...(this.#store.counts?.() ?? noCounts),
  })

  stop = (drainMillis: number): Effect.Effect<void> =>
    Effect.suspend(() => {
      this.#stopping = true
      return this.settled.pipe(
        Effect.timeoutOption(drainMillis),
        Effect.andThen(Effect.sync(() => this.answerTheRest())),
      )
    })

  /** Answers everybody who still waits: what a lane has taken is unknown, and so are later calls of its key. */
  answerTheRest(): void {
    this.#stopping = true
    for (const pending of this.#live.toArray()) {
      if (isInHand(pending)) pending.uncertain = true
      this.#answerUndone(pending, stopped, "the shop was stopped")
      this.#forget(pending)
    }
    this.#queue.clear()
    this.#deferred.clear()
    this.seals?.stop()
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
        lane.takes(this.#elapsed())
        return Effect.onExit(this.#run(batch, mayPass ? turn : undefined), () =>
          Effect.sync(() => {
            this.#queue.finished(batch)
            this.#counters.laneBusyMillis += lane.gives(this.#elapsed())
          }),
        )
      }),
    )

  /** Commands on busy keys, beside the lanes. */
  get serveAside(): Effect.Effect<never> {
    return this.#deferred.serve((batch) => this.#run(batch))
  }

  /** Runs a batch. What is thrown beside the store (by a host's logger, say) ends neither the lane nor a caller's waiting. */
  #run(batch: ReadonlyArray<Pending>, turn?: Turn): Effect.Effect<void> {
    const run = runBatch(this.#context, batch, turn)
    const traced = this.#spans === undefined ? run : this.#spans.around(batch, run)
    return Effect.catchDefect(traced, (defect) => Effect.sync(() => this.#answerUnknown(batch, textOfThrown(defect))))
  }

  #answerUnknown(batch: ReadonlyArray<Pending>, reason: string): void {
    for (const pending of batch) {
      // One that was set aside is somebody else's by now, or nobody's yet.
      if (pending.state === "queued") continue
      pending.uncertain = true
      this.#finish(pending, { _tag: "Unavailable", unavailable: unknown(reason) })
    }
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
    const [now, elapsed] = [this.#now(), this.#elapsed()]
    for (const pending of this.#live.toArray()) {
      if (!isOver(pending, now, elapsed) || pending.state === "settled") continue
      const inHand = isInHand(pending)
      if (inHand) pending.uncertain = true
      this.#answerUndone(pending, tooLate(pending.command), "no answer before the deadline")
      // A lane still has it in hand; its key stays taken until the lane is done.
      if (!inHand) this.#dropWaiting(pending)
    }
  }

  // A command on a busy key waits with the others, so that no lane waits for that key again.
  #isFree = (pending: Pending): boolean => {
    if (!this.#deferred.concerns(pending)) return true
    this.#queue.finished([pending])
    this.#deferred.push(pending)
    return false
  }

  #setAside: BatchContext["setAside"] = (batch, keys, alone) => {
    this.#deferred.found(keys)
    for (const pending of batch) {
      if (pending.state === "taken") this.#deferred.push(pending, alone)
      // Its caller has left or was answered at the deadline, and nothing happened to it.
      else this.#forget(pending)
    }
  }

  #decided = (pending: Pending, outcome: Outcome): void => {
    this.seals?.learn(pending.command, outcome)
    this.#finish(pending, outcome)
  }

  #finish = (pending: Pending, outcome: Outcome): void => {
    const committed = outcome._tag === "Accepted" || (outcome._tag === "Recalled" && outcome.own)
    if (committed && this.#commitWaiters.size > 0) this.#wakeCommitWaiters()
    // Its caller has left and knows of nothing. The next call of its key must not be told that nothing happened.
    const isDone = committed || outcome._tag === "Recalled"
    if (isDone && pending.state === "settled" && this.#lostReplies.hasRoom) pending.uncertain = true
    this.#answer(pending, outcome)
    this.#forget(pending)
  }

  #answer(pending: Pending, outcome: Outcome): void {
    this.count(pending, outcome)
    this.#spans?.ended(pending, outcome)
    settle(pending, outcome)
  }

  /** Answers what was not done: as told, unless it may be done after all, or an earlier call of its key. */
  #answerUndone(pending: Pending, certain: Unavailable, reason: string): void {
    const isOpen = pending.uncertain || this.mayBeDone(pending.command, pending)
    this.#answer(pending, { _tag: "Unavailable", unavailable: isOpen ? unknown(reason) : certain })
  }

  #dropWaiting(pending: Pending): void {
    this.#queue.waitsNoMore(pending)
    this.#forget(pending)
  }

  #forget(pending: Pending): void {
    this.#lostReplies.ended(pending)
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
    if (this.seals?.takes(pending) !== true) this.#enqueueAtLanes(pending)
  }

  #enqueueAtLanes = (pending: Pending): void => {
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

/** Whether a lane has it, or had it when its caller left. */
const isInHand = ({ state }: Pending): boolean => state === "taken" || state === "settled"
