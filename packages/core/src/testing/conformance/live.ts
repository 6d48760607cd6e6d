/**
 * Live trials: clients side by side in real time against the real store.
 *
 * One store serves all trials, kept apart by the prefixes of their ids. Everything is bounded: opening it, each trial,
 * closing it. After a trial that came to no end the store is given up and opened anew, since nobody knows what still hangs
 * in it; after a few of them the run ends.
 *
 * How fast the store is, or the machine, decides nothing: a trial's times follow the pace of its store, and what ends a
 * trial is that nothing moves in it any more.
 */
import { Clock, Context, Effect, Exit, Fiber, Layer, Option, Scope } from "effect"
import { Store, type StoreFault, type StoreShape } from "../../ports/index.ts"
import { textOfCause } from "../../thrown.ts"
import { SubscriptionName } from "../../values.ts"
import { abandoning, within } from "../kit/inTime.ts"
import { JumpingClock } from "../sim/JumpingClock.ts"
import type { Plan } from "../trial/Plan.ts"
import { paced, paceOf } from "../trial/pace.ts"
import { runPlan } from "../trial/runPlan.ts"
import { type Glimpse, newGlimpse, type TrialRecord } from "../trial/Trial.ts"
import type { Adapter, Attempt } from "./Adapter.ts"

/** How long a store may take to open, a trial to stand still, and a store to close, in milliseconds. */
export interface LiveLimits {
  readonly openMillis: number
  readonly trialMillis: number
  readonly closeMillis: number
}

const usualLimits: LiveLimits = { openMillis: 120_000, trialMillis: 30_000, closeMillis: 60_000 }

/** A trial in which something moves all the time ends after so many times as long as it may stand still. */
const mostStills = 20

/** Trials without an end after which a run ends. */
const mostEndless = 3

export interface LiveStore {
  readonly attempt: (plan: Plan, seed: number) => Effect.Effect<Attempt>
  /** Why no more trials can be run; undefined while they can. */
  readonly trouble: () => string | undefined
}

/** Opens the store with its first trial, and closes it with the scope. */
export const makeLiveStore = Effect.fnUntraced(function* (
  adapter: Adapter,
  given: Partial<LiveLimits> = {},
): Effect.fn.Return<LiveStore, never, Scope.Scope> {
  const limits = { ...usualLimits, ...given }
  const { reopen } = adapter
  const real = yield* Clock.Clock
  // Of one width, so that no trial's prefix begins another's; the time keeps runs on a durable store apart.
  const run = real.currentTimeMillisUnsafe().toString(36).padStart(9, "0")
  let session: { readonly store: StoreShape; readonly scope: Scope.Closeable } | undefined
  let trouble: string | undefined
  let trials = 0
  let endless = 0
  let pace = 1

  const open = Effect.gen(function* () {
    if (session !== undefined) return session.store
    const scope = yield* Scope.make()
    const exit = yield* within(Layer.buildWithScope(adapter.layer, scope), limits.openMillis)
    if (exit !== undefined && Exit.isSuccess(exit)) {
      const store = Context.get(exit.value, Store)
      session = { store, scope }
      return store
    }
    yield* within(Scope.close(scope, Exit.void), limits.closeMillis)
    const why = exit === undefined ? `It had not opened after ${limits.openMillis} ms.` : textOfCause(exit.cause)
    trouble = `The store could not be built: ${why}`
    return undefined
  })

  const close = Effect.gen(function* () {
    const closing = session
    session = undefined
    if (closing === undefined) return
    const exit = yield* within(Scope.close(closing.scope, Exit.void), limits.closeMillis)
    if (exit === undefined) trouble ??= `The store had not closed after ${limits.closeMillis} ms.`
  })

  const attempt = Effect.fnUntraced(function* (plan: Plan, seed: number): Effect.fn.Return<Attempt> {
    const prefix = `t${run}${(trials++).toString(36).padStart(5, "0")}`
    const glimpse = newGlimpse()
    const attempted = { plan, seed, tape: [], decisions: [], glimpse, twice: false, nondeterminism: undefined }
    const store = yield* open
    if (store === undefined) return { ...attempted, record: undefined, trouble, unopened: true }
    const stopwatch = timed(store, plan.setup.length, real)
    const trial = Effect.scoped(
      runPlan(paced(plan, pace), stopwatch.store, {
        prefix,
        tampering: adapter.tampering,
        reopen: reopen && (() => reopen(store)),
        glimpse,
      }),
    )
    const clock = new JumpingClock(real)
    const exit = yield* whileMoving(Effect.provideService(trial, Clock.Clock, clock), glimpse, limits.trialMillis)
    pace = paceOf(stopwatch.callMillis())
    if (exit !== undefined && Exit.isSuccess(exit)) return { ...attempted, record: exit.value, trouble: undefined }
    if (exit === undefined) {
      yield* close
      if (++endless >= mostEndless) trouble = `${endless} trials came to no end: no more were run.`
      const why = `The trial came to no end: nothing had moved for ${limits.trialMillis} ms.`
      return { ...attempted, record: undefined, trouble: why }
    }
    // A subscription that nobody serves would keep events for ever.
    yield* within(store.outbox.unregister(SubscriptionName.make(`${prefix}-events`)), limits.closeMillis)
    return { ...attempted, record: undefined, trouble: textOfCause(exit.cause) }
  })

  yield* Effect.addFinalizer(() => close)
  return { attempt, trouble: () => trouble }
})

/** The store, and how long a call of a trial's set-up took on average: those come one by one, and nobody disturbs them. */
const timed = (store: StoreShape, calls: number, clock: Clock.Clock) => {
  let begun = 0
  let ended = 0
  let nanos = 0n
  const transact: StoreShape["transact"] = (keys, decide) => {
    const asked = store.transact(keys, decide)
    if (begun >= calls) return asked
    return Effect.suspend(() => {
      begun++
      const began = clock.monotonicTimeNanosUnsafe()
      return Effect.onExit(asked, () =>
        Effect.sync(() => {
          ended++
          nanos += clock.monotonicTimeNanosUnsafe() - began
        }),
      )
    })
  }
  return { store: { ...store, transact }, callMillis: () => Number(nanos / 1_000_000n) / Math.max(1, ended) }
}

/** Waits for a trial to end for as long as something moves in it. Undefined where it came to no end. */
const whileMoving = (trial: Effect.Effect<TrialRecord, StoreFault>, glimpse: Glimpse, stillMillis: number) =>
  abandoning(
    trial,
    Effect.fnUntraced(function* (fiber) {
      for (let stills = 0, before = -1; stills < mostStills && glimpse.position !== before; stills++) {
        before = glimpse.position
        const ended = yield* Effect.timeoutOption(Fiber.await(fiber), stillMillis)
        if (Option.isSome(ended)) return ended
      }
      return Option.none()
    }),
  )
