/**
 * How a trial's clients get commands decided: straight at the store, batch by batch, or through an
 * engine as a shop does.
 */
import { Clock, Deferred, Effect, Exit, Scope } from "effect"
import type { Command, Decision } from "../../decision/Command.ts"
import { type Decided, fold, keysOfCommands } from "../../decision/fold.ts"
import type { Records } from "../../decision/Records.ts"
import { elapsedMillisOf } from "../../elapsed.ts"
import { type Engine, makeEngine } from "../../engine/Engine.ts"
import { decidable, endOf, type Outcome, type Timed } from "../../engine/Pending.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import { type Caller, newCaller, type Process } from "./Process.ts"
import type { Tampering } from "./Tampering.ts"
import type { Reply } from "./Trial.ts"
import type { Delivering } from "./watchDelivery.ts"

export interface Decider {
  readonly caller: Caller
  /** Gets a batch decided. Fewer replies than commands where the caller's process ended. */
  readonly call: (
    commands: ReadonlyArray<Command>,
    leaveAfterMillis: number | undefined,
    /** Called once the next batch of the same client may follow. Straight at the store only. */
    passed?: () => void,
  ) => Effect.Effect<ReadonlyArray<Reply>>
  /** What this process knows of a key. */
  readonly knows: Pick<Engine, "isPending" | "lostReply">
  /** Waits until nothing is under way. */
  readonly stop: Effect.Effect<void>
  /** From now on it does not end by a fault any more. */
  readonly live: () => void
  /** Ends it as a shop is closed. */
  readonly close: Effect.Effect<void>
}

/** How often a lost reply is asked for again, and for how long somebody waits between two tries. */
const mostTries = 20
const pauseMillis = 10

/** Every batch is one transact of its own, repeated with the same commands after a lost reply or a busy key. */
export const storeDecider = (
  store: StoreShape,
  tampering: Tampering | undefined,
  caller: Caller = newCaller(),
): Decider => ({
  caller,
  call: (commands, leaveAfterMillis, passed) =>
    Effect.gen(function* () {
      const clock = yield* Clock.Clock
      const sent = commands.map((command) => tampering?.command?.(command) ?? command)
      const asked = decideAll(store, timedBy(clock, sent), tampering, clock, passed)
      const answered = yield* leaveAfterMillis === undefined
        ? raceDeath(caller, asked)
        : raceDeath(
            caller,
            Effect.timeoutOrElse(asked, {
              duration: leaveAfterMillis,
              orElse: () => Effect.succeed(leftAll(sent)),
            }),
          )
      return answered ?? []
    }),
  knows: knowsNothing,
  stop: Effect.void,
  live: () => {},
  close: Effect.void,
})

/** A process that has not called anything. */
export const knowsNothing: Decider["knows"] = {
  isPending: () => false,
  lostReply: () => Effect.succeed({ _tag: "None" }),
}

const leftAll = (commands: ReadonlyArray<Command>): ReadonlyArray<Reply> =>
  commands.map(() => ({ _tag: "Left", taken: true }) as const)

/** Commands with the time that each has left. */
const timedBy = (clock: Clock.Clock, commands: ReadonlyArray<Command>): ReadonlyArray<Timed> =>
  commands.map((command) => ({ command, endsAt: endOf(command, elapsedMillisOf(clock)) }))

const decideAll = Effect.fnUntraced(function* (
  store: StoreShape,
  timed: ReadonlyArray<Timed>,
  tampering: Tampering | undefined,
  clock: Clock.Clock,
  passed?: () => void,
): Effect.fn.Return<ReadonlyArray<Reply>> {
  const commands = timed.map(({ command }) => command)
  let uncertain = false
  let sent = timed
  for (let tried = 0; tried < mostTries; tried++) {
    const turn = tried === 0 && passed !== undefined ? { lane: 0, pass: passed } : undefined
    const exit = yield* Effect.exit(
      Effect.suspend(() =>
        store.transact(keysOfCommands(sent.map(({ command }) => command)), foldNow(sent, clock), turn),
      ),
    )
    if (Exit.isSuccess(exit)) {
      return commands.map((command, index) => {
        const decision = exit.value[index]
        return decision === undefined ? defect("no decision") : replyOf(tamper(tampering, decision, command), uncertain)
      })
    }
    const fault = faultOf(exit)
    if (fault._tag === "Lost") {
      uncertain = true
      sent = timed.map(({ command, endsAt }) => ({ command: tampering?.retried?.(command) ?? command, endsAt }))
    }
    if (fault._tag === "Rejected") {
      if (commands.length === 1)
        return [uncertain ? unavailable("NoAnswer", "unknown") : unavailable("StoreRejected", "nothing-happened")]
      const replies: Array<Reply> = []
      for (const each of timed) replies.push(...(yield* decideAll(store, [each], tampering, clock)))
      return replies
    }
    yield* Effect.sleep(pauseMillis)
  }
  const outcome = uncertain ? "unknown" : "nothing-happened"
  return commands.map(() => unavailable("NoAnswer", outcome))
})

const foldNow =
  (sent: ReadonlyArray<Timed>, clock: Clock.Clock) =>
  (records: Records): Decided<ReadonlyArray<Decision>> => {
    const elapsed = elapsedMillisOf(clock)
    return fold(
      sent.map((each) => decidable(each, elapsed)),
      records,
      clock.currentTimeMillisUnsafe(),
    )
  }

// A defect of an adapter may have come after its commit, so it counts as a lost reply.
const faultOf = (exit: Exit.Failure<unknown, StoreFault>): StoreFault => {
  for (const reason of exit.cause.reasons) {
    if ("error" in reason) return reason.error
  }
  return { _tag: "Lost", reason: "the store failed" }
}

/** Commands go through an engine of its own, one process more at the same store. */
export const engineDecider = Effect.fnUntraced(function* (
  store: StoreShape,
  tampering: Tampering | undefined,
  process: Process,
  delivering: Delivering | undefined,
): Effect.fn.Return<Decider, never, Scope.Scope> {
  const scope = yield* Scope.make()
  // What an ended process had open stays open: nobody is there to close it.
  const close = Effect.suspend(() => {
    process.live()
    return process.dead ? Effect.void : Scope.close(scope, Exit.void)
  })
  yield* Effect.addFinalizer(() => close)
  const begin = Effect.gen(function* () {
    const making = makeEngine(store, { queueLimit: 1_000 })
    const measured = tampering?.clock
    const clock = yield* Clock.Clock
    const started = yield* measured === undefined ? making : Effect.provideService(making, Clock.Clock, measured(clock))
    if (delivering !== undefined)
      yield* Effect.forkScoped(delivering.serve(store.outbox, started.committed, process.end))
    return started
  })
  const engine = yield* process.run(Scope.provide(begin, scope))
  return {
    caller: process,
    call: (commands, leaveAfterMillis) =>
      engine === undefined
        ? Effect.succeed([])
        : Effect.forEach(commands, (command) => submit(engine, process, command, tampering, leaveAfterMillis), {
            concurrency: "unbounded",
          }),
    knows: engine ?? knowsNothing,
    stop:
      engine === undefined
        ? Effect.void
        : Effect.suspend(() => (process.dead ? Effect.void : Effect.asVoid(raceDeath(process, engine.settled)))),
    live: () => process.live(),
    close,
  }
})

const submit = (
  engine: Engine,
  caller: Caller,
  command: Command,
  tampering: Tampering | undefined,
  leaveAfterMillis: number | undefined,
): Effect.Effect<Reply> =>
  Effect.gen(function* () {
    const answered = Deferred.makeUnsafe<Outcome>()
    const sent = tampering?.command?.(command) ?? command
    const pending = engine.submit(sent, (outcome) => Deferred.doneUnsafe(answered, Effect.succeed(outcome)))
    const left: Effect.Effect<Reply> =
      leaveAfterMillis === undefined
        ? Effect.never
        : Effect.map(Effect.sleep(leaveAfterMillis), () => {
            const taken = pending.state === "taken" || pending.uncertain
            if (tampering?.forgetsWithdrawals !== true) engine.withdraw(pending)
            return { _tag: "Left", taken }
          })
    const reply = Effect.map(Deferred.await(answered), (outcome): Reply => {
      if (outcome._tag !== "Unavailable") return replyOf(tamper(tampering, outcome, command), false)
      return unavailable(outcome.unavailable._tag, outcome.unavailable.outcome)
    })
    return (yield* raceDeath(caller, Effect.raceFirst(reply, left))) ?? { _tag: "Crashed" }
  })

const tamper = (tampering: Tampering | undefined, decision: Decision, command: Command): Decision =>
  tampering?.decision?.(decision, command) ?? decision

/** The reply that a decision is for its caller. */
const replyOf = (decision: Decision, uncertain: boolean): Reply => {
  switch (decision._tag) {
    case "Accepted":
      return { _tag: "Accepted", answer: objectOf(decision.answer) }
    case "Repeated":
      return { _tag: "Replayed", answer: objectOf(decision.answer) }
    case "Recalled":
      return { _tag: decision.own ? "Accepted" : "Replayed", answer: decision.receipt.answer }
    case "Refused":
      return { _tag: "Refused", refusal: decision.refusal }
    case "Expired":
      return unavailable("DeadlineExceeded", uncertain ? "unknown" : "nothing-happened")
    case "Defective":
      return defect(String(decision.defect))
  }
}

const objectOf = (answer: unknown): object => (typeof answer === "object" && answer !== null ? answer : {})

const unavailable = (what: string, outcome: "nothing-happened" | "unknown"): Reply => ({
  _tag: "Unavailable",
  what,
  outcome,
})

const defect = (message: string): Reply => ({ _tag: "Defect", message })

/** Undefined where the caller's process ends before the answer. */
const raceDeath = <A>(caller: Caller, answer: Effect.Effect<A>): Effect.Effect<A | undefined> =>
  Effect.suspend(() => Effect.raceFirst(answer, Effect.as(Deferred.await(caller.died), undefined)))
