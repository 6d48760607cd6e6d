/**
 * `History`: who asked what, when it began and ended, and what the answer was.
 *
 * Times are positions in one order of events, so two operations overlap exactly when neither ended before the other
 * began (closed intervals). An operation without an answer may have happened at any later moment, or never.
 */
import { Effect, Exit } from "effect"

/** What is known of an operation's end. */
export type Outcome<O> =
  | { readonly _tag: "Known"; readonly output: O; readonly end: number }
  /** The reply was lost: it may happen at any time from its beginning on, or never. */
  | { readonly _tag: "Unknown" }

export interface Operation<I, O> {
  /** Who asked: one thing at a time. A lane whose outcome is unknown is not used again. */
  readonly lane: number
  readonly input: I
  readonly start: number
  readonly outcome: Outcome<O>
}

export type History<I, O> = ReadonlyArray<Operation<I, O>>

/** An operation whose answer is known. */
export const known = <I, O>(lane: number, input: I, output: O, start: number, end: number): Operation<I, O> => ({
  lane,
  input,
  start,
  outcome: { _tag: "Known", output, end },
})

/** An operation whose answer was lost. */
export const unknown = <I>(lane: number, input: I, start: number): Operation<I, never> => ({
  lane,
  input,
  start,
  outcome: { _tag: "Unknown" },
})

/** When an operation ended; never, where its outcome is unknown. */
export const endOf = ({ outcome }: Operation<unknown, unknown>): number =>
  outcome._tag === "Known" ? outcome.end : Number.POSITIVE_INFINITY

/** Writes down operations while they run. */
export interface Recorder<I, O> {
  /**
   * Runs an effect as one operation of a lane. A success is its answer. A failure, a defect or an interruption leaves the
   * outcome unknown, unless `answerOf` says what it answered.
   */
  readonly record: <A extends O, E, R>(
    lane: number,
    input: I,
    effect: Effect.Effect<A, E, R>,
    answerOf?: (exit: Exit.Exit<A, E>) => O | undefined,
  ) => Effect.Effect<A, E, R>
  /** Everything so far, by beginning. Operations that have not ended are unknown. */
  readonly history: () => History<I, O>
}

/**
 * A recorder for one process. Several processes need one clock that they share: build their operations by hand.
 *
 * ```ts
 * const recorder = History.recorder<"read" | number, number>()
 * const read = recorder.record(0, "read", Ref.get(ref))
 * ```
 */
export const recorder = <I, O>(): Recorder<I, O> => {
  let position = 0
  let lanes = 1_000_000
  const movedTo = new Map<number, number>()
  const operations: Array<{ lane: number; input: I; start: number; outcome: Outcome<O> }> = []
  return {
    record: (lane, input, effect, answerOf = successOf) =>
      Effect.suspend(() => {
        const operation: { lane: number; input: I; start: number; outcome: Outcome<O> } = {
          lane: movedTo.get(lane) ?? lane,
          input,
          start: position++,
          outcome: lost,
        }
        operations.push(operation)
        return Effect.onExit(effect, (exit) =>
          Effect.sync(() => {
            const output = answerOf(exit)
            if (output !== undefined || Exit.isSuccess(exit)) {
              // biome-ignore lint/plugin/casts: a success that answers nothing is an answer of the type's undefined
              operation.outcome = { _tag: "Known", output: output as O, end: position++ }
            } else movedTo.set(lane, lanes++)
          }),
        )
      }),
    history: () => operations.map((operation) => ({ ...operation })),
  }
}

const lost = { _tag: "Unknown" } as const

const successOf = <A, E>(exit: Exit.Exit<A, E>): A | undefined => (Exit.isSuccess(exit) ? exit.value : undefined)
