/**
 * Runs one plan on a store, and answers everything that the laws look at.
 *
 * The same program runs under simulation and live: it takes time from the clock it is given and starts a fiber for each
 * client. How a client calls the store is the business of `storeDecider` and `engineDecider`.
 */
import { Clock, Effect, References, Scheduler, Scope } from "effect"
import { runAudit } from "../../audit/runAudit.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import { type Decider, storeDecider } from "./deciders.ts"
import { FaultInjector, isOfFrames } from "./faults.ts"
import { observeEvents } from "./observeEvents.ts"
import type { Plan } from "./Plan.ts"
import { RunningTrial, type TrialOptions } from "./RunningTrial.ts"
import { auditSource, readSnapshot } from "./snapshot.ts"
import type { TrialRecord } from "./Trial.ts"
import { topOf } from "./topOf.ts"
import { makeDelivering } from "./watchDelivery.ts"

/** Runs the plan. Fails only where the store cannot be read when everything has ended. */
export const runPlan = (
  plan: Plan,
  store: StoreShape,
  options: TrialOptions,
): Effect.Effect<TrialRecord, StoreFault, Scope.Scope> =>
  // What goes wrong on purpose is no news.
  Effect.provideService(runLoudly(plan, store, options), References.MinimumLogLevel, "None")

const runLoudly = Effect.fnUntraced(function* (
  plan: Plan,
  store: StoreShape,
  options: TrialOptions,
): Effect.fn.Return<TrialRecord, StoreFault, Scope.Scope> {
  const clock = yield* Clock.Clock
  const outside = { services: yield* Effect.context<never>(), scheduler: yield* Scheduler.Scheduler }
  const injector = new FaultInjector(store, plan.faults, outside)
  const trial = new RunningTrial(plan, store, injector, options, outside, () => clock.currentTimeMillisUnsafe())
  const subscriber = yield* observeEvents(store, injector, options.prefix, () => trial.next(), plan.listens)
  const delivering =
    plan.delivery &&
    (yield* makeDelivering({
      plan: plan.delivery,
      store,
      prefix: options.prefix,
      tampering: options.tampering,
      outside,
      next: () => trial.next(),
      met: (fault) => injector.met.push(fault),
    }))
  trial.delivering = delivering
  for (const planned of plan.setup) yield* trial.callAll(-1, [planned], {}, storeDecider(store, options.tampering))
  const deciders: Array<Decider> = []
  for (let engine = 0; engine < (plan.engines ?? 1); engine++) deciders.push(yield* trial.newDecider(engine))
  const [first] = deciders
  if (first !== undefined) {
    for (const planned of plan.warmUp ?? []) yield* trial.callAll(-1, [planned], {}, first)
  }
  const processes = options.processes?.(store)
  processes?.disturb({
    faults: plan.faults.filter(isOfFrames),
    prefix: options.prefix,
    met: (fault) => injector.met.push(fault),
  })
  yield* Effect.forEach(
    plan.clients,
    (steps, client) => trial.serve(client, steps, deciders, client % deciders.length, subscriber),
    { concurrency: "unbounded", discard: true },
  )
  for (const decider of deciders) yield* decider.stop
  yield* injector.settled
  if (processes !== undefined) yield* processes.settled
  if (delivering !== undefined) {
    // Somebody serves the names until nothing waits: a process that goes on, or one that comes back.
    const revive = Effect.forEach(Array.from(deciders.keys()), (engine) => trial.livingDecider(deciders, engine), {
      discard: true,
    })
    // The scope of what comes back is the trial's.
    yield* delivering.endings(Effect.provideService(revive, Scope.Scope, yield* Effect.scope))
    yield* revive
    for (const decider of deciders) decider.live()
    yield* delivering.drain
    for (const decider of deciders) yield* decider.close
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
    lateNames: subscriber.lateNames,
    reopened: options.reopen !== undefined,
    delivery: delivering?.record,
    snapshot,
    // A trial may have moved the clock back: everything it wrote is compared.
    audit: yield* runAudit(auditSource(snapshot), { maxExamples: 3, asOf: Number.MAX_SAFE_INTEGER }),
    top: yield* topOf(opened, snapshot, now, options.prefix),
    decidedAt: injector.decidedAt,
    denied: injector.denied,
    outlived: injector.outlived,
    faultsMet: injector.met,
  }
})
