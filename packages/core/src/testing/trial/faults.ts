/**
 * What can go wrong between callers and a store, as a wrapper around any store. The store itself stays whole: requests and replies
 * are lost, or done later than their callers wait for; callers end, keys are held, the store is slow.
 */

import { Clock, Effect, type Exit, Fiber } from "effect"
import type { Decided } from "../../decision/fold.ts"
import type { Keys, Records } from "../../decision/Records.ts"
import { kindNames, kinds, type Outbox, type StoreFault, type StoreShape, type Turn } from "../../ports/index.ts"
import { textOfKey } from "../../transact/StoreFault.ts"
import { jumpClock } from "../sim/Sim.ts"
import { type Moment, momentOf } from "./Moment.ts"
import type { Fault, FrameFault } from "./Plan.ts"
import { type Caller, type Outside, runOutside } from "./Process.ts"

type DeliveryCall = Extract<Fault, { readonly fault: "lose-delivery-call" }>["call"]

/** A request that goes on without its caller. */
interface Outliving {
  readonly fiber: Fiber.Fiber<unknown, unknown>
  readonly ends: boolean
  /** The store has begun with it, and can only be waited for. */
  began: boolean
}

/** Stands before one store: counts what passes, and disturbs it as planned. */
export class FaultInjector {
  readonly #store: StoreShape
  readonly #faults: ReadonlyArray<Fault>
  readonly #outside: Outside
  readonly #heldUntil = new Map<string, number>()
  #transacts = 0
  readonly #deliveryCalls = new Map<DeliveryCall, number>()
  readonly #underWay = new Set<Fiber.Fiber<unknown, unknown>>()
  readonly #outliving = new WeakMap<object, Outliving>()
  /** The faults that found something to disturb. */
  readonly met: Array<string> = []
  /** Calls whose requests went on without their callers, by operation and key. */
  readonly outlived = new Set<string>()
  /** When each accepted command was last decided, by command id. */
  readonly decidedAt = new Map<string, Moment>()
  /** Commands of which the store said that nothing happened, and those that may have happened by what it said, by id. */
  readonly #denied = new Set<string>()
  readonly #possible = new Set<string>()

  constructor(store: StoreShape, faults: ReadonlyArray<Fault>, outside: Outside) {
    this.#store = store
    this.#faults = faults
    this.#outside = outside
  }

  /** The store as one caller sees it. Once the caller is dead nothing it asked for is answered any more. */
  for(caller: Caller): StoreShape {
    return {
      ...this.#store,
      transact: (keys, decide, turn) =>
        this.#whileAlive(caller, this.#transact(this.#store, caller, keys, decide, turn)),
      settle: (attempt) => this.#whileAlive(caller, this.#settle(this.#store, attempt)),
      outbox: this.#outboxFor(caller),
    }
  }

  /** The store of a process that has connections of its own: what it does there ends with it, step by step. */
  forOwn(caller: Caller, own: StoreShape): StoreShape {
    return {
      ...own,
      transact: (keys, decide, turn) => this.#transact(own, caller, keys, decide, turn),
      settle: (attempt) => this.#settle(own, attempt),
      outbox: this.#outboxFor(caller),
    }
  }

  #outboxFor(caller: Caller): Outbox {
    const { outbox } = this.#store
    const asked = <A, E>(call: DeliveryCall, effect: Effect.Effect<A, E>) =>
      this.#whileAlive(caller, this.#delivery(call, effect))
    return {
      ...outbox,
      lease: (name, owner, leaseMillis) => asked("lease", outbox.lease(name, owner, leaseMillis)),
      renew: (lease, leaseMillis) => asked("lease", outbox.renew(lease, leaseMillis)),
      claim: (lease, after, limit) => asked("claim", outbox.claim(lease, after, limit)),
      reread: (lease, positions, bytes) => this.#whileAlive(caller, outbox.reread(lease, positions, bytes)),
      acknowledge: (lease, positions) => asked("acknowledge", outbox.acknowledge(lease, positions)),
      park: (lease, position, reason, now) => asked("park", outbox.park(lease, position, reason, now)),
      register: (name) => this.#whileAlive(caller, outbox.register(name)),
      release: (lease) => this.#whileAlive(caller, outbox.release(lease)),
      depth: (name) => this.#whileAlive(caller, outbox.depth(name)),
    }
  }

  #delivery<A, E>(call: DeliveryCall, asked: Effect.Effect<A, E>): Effect.Effect<A, E | StoreFault> {
    return Effect.suspend((): Effect.Effect<A, E | StoreFault> => {
      const at = (this.#deliveryCalls.get(call) ?? 0) + 1
      this.#deliveryCalls.set(call, at)
      for (const fault of this.#faults) {
        if (fault.fault === "lose-acknowledgement" && call === "acknowledge" && fault.at === at) {
          this.met.push(fault.fault)
          return Effect.fail(lost("the acknowledgement was lost"))
        }
        if (fault.fault === "lose-delivery-call" && fault.call === call && fault.at === at) {
          this.met.push(fault.fault)
          const unanswered = Effect.fail(lost(`the ${call} was lost`))
          return fault.done ? Effect.andThen(asked, unanswered) : unanswered
        }
      }
      return asked
    })
  }

  /**
   * Completes when nothing is under way any more that anybody had asked for. What is asked for meanwhile is not waited
   * for: subscriptions look all the time, and on a slow store one look or another is always under way.
   */
  get settled(): Effect.Effect<void> {
    return Effect.suspend(() => Effect.asVoid(Fiber.awaitAll(Array.from(this.#underWay))))
  }

  #transact<A>(
    store: StoreShape,
    caller: Caller,
    keys: Keys,
    decide: (records: Records) => Decided<A>,
    turn: Turn | undefined,
  ): Effect.Effect<A, StoreFault> {
    return Effect.gen({ self: this }, function* () {
      const clock = yield* Clock.Clock
      const at = ++this.#transacts
      const sent = new Set<string>()
      const watching = (ids: Set<string>) => (records: Records) => this.#watch(decide(records), clock, ids)
      const faults = this.#faults.filter((each) => atTransacts(each) && each.at === at)
      for (const fault of faults) {
        yield* fault.fault === "outlive"
          ? this.#outlive(store, fault, keys, watching(this.#possible))
          : this.#before(fault, caller, keys)
      }
      const held = this.#held(keys, clock)
      if (held !== undefined) return yield* Effect.fail<StoreFault>({ _tag: "Busy", keys: [held] })
      const answer = yield* Effect.onExit(store.transact(keys, watching(sent), turn), (exit) =>
        Effect.sync(() => {
          const told = saysNothingHappened(exit) ? this.#denied : this.#possible
          for (const id of sent) told.add(id)
        }),
      )
      for (const fault of faults) yield* this.#after(fault, caller)
      return answer
    })
  }

  // What a server was sent it does, whether its client hears of it or not.
  #outlive<A>(
    store: StoreShape,
    { millis, ends }: Extract<Fault, { readonly fault: "outlive" }>,
    keys: Keys,
    decide: (records: Records) => Decided<A>,
  ): Effect.Effect<never, StoreFault> {
    return Effect.suspend(() => {
      this.met.push("outlive")
      for (const [, operation, key] of keys.of("receipt")) this.outlived.add(`${operation} ${key}`)
      const begin = Effect.suspend(() => {
        outliving.began = true
        return store.transact(keys, decide)
      })
      const outliving: Outliving = {
        fiber: this.#goOn(Effect.andThen(Effect.sleep(millis), begin)),
        ends,
        began: false,
      }
      const attempt = {}
      this.#outliving.set(attempt, outliving)
      return Effect.fail(lost("the connection was cut", attempt))
    })
  }

  #settle(store: StoreShape, attempt: object): Effect.Effect<boolean, StoreFault> {
    const outliving = this.#outliving.get(attempt)
    if (outliving === undefined) return attempt instanceof Over ? yes : (store.settle?.(attempt) ?? no)
    const { fiber, ends, began } = outliving
    if (!ends) return no
    return Effect.andThen(began ? Fiber.await(fiber) : Fiber.interrupt(fiber), yes)
  }

  #before(fault: Fault, caller: Caller, keys: Keys): Effect.Effect<void, StoreFault> {
    if (fault.fault !== "lose-reply" && fault.fault !== "crash-after") this.met.push(fault.fault)
    switch (fault.fault) {
      case "lose-request":
        return Effect.fail(lost("the request was lost"))
      case "crash-before":
        return endOf(caller)
      case "slow":
        return Effect.sleep(fault.millis)
      case "busy":
        return Effect.clockWith((clock) =>
          Effect.sync(() => {
            for (const text of textsOf(keys).slice(0, 1)) this.#heldUntil.set(text, elapsed(clock) + fault.millis)
          }),
        )
      case "reject":
        return Effect.fail<StoreFault>({ _tag: "Rejected", reason: "the statements were refused" })
      case "clock-jump":
        return jumpClock(fault.millis)
      default:
        return Effect.void
    }
  }

  #after(fault: Fault, caller: Caller): Effect.Effect<void, StoreFault> {
    switch (fault.fault) {
      case "lose-reply":
        this.met.push(fault.fault)
        return Effect.fail(lost("the reply was lost"))
      case "crash-after":
        this.met.push(fault.fault)
        return endOf(caller)
      default:
        return Effect.void
    }
  }

  // What a caller has asked for goes on when the caller ends, as a statement on its way to a server does.
  #whileAlive<A, E>(caller: Caller, asked: Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.suspend((): Effect.Effect<A, E> => {
      if (caller.dead) return Effect.never
      const fiber = this.#goOn(asked)
      return Effect.flatMap(Fiber.await(fiber), (exit) => (caller.dead ? Effect.never : exit))
    })
  }

  #goOn<A, E>(asked: Effect.Effect<A, E>): Fiber.Fiber<A, E> {
    const fiber = runOutside(this.#outside, asked)
    this.#underWay.add(fiber)
    fiber.addObserver(() => this.#underWay.delete(fiber))
    return fiber
  }

  /** Commands that cannot have happened by all that the store said of them. */
  get denied(): ReadonlySet<string> {
    return new Set(Array.from(this.#denied).filter((id) => !this.#possible.has(id)))
  }

  #watch<A>(decided: Decided<A>, clock: Clock.Clock, sent: Set<string>): Decided<A> {
    const now = momentOf(clock)
    for (const { after } of decided.changes?.puts.receipt ?? []) {
      this.decidedAt.set(after.commandId, now)
      sent.add(after.commandId)
    }
    return {
      ...decided,
      again: () => {
        const again = decided.again()
        return again && { keys: again.keys, decide: (records) => this.#watch(again.decide(records), clock, sent) }
      },
    }
  }

  #held(keys: Keys, clock: Clock.Clock) {
    if (this.#heldUntil.size === 0) return undefined
    const now = elapsed(clock)
    for (const kind of kindNames) {
      for (const key of keys.of(kind)) {
        const until = this.#heldUntil.get(textOfKey({ kind, key }))
        if (until !== undefined && now < until) return { kind, key }
      }
    }
    return undefined
  }
}

/** Whether a store's answer is a fault of which all is undone. What was committed before it stands, and it says so. */
const saysNothingHappened = (exit: Exit.Exit<unknown, StoreFault>): boolean => {
  const [reason] = exit._tag === "Failure" ? exit.cause.reasons : []
  if (reason?._tag !== "Fail" || reason.error.committed !== undefined) return false
  return reason.error._tag !== "Lost" || reason.error.attempt === "nothing"
}

const textsOf = (keys: Keys): ReadonlyArray<string> =>
  kindNames.flatMap((kind) => (kinds[kind].locked ? keys.of(kind).map((key) => textOfKey({ kind, key })) : []))

// How long somebody holds a key is no matter of what time the wall clock shows.
const elapsed = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

/** Whether a fault is one of the frames that processes send. */
export const isOfFrames = (fault: Fault): fault is FrameFault =>
  fault.fault === "cut-frame" ||
  fault.fault === "hold-row" ||
  fault.fault === "cancel-wait" ||
  fault.fault === "promote"

/** Whether a fault's `at` counts transacts. */
const atTransacts = (fault: Fault): boolean =>
  fault.fault !== "lose-acknowledgement" &&
  fault.fault !== "lose-delivery-call" &&
  fault.fault !== "crash-at-step" &&
  !isOfFrames(fault)

const endOf = (caller: Caller): Effect.Effect<never, StoreFault> =>
  Effect.andThen(Effect.sync(caller.end), Effect.fail(lost("the process ended")))

/** What was lost and is over: it was done before, or never will be. */
class Over {}

const yes = Effect.succeed(true)
const no = Effect.succeed(false)

const lost = (reason: string, attempt: object = new Over()): StoreFault => ({ _tag: "Lost", reason, attempt })
