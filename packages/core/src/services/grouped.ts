/**
 * What many callers ask at once, asked together: whatever came while the last question was under way is the next one.
 */
import { Effect, Exit, type Scope } from "effect"
import { Signal } from "../engine/Signal.ts"

/** So many callers wait already. Nothing was asked. */
export interface TooMany {
  readonly _tag: "TooMany"
}

interface Waiting<Item, Answer, E> {
  readonly item: Item
  readonly resume: (effect: Effect.Effect<Answer, E>) => void
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
): Effect.Effect<(item: Item) => Effect.Effect<Answer, E | TooMany>, never, Scope.Scope> =>
  Effect.gen(function* () {
    const waiting = new Set<Waiting<Item, Answer, E>>()
    const signal = new Signal()
    const serve = Effect.suspend(() => {
      if (waiting.size === 0) return signal.wait
      const taken = Array.from(waiting).slice(0, together)
      for (const each of taken) waiting.delete(each)
      return Effect.map(Effect.exit(ask(taken.map(({ item }) => item))), (exit) => {
        taken.forEach(({ resume }, index) => {
          resume(Exit.isSuccess(exit) ? answerAt(exit.value, index) : Effect.failCause(exit.cause))
        })
      })
    })
    yield* Effect.forkScoped(Effect.forever(serve))
    return (item) =>
      Effect.suspend((): Effect.Effect<Answer, E | TooMany> => {
        if (waiting.size >= mostWaiting) return Effect.fail({ _tag: "TooMany" })
        return Effect.callback<Answer, E>((resume) => {
          const own = { item, resume }
          waiting.add(own)
          signal.notify()
          return Effect.sync(() => waiting.delete(own))
        })
      })
  })

const answerAt = <Answer>(answers: ReadonlyArray<Answer>, index: number): Effect.Effect<Answer> => {
  const answer = answers[index]
  return answer === undefined ? Effect.die(new Error("An item was not answered.")) : Effect.succeed(answer)
}
