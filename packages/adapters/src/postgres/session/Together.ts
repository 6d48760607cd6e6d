/**
 * Reading together: whoever asks while a read is under way waits for the next one, with all others who do, and one read
 * answers them. It begins after each of their calls, so each answer is as exact as if its caller had read alone.
 *
 * A lone caller reads at once. A caller who leaves takes nothing away from the others.
 */
import type { StoreFault } from "@holdfast/core/ports"
import { Deferred, Effect } from "effect"

/** Makes a part of an uninterruptible region interruptible, where the caller is. */
type Leavable = <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<A, E>

interface Group<Question, Answer> {
  readonly questions: Array<Question>
  weight: number
  readonly done: Deferred.Deferred<(question: Question) => Answer, StoreFault>
}

export class Together<Question, Answer> {
  readonly #read: (questions: ReadonlyArray<Question>) => Effect.Effect<(question: Question) => Answer, StoreFault>
  readonly #weightOf: (question: Question) => number
  readonly #mostWeight: number
  readonly #onIdle: () => void
  readonly #waiting: Array<Group<Question, Answer>> = []
  #isReading = false

  /** A group takes no more questions once it weighs `mostWeight`. `onIdle` is told when nobody waits any more. */
  constructor(
    read: (questions: ReadonlyArray<Question>) => Effect.Effect<(question: Question) => Answer, StoreFault>,
    weightOf: (question: Question) => number = () => 0,
    mostWeight = 1,
    onIdle: () => void = () => {},
  ) {
    this.#read = read
    this.#weightOf = weightOf
    this.#mostWeight = mostWeight
    this.#onIdle = onIdle
  }

  ask(question: Question): Effect.Effect<Answer, StoreFault> {
    return Effect.uninterruptibleMask((leavable) => this.askWith(question, leavable))
  }

  /**
   * The same inside an uninterruptible region, in which only the waiting is `leavable`. A caller who left between "a read is
   * under way" and the fork of that read would leave everybody after it waiting for ever.
   */
  askWith(question: Question, leavable: Leavable): Effect.Effect<Answer, StoreFault> {
    const group = this.#groupFor(question)
    const answer = leavable(Effect.map(Deferred.await(group.done), (answerOf) => answerOf(question)))
    if (this.#isReading) return answer
    this.#isReading = true
    return Effect.andThen(Effect.forkDetach(this.#readAll), answer)
  }

  #groupFor(question: Question): Group<Question, Answer> {
    const last = this.#waiting.at(-1)
    const group =
      last !== undefined && last.weight < this.#mostWeight
        ? last
        : { questions: [], weight: 0, done: Deferred.makeUnsafe<(question: Question) => Answer, StoreFault>() }
    if (group !== last) this.#waiting.push(group)
    group.questions.push(question)
    group.weight += this.#weightOf(question)
    return group
  }

  get #readAll(): Effect.Effect<void> {
    return Effect.suspend(() => {
      const group = this.#waiting.shift()
      if (group === undefined) {
        this.#isReading = false
        this.#onIdle()
        return Effect.void
      }
      return Effect.flatMap(Effect.exit(this.#read(group.questions)), (exit) => {
        Deferred.doneUnsafe(group.done, exit)
        return this.#readAll
      })
    })
  }
}

/** Equal questions, read together. Those that differ do not wait for each other. */
export class Equals {
  readonly #reads = new Map<string, Together<undefined, unknown>>()

  /** How many different questions are being answered. */
  get size(): number {
    return this.#reads.size
  }

  ask<Answer>(question: string, read: Effect.Effect<Answer, StoreFault>): Effect.Effect<Answer, StoreFault> {
    return Effect.uninterruptibleMask((leavable) => {
      const reads = this.#reads.get(question) ?? this.#begin(question, read)
      // biome-ignore lint/plugin/casts: equal questions have answers of one type
      return reads.askWith(undefined, leavable) as Effect.Effect<Answer, StoreFault>
    })
  }

  #begin(question: string, read: Effect.Effect<unknown, StoreFault>): Together<undefined, unknown> {
    const always = Effect.map(read, (answer) => () => answer)
    const reads = new Together<undefined, unknown>(
      () => always,
      () => 0,
      1,
      () => this.#reads.delete(question),
    )
    this.#reads.set(question, reads)
    return reads
  }
}
