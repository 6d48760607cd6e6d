/**
 * What is put to the test: an adapter's layer and what it claims; and one trial of it.
 */
import { Context, Effect, Exit, Layer, type Scope } from "effect"
import { type Guarantees, Store, type StoreFault, type StoreShape } from "../../ports/index.ts"
import { textOfCause } from "../../thrown.ts"
import { broken, type Law, type Violation } from "../laws/Law.ts"
import { type Nondeterminism, run, runTwice, type Trial } from "../sim/Sim.ts"
import type { Decision } from "../sim/SimScheduler.ts"
import type { Strategy, Tape } from "../sim/strategies.ts"
import type { Plan } from "../trial/Plan.ts"
import type { Processes } from "../trial/Processes.ts"
import { runPlan } from "../trial/runPlan.ts"
import type { Tampering } from "../trial/Tampering.ts"
import { type Glimpse, newGlimpse, type TrialRecord } from "../trial/Trial.ts"

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
   * side by side in real time against the real thing, and what they write stays there: give it a schema of its own.
   */
  readonly runs?: "simulated" | "live" | undefined
  /**
   * Ends the store as a crash would (`kill -9` of its process) and opens what is left, once a trial when all was answered:
   * puts DUR-01 to the test. Answers the same store where that connects again by itself.
   */
  readonly reopen?: ((store: StoreShape) => Effect.Effect<StoreShape, StoreFault, Scope.Scope>) | undefined
  /**
   * Gives every process of a trial connections of its own to what the layer built, so that frames can be disturbed and
   * sessions outlive their processes. Default: processes share the store.
   */
  readonly processes?: ((store: StoreShape) => Processes | undefined) | undefined
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
  /** True where the store did not open: that is the run's trouble, and no law's. */
  readonly unopened?: boolean | undefined
  /** What was seen until then. */
  readonly glimpse: Glimpse
  /** The choices there were. None live. */
  readonly decisions: ReadonlyArray<Decision>
  /** Whether it was run again from its tape, and where it went otherwise then. */
  readonly twice: boolean
  readonly nondeterminism: Nondeterminism | undefined
}

/** A law that a trial broke. */
export interface Breach {
  readonly law: Law
  readonly violation: Violation
}

/** Runs one plan on a fresh store under the first schedule of the strategy; `twice` to see whether it replays. */
export const simulate = (adapter: Adapter, plan: Plan, strategy: Strategy, seed: number, twice = false): Attempt => {
  let glimpse = newGlimpse()
  const program = Effect.flatMap(Layer.build(adapter.layer), (context) => {
    glimpse = newGlimpse()
    return runPlan(plan, Context.get(context, Store), {
      prefix: "t0",
      tampering: adapter.tampering,
      reopen: adapter.reopen,
      processes: adapter.processes,
      glimpse,
    })
  })
  const options = { strategy, preempt: "yields", seed, maxSteps: 200_000 } as const
  const { first, nondeterminism } = twice
    ? runTwice(program, options)
    : { first: run(program, options), nondeterminism: undefined }
  return {
    plan,
    seed,
    tape: first.tape,
    decisions: first.decisions,
    glimpse,
    twice,
    nondeterminism,
    ...recordOf(first),
  }
}

const recordOf = ({ exit, stuck }: Trial<TrialRecord, StoreFault>): Pick<Attempt, "record" | "trouble"> => {
  if (exit === undefined) return { record: undefined, trouble: stuck?.message }
  return Exit.isSuccess(exit)
    ? { record: exit.value, trouble: undefined }
    : { record: undefined, trouble: textOfCause(exit.cause) }
}

/** The law that stands for trials that come to no end: every call is answered. */
const livenessId = "STK-07"

/** The law as it is for an adapter: untested where that does not bring along what it needs. */
export const lawFor =
  (adapter: Adapter) =>
  (law: Law): Law =>
    law.needs === undefined || adapter[law.needs] !== undefined ? law : { ...law, level: "UNTESTED", sometimes: {} }

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
