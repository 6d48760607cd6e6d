/**
 * A suite as data: a title, and cases that any test runner takes as they are.
 *
 * The suites say of a store, case by case and in a few seconds, what the laws say of whole trials: they are where an adapter
 * begins, and what a debugger is set on. What the laws find they do not look for.
 */
import { Cause, Context, Effect, Exit, Layer, type Scope } from "effect"
import { type LeaseLost, Store, type StoreFault, type StoreShape } from "../../ports/index.ts"
import { textOfCause } from "../../thrown.ts"
import { within } from "../kit/inTime.ts"

/** A store as the suites take it. What the conformance kit takes will do, where each build of its layer is an empty store. */
export interface SuiteStore {
  /** What it is called in titles. */
  readonly name: string
  /** Each build must give an empty store. A case builds one, or one after the other, and closes it at its end. */
  readonly layer: Layer.Layer<Store, StoreFault>
  /**
   * Whether batches may be decided on a snapshot, without locks: a refusal beside an acceptance is then decided again after
   * it, and the memory store may answer otherwise. Default true, which compares less.
   */
  readonly onSnapshots?: boolean | undefined
  /** Whether it answers `reads.standing` and `reads.owners`. Default true; where it is false, the case about them is left out. */
  readonly hasSeals?: boolean | undefined
}

/** One promise, put to the test. */
export interface StoreCase {
  /** What is promised, as the name of a test. */
  readonly name: string
  /** Ends well, or is rejected with an error that says what was expected and what was found. */
  readonly run: () => Promise<void>
}

export interface StoreSuite {
  readonly title: string
  readonly cases: ReadonlyArray<StoreCase>
}

/** Longer than a case takes on any store and machine, in milliseconds: runners have limits of their own, or none. */
const mostMillis = 300_000

/** A case of a suite: its clock is the real one, and what it opens is closed at its end. It ends, whatever the store does. */
export const storeCase = (
  name: string,
  check: () => Effect.fn.Return<void, StoreFault | LeaseLost, Scope.Scope>,
): StoreCase => ({
  name,
  run: async () => {
    const exit = await Effect.runPromise(within(Effect.scoped(Effect.gen(check)), mostMillis))
    if (exit === undefined) {
      throw new Error(
        `"${name}" had not ended after ${mostMillis} ms: a call hangs, is Busy for ever, or the store does not close.`,
      )
    }
    if (Exit.isFailure(exit)) throw errorOf(exit.cause)
  },
})

export type MakeStore = Effect.Effect<StoreShape, StoreFault, Scope.Scope>

/** A store of a layer, for as long as the scope is open. */
export const storeOf = (layer: SuiteStore["layer"]): MakeStore =>
  Effect.map(Layer.build(layer), (context) => Context.get(context, Store))

/** A fault of the store is a value of the port and no error; runners print errors. */
const errorOf = (cause: Cause.Cause<unknown>): Error => {
  const thrown = Cause.squash(cause)
  return thrown instanceof Error ? thrown : new Error(textOfCause(cause))
}
