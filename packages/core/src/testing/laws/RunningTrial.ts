/**
 * A trial under way: its clients, what they call, read and ask, and the processes that they call.
 */
import { Effect, type Scope } from "effect"
import type { Command } from "../../decision/Command.ts"
import type { StoreFault, StoreShape } from "../../ports/Store.ts"
import { AccountId, CampaignId, IdempotencyKey, OrderId, ProductId, Scope as ScopeName } from "../../values.ts"
import { type Asking, makeAsking } from "./asking.ts"
import { commandOf } from "./commands.ts"
import type { Delivering } from "./delivering.ts"
import type { Door } from "./faults.ts"
import type { Subscriber } from "./observeEvents.ts"
import type { Plan, PlannedCall, Question, Step } from "./Plan.ts"
import { type Caller, newCaller, type Outside, Process } from "./Process.ts"
import type { RunPlanOptions } from "./runPlan.ts"
import { type Asked, type Glimpse, newGlimpse, type Op, type ReadOp } from "./Trial.ts"
import { engineWay, storeWay, type Way } from "./ways.ts"

export class RunningTrial {
  readonly ops: Array<Op>
  readonly reads: Array<ReadOp>
  readonly questions: Array<Asked> = []
  readonly #askings = new Map<Way | undefined, Asking>()
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

  /** The services of a process, made once. */
  #askingOf(way: Way | undefined): Asking {
    const made = this.#askings.get(way)
    if (made !== undefined) return made
    const asking = makeAsking(this.#store, this.#options.prefix, way?.isPending ?? (() => false), this.#now)
    this.#askings.set(way, asking)
    return asking
  }

  #ask(client: number, question: Question, way: Way | undefined): Effect.Effect<void, StoreFault> {
    return Effect.gen({ self: this }, function* () {
      const own = this.ops.findLast(
        (op) => op.client === client && op.planned.call === "orders.place" && op.reply._tag === "Accepted",
      )
      const answer = own?.reply._tag === "Accepted" ? own.reply.answer : {}
      const orderId = "orderId" in answer ? String(answer.orderId) : undefined
      const asking = this.#askingOf(way)
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
