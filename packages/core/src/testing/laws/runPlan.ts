/**
 * Runs one plan on a store, and answers everything that the laws look at.
 *
 * The same program runs under simulation and live: it takes time from the clock it is given and starts a fiber for each
 * client. Two ways of calling the store are the business of `storeWay` and `engineWay`.
 */
import { Clock, Effect, References, Scheduler, type Scope } from "effect"
import { runAudit } from "../../audit/runAudit.ts"
import type { Command, Decision } from "../../decision/Command.ts"
import type { Work } from "../../delivery/Hand.ts"
import type { StoreFault, StoreShape } from "../../ports/Store.ts"
import { AccountId, CampaignId, IdempotencyKey, OrderId, ProductId, Scope as ScopeName } from "../../values.ts"
import { makeAsking } from "./asking.ts"
import { commandOf } from "./commands.ts"
import { type Delivering, makeDelivering } from "./delivering.ts"
import { Door } from "./faults.ts"
import { observeEvents, type Subscriber } from "./observeEvents.ts"
import type { Plan, PlannedCall, Question, Step } from "./Plan.ts"
import { type Caller, newCaller, type Outside, Process } from "./Process.ts"
import { auditSource, readSnapshot } from "./snapshot.ts"
import { type Asked, type Glimpse, newGlimpse, type Op, type ReadOp, type Reply, type TrialRecord } from "./Trial.ts"
import { topOf } from "./topOf.ts"
import { engineWay, storeWay, type Way } from "./ways.ts"

/** Where broken engines are broken: what happens to a command before it is submitted, and to what it is answered. */
export interface Tampering {
  readonly command?: ((command: Command) => Command) | undefined
  /** What is sent again after a lost reply, instead of the same command. Clients straight at the store only. */
  readonly retried?: ((command: Command) => Command) | undefined
  readonly decision?: ((decision: Decision, command: Command) => Decision) | undefined
  readonly reply?: ((reply: Reply, command: Command) => Reply) | undefined
  /** Callers who leave are told so, and their commands stay in the queue. */
  readonly forgetsWithdrawals?: boolean | undefined
  /** What the loops of subscriptions do with the events that they claim. */
  readonly work?: ((work: Work, name: string) => Work) | undefined
  /** The consumer of the bus counts every event that it hears, known or not. */
  readonly forgetfulConsumer?: boolean | undefined
  /** The store as one process sees it, with the store itself, which is one for all processes of a trial. */
  readonly store?: ((seen: StoreShape, itself: StoreShape) => StoreShape) | undefined
}

export interface RunPlanOptions {
  /** What every id of this trial begins with, so that trials can share a store. */
  readonly prefix: string
  readonly tampering?: Tampering | undefined
  /** Ends the store as a crash would and opens it again, before what it holds is read. */
  readonly reopen?: ((store: StoreShape) => Effect.Effect<StoreShape, StoreFault, Scope.Scope>) | undefined
  /** Filled while the trial runs, for whoever looks at it before its end. */
  readonly glimpse?: Glimpse | undefined
}

/** Runs the plan. Fails only where the store cannot be read when everything has ended. */
export const runPlan = (
  plan: Plan,
  store: StoreShape,
  options: RunPlanOptions,
): Effect.Effect<TrialRecord, StoreFault, Scope.Scope> =>
  // What goes wrong on purpose is no news.
  Effect.provideService(runLoudly(plan, store, options), References.MinimumLogLevel, "None")

const runLoudly = Effect.fnUntraced(function* (
  plan: Plan,
  store: StoreShape,
  options: RunPlanOptions,
): Effect.fn.Return<TrialRecord, StoreFault, Scope.Scope> {
  const clock = yield* Clock.Clock
  const outside = { services: yield* Effect.context<never>(), scheduler: yield* Scheduler.Scheduler }
  const door = new Door(store, plan.faults, outside)
  const trial = new RunningTrial(plan, store, door, options, outside, () => clock.currentTimeMillisUnsafe())
  const subscriber = yield* observeEvents(store, door, options.prefix, () => trial.next())
  const delivering =
    plan.delivery &&
    (yield* makeDelivering({
      plan: plan.delivery,
      store,
      prefix: options.prefix,
      tampering: options.tampering,
      outside,
      next: () => trial.next(),
      met: (fault) => door.met.push(fault),
    }))
  trial.delivering = delivering
  for (const planned of plan.setup) yield* trial.callAll(-1, [planned], {}, storeWay(store, options.tampering))
  const ways: Array<Way> = []
  for (let engine = 0; engine < (plan.engines ?? 1); engine++) ways.push(yield* trial.newWay(engine))
  yield* Effect.forEach(
    plan.clients,
    (steps, client) => trial.serve(client, steps, ways, client % ways.length, subscriber),
    { concurrency: "unbounded", discard: true },
  )
  for (const way of ways) yield* way.stop
  yield* door.settled
  if (delivering !== undefined) {
    // Somebody serves the names until nothing waits: a process that goes on, or one that comes back.
    for (const engine of ways.keys()) yield* trial.livingWay(ways, engine)
    for (const way of ways) way.live()
    yield* delivering.drain
    for (const way of ways) yield* way.close
    yield* delivering.unregister
  }
  yield* subscriber.drain
  const opened = options.reopen === undefined ? store : yield* options.reopen(store)
  const snapshot = yield* readSnapshot(opened, options.prefix)
  const now = clock.currentTimeMillisUnsafe()
  return {
    plan,
    ops: trial.ops,
    reads: trial.reads,
    asked: trial.questions,
    deliveries: subscriber.deliveries,
    intrusions: subscriber.intrusions,
    reopened: options.reopen !== undefined,
    delivery: delivering?.record,
    snapshot,
    // A trial may have moved the clock back: everything it wrote is compared.
    audit: yield* runAudit(auditSource(snapshot), { maxExamples: 3, asOf: Number.MAX_SAFE_INTEGER }),
    top: yield* topOf(opened, snapshot, now, options.prefix),
    decidedAt: door.decidedAt,
    faultsMet: door.met,
  }
})

class RunningTrial {
  readonly ops: Array<Op>
  readonly reads: Array<ReadOp>
  readonly questions: Array<Asked> = []
  readonly #asked: Glimpse["asked"]
  readonly #plan: Plan
  readonly #store: StoreShape
  readonly #door: Door
  readonly #options: RunPlanOptions
  readonly #outside: Outside
  readonly #now: () => number
  delivering: Delivering | undefined
  #position = 0
  #commands = 0

  constructor(plan: Plan, store: StoreShape, door: Door, options: RunPlanOptions, outside: Outside, now: () => number) {
    this.#plan = plan
    this.#store = store
    this.#door = door
    this.#options = options
    this.#outside = outside
    this.#now = now
    const { ops, reads, asked } = options.glimpse ?? newGlimpse()
    this.ops = ops
    this.reads = reads
    this.#asked = asked
  }

  /** The next position in the trial's one order of events. */
  next(): number {
    return this.#position++
  }

  /** A process of its own in place of the `engine`th, or a client straight at the store. */
  newWay(engine: number, restarted = false): Effect.Effect<Way, never, Scope.Scope> {
    const { tampering } = this.#options
    const asSeenBy = (caller: Caller): StoreShape => {
      const seen = this.#door.for(caller)
      return tampering?.store?.(seen, this.#store) ?? seen
    }
    if (this.#plan.way === "store") {
      const caller = newCaller()
      return Effect.succeed(storeWay(asSeenBy(caller), tampering, caller))
    }
    const fault = this.#plan.faults.find((each) => each.fault === "crash-at-step" && each.engine === engine)
    const process = new Process(this.#outside, restarted ? undefined : fault?.at, () =>
      this.#door.met.push("crash-at-step"),
    )
    return engineWay(asSeenBy(process), tampering, process, this.delivering)
  }

  serve(
    client: number,
    steps: ReadonlyArray<Step>,
    ways: Array<Way>,
    engine: number,
    subscriber: Subscriber,
  ): Effect.Effect<void, StoreFault, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      for (const step of steps) {
        switch (step.do) {
          case "call": {
            const way = yield* this.livingWay(ways, engine)
            yield* this.callAll(client, step.calls, step, way)
            // Whoever crashed comes back and asks again, under the same keys.
            if (way.caller.dead) {
              const keyed = step.calls.filter(({ key }) => key !== undefined)
              if (keyed.length > 0) yield* this.callAll(client, keyed, {}, yield* this.livingWay(ways, engine), true)
            }
            break
          }
          case "read":
            yield* this.#read(client, step)
            break
          case "top":
            yield* Effect.ignore(this.#store.reads.top({ fromHour: 0, untilHour: 1, limit: 1 }))
            break
          case "ask":
            yield* this.#ask(client, step.question, ways[engine])
            break
          case "consume":
            yield* subscriber.consume(client, step.limit, step.vanish === true)
            break
          case "pause":
            yield* Effect.sleep(step.millis)
        }
        yield* Effect.yieldNow
      }
    })
  }

  livingWay(ways: Array<Way>, engine: number): Effect.Effect<Way, never, Scope.Scope> {
    return Effect.suspend(() => {
      const way = ways[engine]
      if (way !== undefined && !way.caller.dead) return Effect.succeed(way)
      return Effect.tap(this.newWay(engine, true), (restarted) =>
        Effect.sync(() => {
          ways[engine] = restarted
        }),
      )
    })
  }

  callAll(
    client: number,
    planned: ReadonlyArray<PlannedCall>,
    {
      deadlineMillis = 10_000,
      lateMillis = 0,
      agoMillis = 0,
      leaveAfterMillis,
    }: Partial<Extract<Step, { readonly do: "call" }>>,
    way: Way,
    again = false,
  ): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const start = this.next()
      this.#asked.set(client, { start, calls: planned })
      const commands: Array<Command> = []
      for (const each of planned) commands.push(yield* this.#command(each, deadlineMillis, agoMillis))
      // Between a client and its store is a way, also where the store itself is one step.
      yield* lateMillis > 0 ? Effect.sleep(lateMillis) : Effect.yieldNow
      const replies = yield* way.call(commands, leaveAfterMillis)
      yield* Effect.yieldNow
      const end = this.next()
      this.#asked.delete(client)
      planned.forEach((each, index) => {
        const command = commands[index]
        if (command === undefined) return
        const reply = replies[index] ?? ({ _tag: "Crashed" } as const)
        const { id, key, fingerprint, at, deadline } = command
        const tampered = this.#options.tampering?.reply?.(reply, command) ?? reply
        const op = { client, planned: each, commandId: id, key, fingerprint, at, deadline, again, start, end }
        this.ops.push({ ...op, reply: tampered })
      })
    })
  }

  #command(planned: PlannedCall, deadlineMillis: number, agoMillis: number): Effect.Effect<Command> {
    return Effect.gen({ self: this }, function* () {
      const { prefix } = this.#options
      const number = String(this.#commands++).padStart(26 - prefix.length, "0")
      const id = `${prefix}${number}`
      const now = this.#now()
      const at = now - agoMillis
      const stamp = { id, at, deadline: now + deadlineMillis, scope: prefix, key: planned.key ?? id }
      const input = prefixed(planned.input, prefix)
      const opens = this.#plan.opensOnCharge === true
      if (planned.order === undefined) return commandOf(planned.call, input, stamp, opens)
      const orderId = yield* this.#orderIdOf(planned.order)
      const command = commandOf(planned.call, { ...input, orderId }, stamp, opens)
      if (planned.call !== "orders.cancel") return command
      const facts = yield* Effect.orElseSucceed(this.#store.reads.order(OrderId.make(orderId)), () => undefined)
      // biome-ignore lint/plugin/casts: the request of a cancel is an object that carries the order's facts
      return { ...command, request: { ...(command.request as object), facts } }
    })
  }

  #orderIdOf(key: string): Effect.Effect<string> {
    const scope = ScopeName.make(this.#options.prefix)
    return this.#store.reads.receipt(scope, "orders.place", IdempotencyKey.make(key)).pipe(
      Effect.map((receipt) => String(receipt?.answer.orderId ?? "no-order")),
      Effect.orElseSucceed(() => "no-order"),
    )
  }

  #ask(client: number, question: Question, way: Way | undefined): Effect.Effect<void, StoreFault> {
    return Effect.gen({ self: this }, function* () {
      const own = this.ops.findLast(
        (op) => op.client === client && op.planned.call === "orders.place" && op.reply._tag === "Accepted",
      )
      const answer = own?.reply._tag === "Accepted" ? own.reply.answer : {}
      const orderId = "orderId" in answer ? String(answer.orderId) : undefined
      const asking = makeAsking(this.#store, this.#options.prefix, way?.isPending ?? (() => false), this.#now)
      const start = this.next()
      const told = yield* asking.ask(question, orderId)
      const end = this.next()
      if (told !== undefined) this.questions.push({ client, question, start, end, told })
    })
  }

  #read(client: number, { what, id }: Extract<Step, { readonly do: "read" }>): Effect.Effect<void, StoreFault> {
    return Effect.gen({ self: this }, function* () {
      const start = this.next()
      const seen = yield* this.#see(what, `${this.#options.prefix}-${id}`)
      this.reads.push({ client, what, id, start, end: this.next(), seen })
    })
  }

  #see(what: ReadOp["what"], id: string): Effect.Effect<ReadOp["seen"], StoreFault> {
    const { reads } = this.#store
    switch (what) {
      case "account":
        return Effect.map(
          reads.account(AccountId.make(id)),
          (found) => found && { position: found.seq, counter: found.balance },
        )
      case "product":
        return Effect.map(
          reads.products([ProductId.make(id)]),
          ([found]) => found && { position: found.revision, counter: found.onHand },
        )
      case "campaign":
        return Effect.map(
          reads.campaign(CampaignId.make(id)),
          (found) => found && { position: found.issued, counter: found.issued },
        )
    }
  }
}

const idFields: ReadonlySet<string> = new Set(["accountId", "productId", "campaignId"])

/** Input with the trial's prefix before every id that it names. */
const prefixed = (input: object, prefix: string): { readonly [field: string]: unknown } =>
  Object.fromEntries(
    Object.entries(input).map(([name, value]: readonly [string, unknown]) => {
      if (idFields.has(name)) return [name, `${prefix}-${value}`]
      if (!Array.isArray(value)) return [name, value]
      return [name, value.map((item: unknown) => (isObject(item) ? prefixed(item, prefix) : item))]
    }),
  )

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null
