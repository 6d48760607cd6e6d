/**
 * Plays a plan on one stage after the other, each under another order, and judges what became of it by the laws and the
 * audit, which know nothing of orders. What broke is told with a token that plays it again.
 */
import { Effect, type Scope } from "effect"
import type { StoreFault } from "../../ports/index.ts"
import { type Replay, replayOf, tokenOf } from "../conformance/token.ts"
import type { Law } from "../laws/Law.ts"
import { laws as allLaws } from "../laws/laws.ts"
import { trimmed } from "../sim/Sim.ts"
import { exhaustive, replay, type Strategy } from "../sim/strategies.ts"
import { type Played, playTape, type TapePlan } from "./playTape.ts"
import type { Stage } from "./Stage.ts"

export interface TapesOptions {
  /** How orders are chosen. Default: all of them. */
  readonly strategy?: Strategy | undefined
  /** The most orders. Default 1,000. */
  readonly runs?: number | undefined
  /** Whether each tape is played twice, to see that it does the same again. Default false. */
  readonly twice?: boolean | undefined
  /** Another stage on which each tape is played too, to see whether the same comes of it. */
  readonly beside?: Beside | undefined
  /** Default: all laws of stores. */
  readonly laws?: ReadonlyArray<Law> | undefined
  /** How many broken laws are told at most. The search ends there. Default 1. */
  readonly maxFailures?: number | undefined
}

export interface TapeFailure {
  readonly law: string
  readonly message: string
  /** Plays it again: {@link replayTape}. */
  readonly token: string
  readonly trace: ReadonlyArray<string>
}

/** A stage that has to come to the same moves and answers as the one that is searched. */
export interface Beside {
  readonly open: OpenStage
  /** A move of the stage that is searched, in the words of this one. Default: they have the same. */
  readonly inWords?: ((move: string) => string) | undefined
}

/** Where two runs of one tape went apart: at a move, or in the answers, which come after the last one. */
export interface Divergence {
  readonly move: number
  readonly first: string | undefined
  readonly second: string | undefined
}

export interface TapesReport {
  readonly runs: number
  /** Whether all orders were tried. */
  readonly complete: boolean
  /** How many moves were made, all runs together. */
  readonly moves: number
  /** In how many runs something waited for a lock. */
  readonly waited: number
  /** How many connections were cut, all runs together. */
  readonly cuts: number
  readonly failures: ReadonlyArray<TapeFailure>
  readonly divergences: ReadonlyArray<Divergence>
}

/** Opens a stage with fresh shops, which remember nothing. */
export type OpenStage = Effect.Effect<Stage, StoreFault, Scope.Scope>

/** Every order, however many there are. */
export const everyOrder: Strategy = exhaustive({ switches: Number.POSITIVE_INFINITY })

export const playTapes = Effect.fnUntraced(function* (
  plan: TapePlan,
  open: OpenStage,
  options: TapesOptions = {},
): Effect.fn.Return<TapesReport, StoreFault> {
  const { strategy = everyOrder, runs = 1_000, twice = false, beside, laws = allLaws, maxFailures = 1 } = options
  const search = strategy.start()
  const failures: Array<TapeFailure> = []
  const divergences: Array<Divergence> = []
  let [moves, waited, cuts, run] = [0, 0, 0, 0]
  let complete = false
  for (; run < runs && failures.length < maxFailures; run++) {
    const chooser = search.next()
    complete = chooser === undefined
    if (chooser === undefined) break
    const played = yield* playOnce(plan, open, chooser)
    search.learn(played.decisions)
    moves += played.trace.length
    cuts += played.trace.filter((move) => move.startsWith("cut")).length
    if (played.waited) waited++
    const tape = played.decisions.map(({ chosen }) => chosen)
    const failure = failureOf(played, plan, tape, laws)
    if (failure !== undefined) failures.push(failure)
    if (twice) divergences.push(...apart(played, yield* playOnce(plan, open, tapeChooser(tape))))
    if (beside === undefined) continue
    const { inWords = (move) => move } = beside
    const there = yield* playOnce(plan, beside.open, tapeChooser(tape))
    divergences.push(...apart({ ...played, trace: played.trace.map(inWords) }, there))
  }
  return { runs: run, complete, moves, waited, cuts, failures, divergences }
})

/** Plays a token again. Undefined where the text is no token of a tape. */
export const replayTape = (
  token: string,
  open: OpenStage,
  laws: ReadonlyArray<Law> = allLaws,
): Effect.Effect<
  { readonly trace: ReadonlyArray<string>; readonly failure: TapeFailure | undefined } | undefined,
  StoreFault
> => {
  const found: Replay | undefined = replayOf(token)
  if (found === undefined || !isTapePlan(found.plan)) return Effect.succeed(undefined)
  const { plan, tape } = found
  return Effect.map(playOnce(plan, open, tapeChooser(tape)), (played) => ({
    trace: played.trace,
    failure: failureOf(played, plan, tape, laws),
  }))
}

/** The first move in which two traces differ; undefined where they are the same. */
export const divergenceOf = (first: ReadonlyArray<string>, second: ReadonlyArray<string>): Divergence | undefined => {
  const length = Math.max(first.length, second.length)
  for (let move = 0; move < length; move++) {
    if (first[move] !== second[move]) return { move, first: first[move], second: second[move] }
  }
  return undefined
}

const apart = (one: Played, other: Played): ReadonlyArray<Divergence> => {
  const found = divergenceOf([...one.trace, ...one.verdicts], [...other.trace, ...other.verdicts])
  return found === undefined ? [] : [found]
}

let trials = 0

const playOnce = (
  plan: TapePlan,
  open: OpenStage,
  choose: Parameters<typeof playTape>[2],
): Effect.Effect<Played, StoreFault> =>
  Effect.scoped(
    Effect.flatMap(open, (stage) => playTape(plan, stage, choose, `t${(trials++).toString(36).padStart(6, "0")}`)),
  )

const tapeChooser = (tape: ReadonlyArray<number>) => replay(tape).start().next() ?? (() => 0)

const failureOf = (
  { record, trace }: Played,
  plan: TapePlan,
  tape: ReadonlyArray<number>,
  laws: ReadonlyArray<Law>,
): TapeFailure | undefined => {
  const failed = (law: string, message: string): TapeFailure => ({
    law,
    message,
    trace,
    token: tokenOf({ law, plan, tape: trimmed(tape), seed: 1 }),
  })
  for (const law of laws) {
    const violation = law.check(record)
    if (violation !== undefined) return failed(law.id, violation.message)
  }
  const check = record.audit.checks.find(({ violations }) => violations > 0)
  return check && failed(check.id, `${check.title}: ${JSON.stringify(check.examples)}`)
}

const isTapePlan = (plan: Replay["plan"]): plan is TapePlan => plan.way === "store" && (plan.engines ?? 0) > 0
