/**
 * What is put to the test: an adapter's layer and what it claims; and one trial of it.
 */
import { Cause, Context, Effect, Exit, Layer } from "effect"
import { type Guarantees, Store, type StoreFault } from "../../ports/Store.ts"
import { broken, type Law, type Violation } from "../laws/Law.ts"
import type { Plan } from "../laws/Plan.ts"
import { runPlan, type Tampering } from "../laws/runPlan.ts"
import type { TrialRecord } from "../laws/Trial.ts"
import { run, type Trial } from "../sim/Sim.ts"
import type { Strategy, Tape } from "../sim/strategies.ts"

/** An adapter under test. */
export interface Adapter {
  /** What it is called in reports. */
  readonly name: string
  /** Each build must give a working store. Simulated trials build one each; live trials share one. */
  readonly layer: Layer.Layer<Store, StoreFault>
  /** What the adapter exports as its claims. */
  readonly guarantees: Guarantees
  /**
   * `simulated`: the store waits for no promise, so schedules are chosen, replayed and shrunk. `live` (default): clients run
   * side by side in real time against the real thing.
   */
  readonly runs?: "simulated" | "live" | undefined
  /** Only for kits that test themselves: what a broken engine does. */
  readonly tampering?: Tampering | undefined
}

/** What became of one trial. */
export interface Attempt {
  readonly plan: Plan
  readonly tape: Tape
  readonly seed: number
  /** Undefined where the trial came to no end, or the store could not be read. */
  readonly record: TrialRecord | undefined
  /** Why there is no record. */
  readonly trouble: string | undefined
}

/** A law that a trial broke. */
export interface Breach {
  readonly law: Law
  readonly violation: Violation
}

/** Runs one plan on a fresh store under one schedule of the strategy. */
export const simulate = (adapter: Adapter, plan: Plan, strategy: Strategy, seed: number): Attempt => {
  const program = Effect.flatMap(Layer.build(adapter.layer), (context) =>
    runPlan(plan, Context.get(context, Store), { prefix: "t0", tampering: adapter.tampering }),
  )
  const trial = run(program, { strategy, preempt: "yields", seed, maxSteps: 200_000 })
  return { plan, seed, tape: trial.tape, ...recordOf(trial) }
}

const recordOf = ({ exit, stuck }: Trial<TrialRecord, StoreFault>): Pick<Attempt, "record" | "trouble"> => {
  if (exit === undefined) return { record: undefined, trouble: stuck?.message }
  return Exit.isSuccess(exit)
    ? { record: exit.value, trouble: undefined }
    : { record: undefined, trouble: Cause.pretty(exit.cause) }
}

/** The law that stands for trials that come to no end: every call is answered. */
const livenessId = "STK-07"

/** The first of these laws that an attempt broke. A trial without an end breaks the law that every call is answered. */
export const breachOf = (attempt: Attempt, laws: ReadonlyArray<Law>): Breach | undefined => {
  const { record, trouble } = attempt
  if (record === undefined) {
    const law = laws.find(({ id }) => id === livenessId) ?? laws[0]
    return law && { law, violation: broken(trouble ?? "The trial came to no end.") }
  }
  for (const law of laws) {
    const violation = law.check(record)
    if (violation !== undefined) return { law, violation }
  }
  return undefined
}
