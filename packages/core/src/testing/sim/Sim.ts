/**
 * `Sim`: runs a program under every schedule that matters, in virtual time, and plays any of them again.
 *
 * For any program in Effect that waits for nothing outside of it: no promise, no timer, no I/O. Fibers are stopped and
 * resumed at every operation as the strategy says. It proves nothing about code behind a promise.
 *
 * ```ts
 * const counter = Effect.gen(function* () {
 *   const ref = yield* Ref.make(0)
 *   const add = Effect.flatMap(Ref.get(ref), (now) => Ref.set(ref, now + 1))
 *   yield* Effect.all([add, add], { concurrency: "unbounded" })
 *   if ((yield* Ref.get(ref)) !== 2) return yield* Effect.fail("an update was lost")
 * })
 * const { failure } = Sim.explore({ strategy: Sim.exhaustive({ switches: 2 }), runs: 1_000 }, counter)
 * // failure.tape replays it: Sim.run(counter, { tape: failure.tape })
 * ```
 */
import { Clock, Effect, Exit, Random, type Scope } from "effect"
import { differenceOf } from "./difference.ts"
import { drawsOf } from "./draws.ts"
import { JumpingClock } from "./JumpingClock.ts"
import { defaultStart, SimClock } from "./SimClock.ts"
import { type Chooser, type Decision, SimScheduler } from "./SimScheduler.ts"
import { replay, type Strategy, type Tape } from "./strategies.ts"
import { type Stray, watchStrays } from "./strays.ts"

/** A program that never came to an end. */
export interface Stuck {
  /**
   * - `deadlock`: nobody can run and nobody sleeps. Fibers wait for each other, for a wake-up that was lost, or for
   *   something outside of the simulation, such as a promise.
   * - `livelock`: the program was still running after the most steps that are allowed.
   */
  readonly kind: "deadlock" | "livelock"
  readonly message: string
}

/** One run of a program. */
export interface Trial<A, E> {
  /** How it ended; undefined where it got stuck. */
  readonly exit: Exit.Exit<A, E> | undefined
  readonly stuck: Stuck | undefined
  /** Every decision of the run. `Sim.run(program, { tape })` plays it again. */
  readonly tape: Tape
  readonly decisions: ReadonlyArray<Decision>
  readonly steps: number
  /** How much virtual time passed. */
  readonly elapsedMillis: number
}

/** Why a program is not fit for simulation: the same schedule behaved differently the second time. */
export interface Nondeterminism {
  readonly message: string
  /** Calls to the real clock or to real chance that were seen, with their places. */
  readonly strays: ReadonlyArray<Stray>
  readonly tape: Tape
}

export interface RunOptions {
  /** The decisions to play; after its end, and by default everywhere, whoever runs goes on. */
  readonly tape?: Tape | undefined
  /** Decides instead of a tape: the first schedule of its search is run. */
  readonly strategy?: Strategy | undefined
  /** Seeds the `Random` service. Default 1. */
  readonly seed?: number | undefined
  /** What the wall clock shows at first, milliseconds since 1970. Default 2023-11-14T22:00Z. */
  readonly startMillis?: number | undefined
  /**
   * Where a running fiber may be stopped: at every operation (default), or only where it yields or waits by itself.
   * The latter makes far fewer schedules, for code that yields at every step that matters.
   */
  readonly preempt?: "operations" | "yields" | undefined
  /** Turns after which a run counts as a livelock. Default 1,000,000. */
  readonly maxSteps?: number | undefined
}

export interface ExploreOptions extends Omit<RunOptions, "tape" | "strategy"> {
  readonly strategy: Strategy
  /** The most schedules to try. Default 1,000. */
  readonly runs?: number | undefined
  /** Whether each schedule is run twice to find programs that reach around the simulation. Default true. */
  readonly audit?: boolean | undefined
}

/** What an exploration found. */
export interface Explored<A, E> {
  /** How many schedules were tried, the audit's repetitions not counted. */
  readonly runs: number
  /** True where the strategy ran out of schedules: all of them were tried. */
  readonly complete: boolean
  /** The first schedule under which the program failed, died or got stuck. The search stops there. */
  readonly failure: Trial<A, E> | undefined
  readonly nondeterminism: Nondeterminism | undefined
}

/** Runs a program once. Everything scoped in it is closed at its end. */
export const run = <A, E>(program: Effect.Effect<A, E, Scope.Scope>, options: RunOptions = {}): Trial<A, E> =>
  trial(program, chooserOf(options), options)

/** Runs a program under one schedule after the other until one fails, all are tried, or `runs` are spent. */
export const explore = <A, E>(options: ExploreOptions, program: Effect.Effect<A, E, Scope.Scope>): Explored<A, E> => {
  const { runs = 1_000, audit = true } = options
  const search = options.strategy.start()
  for (let tried = 0; tried < runs; tried++) {
    const chooser = search.next()
    if (chooser === undefined) return { runs: tried, complete: true, failure: undefined, nondeterminism: undefined }
    const { first, nondeterminism } = audit
      ? twice(program, chooser, options)
      : { first: trial(program, chooser, options), nondeterminism: undefined }
    const failure = isFailure(first) ? first : undefined
    if (failure !== undefined || nondeterminism !== undefined) {
      return { runs: tried + 1, complete: false, failure, nondeterminism }
    }
    search.learn(first.decisions)
  }
  return { runs, complete: false, failure: undefined, nondeterminism: undefined }
}

/** Runs a program under the first schedule of a strategy, and again from its tape; says where the two part ways. */
export const runTwice = <A, E>(
  program: Effect.Effect<A, E, Scope.Scope>,
  options: RunOptions = {},
): { readonly first: Trial<A, E>; readonly nondeterminism: Nondeterminism | undefined } =>
  twice(program, chooserOf(options), options)

/**
 * Moves the wall clock of a simulation or of a live trial, forward or back. Sleepers sleep on. Does nothing to any other
 * clock.
 */
export const jumpClock = (millis: number): Effect.Effect<void> =>
  Effect.clockWith((clock) =>
    Effect.sync(() => {
      if (clock instanceof SimClock || clock instanceof JumpingClock) clock.jump(millis)
    }),
  )

/** True where a trial failed, died or got stuck. */
export const isFailure = <A, E>({ exit }: Trial<A, E>): boolean => exit === undefined || Exit.isFailure(exit)

/** A tape without the zeros at its end, which say nothing. */
export const trimmed = (tape: Tape): Tape => tape.slice(0, tape.findLastIndex((chosen) => chosen !== 0) + 1)

const oneDayMillis = 86_400_000

const chooserOf = ({ strategy, tape = [] }: RunOptions): Chooser =>
  (strategy ?? replay(tape)).start().next() ?? (() => 0)

const twice = <A, E>(program: Effect.Effect<A, E, Scope.Scope>, chooser: Chooser, options: RunOptions) => {
  const strays: Array<Stray> = []
  const first = watchStrays(0, strays, () => trial(program, chooser, options))
  const again = { ...options, strategy: undefined, tape: first.tape }
  const second = watchStrays(oneDayMillis, strays, () => run(program, again))
  const message = partingOf(first, second)
  const nondeterminism =
    message === undefined ? undefined : { message, strays: Array.from(new Set(strays)), tape: first.tape }
  return { first, nondeterminism }
}

const partingOf = <A, E>(first: Trial<A, E>, second: Trial<A, E>): string | undefined => {
  const ended = differenceOf(outcomeOf(first), outcomeOf(second))
  const how = ended === undefined ? "." : `; it ended with ${ended}.`
  const length = Math.max(first.decisions.length, second.decisions.length)
  for (let at = 0; at < length; at++) {
    if (first.decisions[at]?.options !== second.decisions[at]?.options) {
      return `The same schedule had another choice to make at decision ${at} when it was run again${how}`
    }
  }
  if (first.elapsedMillis !== second.elapsedMillis) {
    return `The same schedule took ${first.elapsedMillis} ms of virtual time, and ${second.elapsedMillis} when it was run again${how}`
  }
  return ended && `The same schedule ended with another result when it was run again: ${ended}.`
}

const outcomeOf = <A, E>({ exit, stuck }: Trial<A, E>): unknown =>
  exit === undefined ? stuck : Exit.isSuccess(exit) ? exit.value : exit.cause.reasons.map(reasonOf)

const reasonOf = (reason: object): unknown =>
  "error" in reason ? reason.error : "defect" in reason ? reason.defect : "interrupted"

const trial = <A, E>(program: Effect.Effect<A, E, Scope.Scope>, chooser: Chooser, options: RunOptions): Trial<A, E> => {
  const { seed = 1, startMillis = defaultStart, preempt = "operations", maxSteps = 1_000_000 } = options
  const scheduler = new SimScheduler(chooser, preempt === "operations")
  const clock = new SimClock(startMillis)
  const draws = drawsOf(seed, 0x5eed)
  const random: Random.Random = {
    nextDoubleUnsafe: draws.real,
    nextIntUnsafe: () => Math.floor((draws.real() * 2 - 1) * Number.MAX_SAFE_INTEGER),
  }
  // The yield makes the first operation a step like any other.
  const simulated = Effect.andThen(Effect.yieldNow, Effect.scoped(program)).pipe(
    Effect.provideService(Clock.Clock, clock),
    Effect.provideService(Random.Random, random),
  )
  const fiber = Effect.runFork(simulated, { scheduler })
  while (fiber.pollUnsafe() === undefined && scheduler.steps < maxSteps) {
    if (!scheduler.turn() && !clock.advance()) break
  }
  const exit = fiber.pollUnsafe()
  return {
    exit,
    stuck: exit === undefined ? stuckOf(scheduler.steps >= maxSteps) : undefined,
    tape: scheduler.decisions.map(({ chosen }) => chosen),
    decisions: scheduler.decisions,
    steps: scheduler.steps,
    elapsedMillis: clock.elapsedMillis,
  }
}

const stuckOf = (spinning: boolean): Stuck =>
  spinning
    ? { kind: "livelock", message: "The program was still running after the most steps that are allowed." }
    : {
        kind: "deadlock",
        message:
          "Nobody can run: fibers wait for each other, for a wake-up that was lost, or for something outside of the simulation such as a promise.",
      }
