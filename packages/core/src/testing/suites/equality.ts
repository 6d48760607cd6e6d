/**
 * The plain memory store is the specification: whatever is asked one batch after the other, a store must answer the same
 * and hold the same in the end.
 */
import { Cause, Effect, Exit, Random } from "effect"
import type { Command, Decision } from "../../decision/Command.ts"
import { MemoryStore } from "../../memory/index.ts"
import type { Claimed, LeaseLost, StoreFault } from "../../ports/index.ts"
import { textOfCause } from "../../thrown.ts"
import { SubscriptionName } from "../../values.ts"
import { type Draws, drawsOf } from "../sim/draws.ts"
import { type Ask, drawAsk } from "./asks.ts"
import { commandMaker, transact } from "./commands.ts"
import { broken, type Contents, contentsOf, eventsOf } from "./contents.ts"
import { expect, Unexpected } from "./expect.ts"
import { type MakeStore, type StoreSuite, type SuiteStore, storeCase, storeOf } from "./StoreSuite.ts"
import { furnish } from "./shop.ts"
import { type Failing, smallest } from "./smallest.ts"

export interface EqualityOptions {
  /** How many sequences each case draws. Default 15. */
  readonly sequences?: number | undefined
  /** The most commands of a sequence, at least 20. Default 40. */
  readonly longest?: number | undefined
  /** Fixes what is drawn. Default: drawn anew each time, and told where a case fails. */
  readonly seed?: number | undefined
}

/** The same answers and the same contents as the memory store, for random sequences of commands. */
export const equality = (
  { name, layer, onSnapshots = true }: SuiteStore,
  { sequences = 15, longest = 40, seed }: EqualityOptions = {},
): StoreSuite => {
  const make = storeOf(layer)
  const single = (draws: Draws): Batches => several(draws, 20, longest, () => [drawAsk(draws)])
  const batched = (draws: Draws): Batches =>
    several(draws, 5, Math.floor(longest / 3), () => several(draws, 1, 6, () => drawAsk(draws)))

  /** Plays all sequences, and where one of them fails the least of it that fails. */
  const playAll = Effect.fnUntraced(function* (draw: (draws: Draws) => Batches, check: Check) {
    const drawn = seed ?? (yield* Random.nextIntBetween(0, 2 ** 31))
    const seen = new Set<string>()
    for (let sequence = 0; sequence < sequences; sequence++) {
      const batches = draw(drawsOf(drawn, sequence))
      const exit = yield* Effect.exit(check(batches))
      if (Exit.isFailure(exit)) {
        const least = yield* smallest({ batches, cause: exit.cause }, check)
        return yield* Effect.die(yield* explained(`seed ${drawn}, sequence ${sequence}`, least))
      }
      for (const tag of exit.value) seen.add(tag)
    }
    return seen
  })

  return {
    title: `${name}, beside the plain memory store`,
    cases: [
      storeCase("decides and keeps the same, one command after the other", function* () {
        const seen = yield* playAll(single, (batches) => sameAsMemory(make, batches))
        // A property over refusals only would prove little.
        expect([...seen].sort()).toEqual(["Accepted", "Recalled", "Refused", "Repeated"])
      }),

      // On snapshots a refusal beside an acceptance is decided again after it, and may then be accepted: a legal difference.
      onSnapshots
        ? storeCase("keeps every promise batch after batch", function* () {
            yield* playAll(batched, (batches) => unbroken(make, batches))
          })
        : storeCase("decides and keeps the same, batch after batch", function* () {
            yield* playAll(batched, (batches) => sameAsMemory(make, batches))
          }),
    ],
  }
}

type Batches = ReadonlyArray<ReadonlyArray<Ask>>
type Fault = StoreFault | LeaseLost
/** How the decisions ended, by their tags. Throws what is not as it should be. */
type Check = (batches: Batches) => Effect.Effect<ReadonlyArray<string>, Fault>

const several = <T>(draws: Draws, least: number, most: number, draw: () => T): ReadonlyArray<T> =>
  Array.from({ length: draws.between(least, most) }, draw)

const sameAsMemory = Effect.fnUntraced(function* (
  make: MakeStore,
  batches: Batches,
): Effect.fn.Return<ReadonlyArray<string>, Fault> {
  const { asked: _expected, ...expected } = yield* play(MemoryStore.make, batches)
  const { asked: _asked, ...found } = yield* play(make, batches)
  expect(found).toEqual(expected)
  expect(expected.broken).toEqual([])
  return expected.decisions.map(({ _tag }) => _tag)
})

const unbroken = Effect.fnUntraced(function* (
  make: MakeStore,
  batches: Batches,
): Effect.fn.Return<ReadonlyArray<string>, Fault> {
  const found = yield* play(make, batches)
  expect(found.broken).toEqual([])
  return found.decisions.map(({ _tag }) => _tag)
})

const mail = SubscriptionName.make("mail")

type Ending = Exclude<Decision, { readonly _tag: "Accepted" }> | { readonly _tag: "Accepted"; readonly answer: unknown }

interface Played {
  readonly asked: ReadonlyArray<Command>
  readonly decisions: ReadonlyArray<Ending>
  readonly contents: Contents
  readonly order: ReadonlyArray<Claimed["event"]>
  readonly broken: ReadonlyArray<string>
}

const play = (make: MakeStore, batches: Batches): Effect.Effect<Played, Fault> =>
  Effect.gen(function* () {
    const store = yield* make
    yield* store.outbox.register(mail)
    const maker = commandMaker()
    yield* furnish(
      store,
      { accounts: ["ada", "bob"], points: 100, products: { tea: 9, cup: 9, "\uff5e": 9 }, campaigns: { spring: 2 } },
      commandMaker("w"),
    )
    const asked: Array<Command> = []
    const decisions: Array<Ending> = []
    for (const batch of batches) {
      const commands: Array<Command> = []
      for (const each of batch) commands.push(yield* each(maker, store, asked))
      asked.push(...commands)
      for (const decision of yield* transact(store, commands)) {
        // Answers count, and not the changes that a decision came with.
        decisions.push(decision._tag === "Accepted" ? { _tag: "Accepted", answer: decision.answer } : decision)
      }
    }
    const order = yield* eventsOf(store, mail)
    return { asked, decisions, contents: yield* contentsOf(store), order, broken: yield* broken(store) }
  }).pipe(Effect.scoped)

/** A failure with the commands that it takes. */
const explained = Effect.fnUntraced(function* (
  origin: string,
  { batches, cause }: Failing<Ask, Fault>,
): Effect.fn.Return<Error, Fault> {
  const { asked } = yield* play(MemoryStore.make, batches)
  const batchOf = batches.flatMap((batch, index) => batch.map(() => index + 1))
  const told = asked.map(
    ({ operation, request }, index) => `  ${batchOf[index]} ${operation.name} ${JSON.stringify(request)}`,
  )
  const heading = [`${origin}, shown by these alone (batch, call, request):`, ...told]
  const thrown = Cause.squash(cause)
  return thrown instanceof Unexpected
    ? new Unexpected([...heading, thrown.message].join("\n"), thrown.expected, thrown.actual)
    : new Error([...heading, textOfCause(cause)].join("\n"))
})
