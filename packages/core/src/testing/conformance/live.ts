/**
 * Live trials: clients side by side in real time against the real store.
 *
 * One store serves all trials, kept apart by the prefixes of their ids. Everything is bounded: opening it, each trial,
 * closing it. After a trial that came to no end the store is given up and opened anew, since nobody knows what still hangs
 * in it; after a few of them the run ends.
 */
import { Cause, Clock, Context, Effect, Exit, Fiber, Layer, Option, Scope } from "effect"
import { Store, type StoreFault, type StoreShape } from "../../ports/Store.ts"
import { SubscriptionName } from "../../values.ts"
import type { Plan } from "../laws/Plan.ts"
import { runPlan } from "../laws/runPlan.ts"
import { newGlimpse } from "../laws/Trial.ts"
import { JumpingClock } from "../sim/JumpingClock.ts"
import type { Adapter, Attempt } from "./Adapter.ts"

/** How long a store may take to open, a trial to end, and a store to close, in milliseconds. */
export interface LiveLimits {
  readonly openMillis: number
  readonly trialMillis: number
  readonly closeMillis: number
}

const usualLimits: LiveLimits = { openMillis: 60_000, trialMillis: 20_000, closeMillis: 10_000 }

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
  // Of one width, so that no trial's prefix begins another's; the time keeps runs on a durable store apart.
  const run = (yield* Clock.currentTimeMillis).toString(36).padStart(9, "0")
  let session: { readonly store: StoreShape; readonly scope: Scope.Closeable } | undefined
  let trouble: string | undefined
  let trials = 0
  let endless = 0

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
    const why = exit === undefined ? `It had not opened after ${limits.openMillis} ms.` : Cause.pretty(exit.cause)
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
    if (store === undefined) return { ...attempted, record: undefined, trouble }
    const trial = Effect.scoped(
      runPlan(plan, store, { prefix, tampering: adapter.tampering, reopen: adapter.reopen, glimpse }),
    )
    const clock = new JumpingClock(yield* Clock.Clock)
    const exit = yield* within(Effect.provideService(trial, Clock.Clock, clock), limits.trialMillis)
    if (exit !== undefined && Exit.isSuccess(exit)) return { ...attempted, record: exit.value, trouble: undefined }
    if (exit === undefined) {
      yield* close
      if (++endless >= mostEndless) trouble = `${endless} trials came to no end: no more were run.`
      return { ...attempted, record: undefined, trouble: `The trial had not ended after ${limits.trialMillis} ms.` }
    }
    // A subscription that nobody serves would keep events for ever.
    yield* within(store.outbox.unregister(SubscriptionName.make(`${prefix}-events`)), limits.closeMillis)
    return { ...attempted, record: undefined, trouble: Cause.pretty<StoreFault>(exit.cause) }
  })

  yield* Effect.addFinalizer(() => close)
  return { attempt, trouble: () => trouble }
})

/**
 * Waits so long for something to end, and no longer: what does not heed its interruption is left behind. Undefined where
 * it had not ended.
 */
const within = <A, E>(effect: Effect.Effect<A, E>, millis: number): Effect.Effect<Exit.Exit<A, E> | undefined> =>
  Effect.flatMap(Effect.forkDetach(effect), (fiber) => {
    const giveUp = Effect.sync(() => fiber.interruptUnsafe())
    return Effect.timeoutOption(Fiber.await(fiber), millis).pipe(
      Effect.onInterrupt(() => giveUp),
      Effect.flatMap((ended) => (Option.isSome(ended) ? Effect.succeed(ended.value) : Effect.as(giveUp, undefined))),
    )
  })
