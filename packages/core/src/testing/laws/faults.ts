/**
 * What can go wrong at a store's door, as a wrapper around any store. The store itself stays whole: requests and replies
 * are lost, callers end, keys are held, the store is slow.
 */
import { Clock, Effect, Fiber } from "effect"
import type { Decided } from "../../decision/fold.ts"
import type { Keys, Records } from "../../decision/Records.ts"
import { kindNames, kinds, type Outbox, type StoreFault, type StoreShape } from "../../ports/Store.ts"
import { keyText } from "../../values.ts"
import { jumpClock } from "../sim/Sim.ts"
import type { Fault } from "./Plan.ts"
import { type Caller, type Outside, runOutside } from "./Process.ts"

type DeliveryCall = Extract<Fault, { readonly fault: "lose-delivery-call" }>["call"]

/** The door of one store: counts what passes, and disturbs it as planned. */
export class Door {
  readonly #store: StoreShape
  readonly #faults: ReadonlyArray<Fault>
  readonly #outside: Outside
  readonly #heldUntil = new Map<string, number>()
  #transacts = 0
  readonly #deliveryCalls = new Map<DeliveryCall, number>()
  readonly #underWay = new Set<Fiber.Fiber<unknown, unknown>>()
  /** The faults that found something to disturb. */
  readonly met: Array<string> = []
  /** When each accepted command was last decided, by command id. */
  readonly decidedAt = new Map<string, number>()

  constructor(store: StoreShape, faults: ReadonlyArray<Fault>, outside: Outside) {
    this.#store = store
    this.#faults = faults
    this.#outside = outside
  }

  /** The store as one caller sees it. Once the caller is dead nothing it asked for is answered any more. */
  for(caller: Caller): StoreShape {
    return {
      ...this.#store,
      transact: (keys, decide) => this.#whileAlive(caller, this.#transact(caller, keys, decide)),
      outbox: this.#outboxFor(caller),
    }
  }

  #outboxFor(caller: Caller): Outbox {
    const { outbox } = this.#store
    const asked = <A>(call: DeliveryCall, effect: Effect.Effect<A, StoreFault>) =>
      this.#whileAlive(caller, this.#delivery(call, effect))
    return {
      ...outbox,
      lease: (lease, now, leaseMillis) => asked("lease", outbox.lease(lease, now, leaseMillis)),
      claim: (lease, after, limit) => asked("claim", outbox.claim(lease, after, limit)),
      acknowledge: (lease, positions) => asked("acknowledge", outbox.acknowledge(lease, positions)),
      park: (lease, position, reason, now) => asked("park", outbox.park(lease, position, reason, now)),
      register: (name) => this.#whileAlive(caller, outbox.register(name)),
      release: (lease) => this.#whileAlive(caller, outbox.release(lease)),
      depth: (name) => this.#whileAlive(caller, outbox.depth(name)),
    }
  }

  #delivery<A>(call: DeliveryCall, asked: Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreFault> {
    return Effect.suspend(() => {
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

  /** Completes when nothing that anybody asked for is under way. */
  get settled(): Effect.Effect<void> {
    return Effect.suspend(() => Effect.asVoid(Fiber.awaitAll(this.#underWay)))
  }

  #transact<A>(caller: Caller, keys: Keys, decide: (records: Records) => Decided<A>): Effect.Effect<A, StoreFault> {
    return Effect.gen({ self: this }, function* () {
      const clock = yield* Clock.Clock
      const at = ++this.#transacts
      const watched = (records: Records): Decided<A> => this.#watch(decide(records), clock)
      const faults = this.#faults.filter((each) => atTransacts(each) && each.at === at)
      for (const fault of faults) yield* this.#before(fault, caller, keys)
      const held = this.#held(keys, clock)
      if (held !== undefined) return yield* Effect.fail<StoreFault>({ _tag: "Busy", keys: [held] })
      const answer = yield* this.#store.transact(keys, watched)
      for (const fault of faults) yield* this.#after(fault, caller)
      return answer
    })
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
        return keys.of("receipt").length > 1
          ? Effect.fail<StoreFault>({ _tag: "Rejected", reason: "the statements were refused" })
          : Effect.void
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
  #whileAlive<A>(caller: Caller, asked: Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreFault> {
    return Effect.suspend(() => {
      if (caller.dead) return Effect.never
      const fiber = runOutside(this.#outside, asked)
      this.#underWay.add(fiber)
      fiber.addObserver(() => this.#underWay.delete(fiber))
      return Effect.flatMap(Fiber.await(fiber), (exit) => (caller.dead ? Effect.never : exit))
    })
  }

  #watch<A>(decided: Decided<A>, clock: Clock.Clock): Decided<A> {
    const now = clock.currentTimeMillisUnsafe()
    for (const { after } of decided.changes?.puts.receipt ?? []) this.decidedAt.set(after.commandId, now)
    return {
      ...decided,
      again: () => {
        const again = decided.again()
        return again && { keys: again.keys, decide: (records) => this.#watch(again.decide(records), clock) }
      },
    }
  }

  #held(keys: Keys, clock: Clock.Clock) {
    if (this.#heldUntil.size === 0) return undefined
    const now = elapsed(clock)
    for (const kind of kindNames) {
      for (const key of keys.of(kind)) {
        const until = this.#heldUntil.get(keyText([kind, ...key]))
        if (until !== undefined && now < until) return { kind, key }
      }
    }
    return undefined
  }
}

const textsOf = (keys: Keys): ReadonlyArray<string> =>
  kindNames.flatMap((kind) => (kinds[kind].locked ? keys.of(kind).map((key) => keyText([kind, ...key])) : []))

// How long somebody holds a key is no matter of what time the wall clock shows.
const elapsed = (clock: Clock.Clock): number => Number(clock.monotonicTimeNanosUnsafe() / 1_000_000n)

/** Whether a fault's `at` counts transacts. */
const atTransacts = ({ fault }: Fault): boolean =>
  fault !== "lose-acknowledgement" && fault !== "lose-delivery-call" && fault !== "crash-at-step"

const endOf = (caller: Caller): Effect.Effect<never, StoreFault> =>
  Effect.andThen(Effect.sync(caller.end), Effect.fail(lost("the process ended")))

const lost = (reason: string): StoreFault => ({ _tag: "Lost", reason })
