/**
 * What many callers ask at once, asked together: whatever came while the last question was under way is the next one.
 */
import { Cause, Effect, Exit, type Scope } from "effect"
import { Signal } from "../engine/Signal.ts"

/** So many callers wait already. Nothing was asked. */
export interface TooMany {
  readonly _tag: "TooMany"
}

/** The scope was closed before there was an answer: the item was in a question that was under way, or nothing was asked. */
export interface Ended {
  readonly _tag: "Ended"
  readonly wasAsked: boolean
}

interface Waiting<Item, Answer, E> {
  readonly item: Item
  readonly resume: (effect: Effect.Effect<Answer, E | Ended>) => void
}

export interface GroupLimits {
  /** The most items of one question. */
  readonly together: number
  /** The most callers that wait for their turn. */
  readonly waiting: number
}

/** `ask` answers each item at its place. A caller who leaves before its turn has not asked. */
export const grouped = <Item, Answer, E>(
  { together, waiting: mostWaiting }: GroupLimits,
  ask: (items: ReadonlyArray<Item>) => Effect.Effect<ReadonlyArray<Answer>, E>,
): Effect.Effect<(item: Item) => Effect.Effect<Answer, E | TooMany | Ended>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const waiting = new Set<Waiting<Item, Answer, E>>()
    const signal = new Signal()
    let isClosed = false
    const serve = Effect.uninterruptibleMask((restore) => {
      if (waiting.size === 0) return restore(signal.wait)
      const taken = Array.from(waiting).slice(0, together)
      for (const each of taken) waiting.delete(each)
      const asked = Effect.suspend(() => ask(taken.map(({ item }) => item)))
      // On every exit, from the taking on: callers are no fibers of this scope, and would wait for ever for one that was ended.
      const answered = Effect.onExit(restore(asked), (exit) =>
        Effect.sync(() => {
          taken.forEach(({ resume }, index) => {
            resume(answerAt(exit, index))
          })
        }),
      )
      return Effect.exit(answered)
    })
    yield* Effect.forkScoped(Effect.forever(serve))
    // Runs before the fiber is ended: from here on nothing is asked.
    yield* Effect.addFinalizer(() =>
      Effect.sync(() => {
        isClosed = true
        for (const { resume } of waiting) resume(Effect.fail(notAsked))
        waiting.clear()
      }),
    )
    return (item) =>
      // Looking and queueing are one step: between the two the scope could be closed, and nobody would answer.
      Effect.callback<Answer, E | TooMany | Ended>((resume) => {
        if (isClosed) return resume(Effect.fail(notAsked))
        if (waiting.size >= mostWaiting) return resume(Effect.fail({ _tag: "TooMany" }))
        const own = { item, resume }
        waiting.add(own)
        signal.notify()
        return Effect.sync(() => waiting.delete(own))
      })
  })

const notAsked: Ended = { _tag: "Ended", wasAsked: false }

const answerAt = <Answer, E>(
  exit: Exit.Exit<ReadonlyArray<Answer>, E>,
  index: number,
): Effect.Effect<Answer, E | Ended> => {
  if (Exit.isFailure(exit)) {
    return Cause.hasInterruptsOnly(exit.cause)
      ? Effect.fail({ _tag: "Ended", wasAsked: true })
      : Effect.failCause(exit.cause)
  }
  const answer = exit.value[index]
  return answer === undefined ? Effect.die(new Error("An item was not answered.")) : Effect.succeed(answer)
}
