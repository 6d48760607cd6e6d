/**
 * What the delivery tests share: the memory outbox with a commit to call, stores that fail on order, and a log of what a
 * handler saw.
 */
import { Clock, Duration, Effect, type Scope } from "effect"
import { TestClock } from "effect/testing"
import { Pulse } from "../../src/delivery/Pulse.ts"
import { makeSubscriptions, type Subscriptions, type SubscriptionsOptions } from "../../src/delivery/Subscriptions.ts"
import type { Event } from "../../src/events/Event.ts"
import { MemoryOutbox, outboxOf } from "../../src/memory/MemoryOutbox.ts"
import { atOnce, type Step } from "../../src/memory/step.ts"
import type { Outbox, StoreFault } from "../../src/ports/index.ts"
import { type CommandId, SubscriptionName } from "../../src/values.ts"

export const name = SubscriptionName.make("projection")

/** The `number`th event of a test. `data.n` tells events of one key apart. */
export const event = (number: number, key: string): Event => ({
  id: String(number).padStart(26, "0") as CommandId,
  type: "points.charged",
  version: 1,
  occurredAt: number,
  aggregate: { type: "account", id: key },
  key,
  data: { n: number },
})

export const events = (count: number, keys: number): ReadonlyArray<Event> =>
  Array.from({ length: count }, (_, index) => event(index + 1, `key-${index % keys}`))

export interface Shop {
  readonly outbox: Outbox
  readonly changed: Effect.Effect<void>
  readonly commit: (events: ReadonlyArray<Event>) => Effect.Effect<void>
  /** The store takes the lease of a name from its owner, and gives it up. */
  readonly stealLease: (name: SubscriptionName) => Effect.Effect<void>
}

export const makeShop = (step: Step = atOnce): Shop => {
  const memory = new MemoryOutbox()
  const pulse = new Pulse()
  return {
    outbox: outboxOf(memory, step),
    changed: Effect.suspend(() => pulse.next),
    commit: (committed) =>
      Effect.sync(() => {
        memory.append(committed)
        pulse.beat()
      }),
    stealLease: (stolen) =>
      Effect.sync(() => {
        const lease = memory.lease(stolen, "thief", Number.MAX_SAFE_INTEGER, 0)
        if (lease !== undefined) memory.release(lease)
      }),
  }
}

export const subscriptionsOf = (
  shop: Shop,
  options: Partial<SubscriptionsOptions> = {},
): Effect.Effect<Subscriptions, never, Scope.Scope> =>
  makeSubscriptions({ outbox: shop.outbox, changed: shop.changed, owner: "this process", ...options })

/** Lets every other fiber run as far as it gets without time passing. */
export const runOn: Effect.Effect<void> = Effect.forEach(Array.from({ length: 200 }), () => Effect.yieldNow, {
  discard: true,
})

/** Lets everything begin to wait, then time pass, then everything run on. */
export const pass = (duration: Duration.Input): Effect.Effect<void> =>
  Effect.andThen(Effect.andThen(runOn, TestClock.adjust(duration)), runOn)

/** The same outbox, whose calls of one kind fail while `left` is above 0. */
export const failing = (outbox: Outbox, which: keyof Outbox, left: { times: number }): Outbox => {
  const guard = <A, E>(call: Effect.Effect<A, E>): Effect.Effect<A, E | StoreFault> =>
    Effect.suspend((): Effect.Effect<A, E | StoreFault> => {
      if (left.times <= 0) return call
      left.times -= 1
      return Effect.fail({ _tag: "Lost", reason: `${which} was lost` })
    })
  return {
    ...outbox,
    ...(which === "claim" ? { claim: (...input) => guard(outbox.claim(...input)) } : {}),
    ...(which === "acknowledge" ? { acknowledge: (...input) => guard(outbox.acknowledge(...input)) } : {}),
    ...(which === "lease"
      ? {
          lease: (...input) => guard(outbox.lease(...input)),
          renew: (...input) => guard(outbox.renew(...input)),
        }
      : {}),
    ...(which === "park" ? { park: (...input) => guard(outbox.park(...input)) } : {}),
    ...(which === "release" ? { release: (...input) => guard(outbox.release(...input)) } : {}),
  }
}

/** What a handler saw, and when. */
export class Seen {
  readonly all: Array<{ readonly event: Event; readonly at: number }> = []
  readonly record = (seen: Event): Effect.Effect<void> =>
    Effect.map(Clock.currentTimeMillis, (at) => {
      this.all.push({ event: seen, at })
    })
  get numbers(): ReadonlyArray<unknown> {
    return this.all.map((one) => one.event.data.n)
  }
  ofKey(key: string): ReadonlyArray<unknown> {
    return this.all.filter((one) => one.event.key === key).map((one) => one.event.data.n)
  }
}

export const numbersOf = (all: ReadonlyArray<Event>, key?: string): ReadonlyArray<unknown> =>
  all.filter((one) => key === undefined || one.key === key).map((one) => one.data.n)

/** Runs with a clock that counts the fibers which sleep right now. */
export const countingSleepers = <A, E, R>(
  use: (sleepers: () => number) => Effect.Effect<A, E, R>,
): Effect.Effect<A, E, R> =>
  Effect.flatMap(Effect.clockWith(Effect.succeed), (clock) => {
    let sleeping = 0
    // Everything else, such as TestClock's own methods, is the clock's.
    const counting: Clock.Clock = {
      ...clock,
      sleep: (duration) =>
        Duration.toMillis(duration) <= 0
          ? Effect.void
          : Effect.acquireUseRelease(
              Effect.sync(() => {
                sleeping += 1
              }),
              () => clock.sleep(duration),
              () =>
                Effect.sync(() => {
                  sleeping -= 1
                }),
            ),
    }
    return Effect.provideService(
      use(() => sleeping),
      Clock.Clock,
      counting,
    )
  })
