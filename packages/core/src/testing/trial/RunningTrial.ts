/**
 * A trial under way: its clients, what they call, read and ask, and the processes that they call.
 */
import { Deferred, Effect, Fiber, type Scope } from "effect"
import type { Command } from "../../decision/Command.ts"
import { elapsedMillis } from "../../elapsed.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import { AccountId, CampaignId, IdempotencyKey, OrderId, ProductId, Scope as ScopeName } from "../../values.ts"
import { type Asking, makeAsking } from "./askServices.ts"
import { commandOf } from "./commands.ts"
import { type Decider, engineDecider, knowsNothing, storeDecider } from "./deciders.ts"
import type { FaultInjector } from "./faults.ts"
import type { Subscriber } from "./observeEvents.ts"
import type { Plan, PlannedCall, Question, Step } from "./Plan.ts"
import { type Caller, newCaller, type Outside, Process, runOutside } from "./Process.ts"
import type { Processes } from "./Processes.ts"
import type { Tampering } from "./Tampering.ts"
import { type AnsweredQuestion, type Glimpse, newGlimpse, type Op, type ReadOp } from "./Trial.ts"
import type { Delivering } from "./watchDelivery.ts"

export interface TrialOptions {
  /** What every id of this trial begins with, so that trials can share a store. */
  readonly prefix: string
  readonly tampering?: Tampering | undefined
  /** What gives every process connections of its own. Default: all share the store. */
  readonly processes?: ((store: StoreShape) => Processes | undefined) | undefined
  /** Ends the store as a crash would and opens it again, before what it holds is read. */
  readonly reopen?: ((store: StoreShape) => Effect.Effect<StoreShape, StoreFault, Scope.Scope>) | undefined
  /** Filled while the trial runs, for whoever looks at it before its end. */
  readonly glimpse?: Glimpse | undefined
}

export class RunningTrial {
  readonly ops: Array<Op>
  readonly reads: Array<ReadOp>
  readonly questions: Array<AnsweredQuestion> = []
  readonly #askings = new Map<Decider | undefined, Asking>()
  readonly #glimpse: Glimpse
  readonly #plan: Plan
  readonly #store: StoreShape
  readonly #injector: FaultInjector
  readonly #options: TrialOptions
  readonly #outside: Outside
  readonly #now: () => number
  readonly #processes: Processes | undefined
  delivering: Delivering | undefined
  #commands = 0

  constructor(
    plan: Plan,
    store: StoreShape,
    injector: FaultInjector,
    options: TrialOptions,
    outside: Outside,
    now: () => number,
  ) {
    this.#plan = plan
    this.#store = store
    this.#injector = injector
    this.#options = options
    this.#outside = outside
    this.#now = now
    this.#processes = options.processes?.(store)
    this.#glimpse = options.glimpse ?? newGlimpse()
    this.ops = this.#glimpse.ops
    this.reads = this.#glimpse.reads
  }

  /** The next position in the trial's one order of events. */
  next(): number {
    return this.#glimpse.position++
  }

  /** A process of its own in place of the `engine`th, or a client straight at the store. */
  newDecider(engine: number, restarted = false): Effect.Effect<Decider, never, Scope.Scope> {
    const { tampering } = this.#options
    if (this.#plan.way === "store") {
      const caller = newCaller()
      return Effect.map(this.#asSeenBy(caller), (store) => storeDecider(store, tampering, caller))
    }
    const fault = this.#plan.faults.find((each) => each.fault === "crash-at-step" && each.engine === engine)
    const process = new Process(this.#outside, restarted ? undefined : fault?.at, () =>
      this.#injector.met.push("crash-at-step"),
    )
    return Effect.flatMap(this.#asSeenBy(process), (store) => engineDecider(store, tampering, process, this.delivering))
  }

  /** Every process has connections of its own where the adapter has such, and they are cut when it ends. */
  #asSeenBy(caller: Caller): Effect.Effect<StoreShape> {
    const seen =
      this.#processes === undefined
        ? Effect.sync(() => this.#injector.for(caller))
        : Effect.map(this.#processes.connect, ({ store, cut }) => {
            runOutside(this.#outside, Effect.andThen(Deferred.await(caller.died), cut))
            return this.#injector.forOwn(caller, store)
          })
    return Effect.map(seen, (store) => this.#options.tampering?.store?.(store, this.#store) ?? store)
  }

  serve(
    client: number,
    steps: ReadonlyArray<Step>,
    deciders: Array<Decider>,
    engine: number,
    subscriber: Subscriber,
  ): Effect.Effect<void, StoreFault, Scope.Scope> {
    return Effect.gen({ self: this }, function* () {
      const before: Array<Fiber.Fiber<void>> = []
      for (const [index, step] of steps.entries()) {
        switch (step.do) {
          case "call": {
            const decider = yield* this.livingDecider(deciders, engine)
            const next = steps[index + 1]
            if (next?.do === "call" && next.behind === true) {
              before.push(
                yield* this.#untilPassed((passed) => this.callAll(client, step.calls, step, decider, false, passed)),
              )
              break
            }
            yield* this.callAll(client, step.calls, step, decider)
            // Whoever crashed comes back and asks again, under the same keys.
            if (decider.caller.dead) {
              const keyed = step.calls.filter(({ key }) => key !== undefined)
              if (keyed.length > 0)
                yield* this.callAll(client, keyed, {}, yield* this.livingDecider(deciders, engine), true)
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
            yield* this.#ask(client, step.question, deciders[engine])
            break
          case "consume":
            yield* subscriber.consume(client, step.limit, step.vanish === true)
            break
          case "register":
            yield* subscriber.register
            break
          case "pause":
            yield* Effect.sleep(step.millis)
        }
        yield* Effect.yieldNow
      }
      yield* Fiber.awaitAll(before)
    })
  }

  /** Starts a call, and goes on when the next one may follow it or it is answered. */
  #untilPassed(call: (passed: () => void) => Effect.Effect<void>): Effect.Effect<Fiber.Fiber<void>> {
    return Effect.gen(function* () {
      const passed = Deferred.makeUnsafe<void>()
      const pass = (): void => void Deferred.doneUnsafe(passed, Effect.void)
      const fiber = yield* Effect.forkDetach(Effect.ensuring(call(pass), Effect.sync(pass)))
      yield* Deferred.await(passed)
      return fiber
    })
  }

  livingDecider(deciders: Array<Decider>, engine: number): Effect.Effect<Decider, never, Scope.Scope> {
    return Effect.suspend(() => {
      const decider = deciders[engine]
      if (decider !== undefined && !decider.caller.dead) return Effect.succeed(decider)
      return Effect.tap(this.newDecider(engine, true), (restarted) =>
        Effect.sync(() => {
          deciders[engine] = restarted
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
    decider: Decider,
    again = false,
    passed?: () => void,
  ): Effect.Effect<void> {
    return Effect.gen({ self: this }, function* () {
      const start = this.next()
      this.#glimpse.asked.set(client, { start, calls: planned })
      const commands: Array<Command> = []
      for (const each of planned) commands.push(yield* this.#command(each, deadlineMillis, agoMillis))
      // Between a client and its store is a connection, also where the store itself is one step.
      yield* lateMillis > 0 ? Effect.sleep(lateMillis) : Effect.yieldNow
      // By its stamps a call of long ago has so much more time.
      const endsAt = (yield* elapsedMillis) + agoMillis + deadlineMillis
      const replies = yield* decider.call(commands, leaveAfterMillis, passed)
      yield* Effect.yieldNow
      const end = this.next()
      this.#glimpse.asked.delete(client)
      planned.forEach((each, index) => {
        const command = commands[index]
        if (command === undefined) return
        const reply = replies[index] ?? ({ _tag: "Crashed" } as const)
        const { id, key, fingerprint, at, deadline } = command
        const tampered = this.#options.tampering?.reply?.(reply, command) ?? reply
        const op = { client, planned: each, commandId: id, key, fingerprint, at, deadline, endsAt, again, start, end }
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

  /** The services of a process, made once. */
  #askingOf(decider: Decider | undefined): Asking {
    const made = this.#askings.get(decider)
    if (made !== undefined) return made
    const asking = makeAsking(this.#asSharedAsItIs, this.#options.prefix, decider?.knows ?? knowsNothing, this.#now)
    this.#askings.set(decider, asking)
    return asking
  }

  /**
   * Processes that share a store in memory here, or come after each other, would share one of many machines elsewhere. One
   * that has a store of many machines to itself may be told at once what nobody else can make false.
   */
  get #asSharedAsItIs(): StoreShape {
    const { engines = 1, faults } = this.#plan
    const shared = engines > 1 || faults.some(({ fault }) => fault.startsWith("crash"))
    const { guarantees } = this.#store
    return { ...this.#store, guarantees: { ...guarantees, scope: shared ? "many machines" : "one process" } }
  }

  #ask(client: number, question: Question, decider: Decider | undefined): Effect.Effect<void, StoreFault> {
    return Effect.gen({ self: this }, function* () {
      const own = this.ops.findLast(
        (op) => op.client === client && op.planned.call === "orders.place" && op.reply._tag === "Accepted",
      )
      const answer = own?.reply._tag === "Accepted" ? own.reply.answer : {}
      const orderId = "orderId" in answer ? String(answer.orderId) : undefined
      const asking = this.#askingOf(decider)
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
