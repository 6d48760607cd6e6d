/**
 * Runs one plan on a store, and answers everything that the laws look at.
 *
 * The same program runs under simulation and live: it takes time from the clock it is given and starts a fiber for each
 * client. Two ways of calling the store are the business of `storeWay` and `engineWay`.
 */
import { Clock, Effect, References, Scheduler, type Scope } from "effect"
import { runAudit } from "../../audit/runAudit.ts"
import type { StoreFault, StoreShape } from "../../ports/Store.ts"
import { makeDelivering } from "./delivering.ts"
import { Door } from "./faults.ts"
import { observeEvents } from "./observeEvents.ts"
import type { Plan } from "./Plan.ts"
import { RunningTrial } from "./RunningTrial.ts"
import { auditSource, readSnapshot } from "./snapshot.ts"
import type { Tampering } from "./Tampering.ts"
import type { Glimpse, TrialRecord } from "./Trial.ts"
import { topOf } from "./topOf.ts"
import { storeWay, type Way } from "./ways.ts"

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
