/**
 * Reading together: one read answers all who asked before it began, and nobody is answered by one that began before.
 */
import type { StoreFault } from "@holdfast/core/ports"
import { leftBehind, operationsBefore, soon } from "@holdfast/test-services/leaving"
import { Deferred, Effect, Fiber } from "effect"
import { describe, expect, it } from "vitest"
import { Equals, Together } from "../../src/postgres/session/Together.ts"

/** A read that answers when it is told to, with what is true when it begins. */
class Source {
  truth = 0
  readonly begun: Array<{ readonly asked: ReadonlyArray<string>; readonly end: (fault?: StoreFault) => void }> = []

  read = (asked: ReadonlyArray<string>): Effect.Effect<(question: string) => string, StoreFault> =>
    Effect.suspend(() => {
      const seen = this.truth
      const ended = Deferred.makeUnsafe<(question: string) => string, StoreFault>()
      const answer = (question: string) => `${question} ${seen}`
      this.begun.push({
        asked,
        end: (fault) => Deferred.doneUnsafe(ended, fault === undefined ? Effect.succeed(answer) : Effect.fail(fault)),
      })
      return Deferred.await(ended)
    })
}

const settled = Effect.gen(function* () {
  for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow
})
const lost: StoreFault = { _tag: "Lost", reason: "gone", attempt: "nothing" }

const run = (test: (source: Source) => Effect.Effect<void, unknown>) => Effect.runPromise(test(new Source()))

describe("reading together", () => {
  it("begins a lone caller's read at once, and answers all who come meanwhile with the next one", () =>
    run((source) =>
      Effect.gen(function* () {
        const reads = new Together(source.read, () => 1, 100)
        const ask = (question: string) => Effect.forkChild(reads.ask(question))
        const first = yield* ask("a")
        yield* settled
        expect(source.begun.map(({ asked }) => asked)).toEqual([["a"]])
        // What changes now was not seen by the read that is under way, and is seen by all who ask after it.
        source.truth = 1
        const later = [yield* ask("b"), yield* ask("c"), yield* ask("b")]
        yield* settled
        expect(source.begun.length).toBe(1)
        source.begun[0]?.end()
        expect(yield* Fiber.join(first)).toBe("a 0")
        yield* settled
        expect(source.begun.map(({ asked }) => asked)).toEqual([["a"], ["b", "c", "b"]])
        source.begun[1]?.end()
        const answers = yield* Effect.forEach(later, Fiber.join)
        expect(answers).toEqual(["b 1", "c 1", "b 1"])
        const again = yield* ask("d")
        yield* settled
        source.begun[2]?.end()
        expect(yield* Fiber.join(again)).toBe("d 1")
      }),
    ))

  it("puts no more into one read than it may hold", () =>
    run((source) =>
      Effect.gen(function* () {
        const reads = new Together(source.read, (question) => question.length, 4)
        const all = yield* Effect.forEach(["x", "aaa", "bb", "cccccc", "d"], (question) =>
          Effect.forkChild(reads.ask(question)),
        )
        for (let read = 0; read < 3; read++) {
          yield* settled
          source.begun[read]?.end()
        }
        yield* Effect.forEach(all, Fiber.join)
        expect(source.begun.map(({ asked }) => asked)).toEqual([["x", "aaa"], ["bb", "cccccc"], ["d"]])
      }),
    ))

  it("tells a fault to those whom the read was for, and reads again for the others", () =>
    run((source) =>
      Effect.gen(function* () {
        const reads = new Together(source.read, () => 1, 100)
        const first = yield* Effect.forkChild(Effect.exit(reads.ask("a")))
        yield* settled
        const second = yield* Effect.forkChild(reads.ask("b"))
        yield* settled
        source.begun[0]?.end(lost)
        expect((yield* Fiber.join(first))._tag).toBe("Failure")
        yield* settled
        source.begun[1]?.end()
        expect(yield* Fiber.join(second)).toBe("b 0")
      }),
    ))

  it("goes on for the others when a caller leaves, also the one who began it", () =>
    run((source) =>
      Effect.gen(function* () {
        const reads = new Together(source.read, () => 1, 100)
        const first = yield* Effect.forkChild(reads.ask("a"))
        yield* settled
        const [leaves, stays] = [yield* Effect.forkChild(reads.ask("b")), yield* Effect.forkChild(reads.ask("c"))]
        yield* settled
        yield* Fiber.interrupt(first)
        yield* Fiber.interrupt(leaves)
        source.begun[0]?.end()
        yield* settled
        source.begun[1]?.end()
        expect(yield* Fiber.join(stays)).toBe("c 0")
      }),
    ))

  it("of equal questions is one read, and different ones do not wait for each other", () =>
    run((source) =>
      Effect.gen(function* () {
        const equals = new Equals()
        const ask = (question: string) =>
          Effect.forkChild(
            equals.ask(
              question,
              Effect.map(source.read([question]), (answer) => answer(question)),
            ),
          )
        const [a, b] = [yield* ask("a"), yield* ask("b")]
        yield* settled
        source.truth = 1
        const more = yield* Effect.forEach(Array.from({ length: 20 }), () => ask("a"))
        yield* settled
        expect(source.begun.map(({ asked }) => asked)).toEqual([["a"], ["b"]])
        source.begun[1]?.end()
        expect(yield* Fiber.join(b)).toBe("b 0")
        source.begun[0]?.end()
        expect(yield* Fiber.join(a)).toBe("a 0")
        yield* settled
        source.begun[2]?.end()
        expect(new Set(yield* Effect.forEach(more, Fiber.join))).toEqual(new Set(["a 1"]))
        expect(source.begun.length).toBe(3)
        expect(equals.size).toBe(0)
      }),
    ))

  it("answers everybody else, whenever a caller leaves", () =>
    run(() =>
      Effect.gen(function* () {
        const read = (asked: ReadonlyArray<string>) =>
          Effect.as(Effect.yieldNow, (question: string) => question + asked)
        const unanswered: Array<number> = []
        const kept: Array<number> = []
        for (const operations of operationsBefore) {
          const reads = new Together(read, () => 1, 100)
          const equals = new Equals()
          yield* leftBehind(operations, reads.ask("a"))
          yield* leftBehind(operations, equals.ask("a", Effect.yieldNow))
          yield* settled
          if (equals.size > 0) kept.push(operations)
          const others = [yield* soon(reads.ask("b")), yield* soon(equals.ask("a", Effect.yieldNow))]
          if (others.includes(undefined)) unanswered.push(operations)
        }
        // Nothing is kept of a question that nobody asks any more.
        expect({ unanswered, kept }).toEqual({ unanswered: [], kept: [] })
      }),
    ))
})
