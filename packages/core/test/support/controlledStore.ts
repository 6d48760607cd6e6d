/**
 * A store whose `transact` a test controls: the plain memory store with something in front of it that can lose replies,
 * hang, refuse batches or call keys busy. What it commits, the memory store committed.
 *
 * ```ts
 * const store = yield* controlledStore()
 * store.behave = loseOnce("after the commit")
 * ```
 */
import { Effect, Layer } from "effect"
import { MemoryStore } from "../../src/memory/index.ts"
import {
  type Guarantees,
  type Keys,
  type KindName,
  Store,
  type StoreFault,
  type StoreShape,
  type Turn,
} from "../../src/ports/index.ts"

/** One call of `transact`, as the store sees it. */
export interface Transact {
  readonly keys: Keys
  /** The idempotency keys of its commands, sorted. */
  readonly commands: ReadonlyArray<string>
  readonly turn: Turn | undefined
}

/** What happens instead of, before or after running a batch. */
export type Behaviour = <A>(transact: Transact, run: Effect.Effect<A, StoreFault>) => Effect.Effect<A, StoreFault>

export class ControlledStore {
  readonly shape: StoreShape
  /** Every call of `transact`, in the order in which they came. */
  readonly transacts: Array<Transact> = []
  behave: Behaviour = (_, run) => run
  /** What it was asked to end, and what it answers. What is lost before or after its commit has ended. */
  readonly settled: Array<object> = []
  settle: NonNullable<StoreShape["settle"]> = () => Effect.succeed(true)

  constructor(inner: StoreShape, guarantees: Partial<Guarantees>, passesTurns?: boolean) {
    this.shape = {
      ...inner,
      passesTurns,
      settle: (attempt) =>
        Effect.suspend(() => {
          this.settled.push(attempt)
          return this.settle(attempt)
        }),
      guarantees: { ...inner.guarantees, ...guarantees },
      transact: (keys, decide, turn) =>
        Effect.suspend(() => {
          const transact = { keys, commands: keys.of("receipt").map(([, , key]) => String(key)), turn }
          this.transacts.push(transact)
          return this.behave(transact, inner.transact(keys, decide))
        }),
    }
  }

  /** How many commands each batch had. */
  get batchSizes(): ReadonlyArray<number> {
    return this.transacts.map(({ commands }) => commands.length)
  }

  /** The same store as an option of `createHoldfast`. */
  get option() {
    return { name: this.shape.guarantees.name, layer: Layer.succeed(Store, this.shape) }
  }
}

export const controlledStore = (
  guarantees: Partial<Guarantees> = {},
  passesTurns?: boolean,
): Effect.Effect<ControlledStore> =>
  Effect.map(MemoryStore.make, (inner) => new ControlledStore(inner, guarantees, passesTurns))

/** Fails as lost. */
export const losing: Effect.Effect<never, StoreFault> = Effect.suspend(() =>
  Effect.fail({ _tag: "Lost", reason: "the connection was lost", attempt: {} }),
)

/** Fails as busy: somebody else holds these records. */
export const busy = (kind: KindName, ...ids: ReadonlyArray<string>): Effect.Effect<never, StoreFault> =>
  Effect.fail({ _tag: "Busy", keys: ids.map((id) => ({ kind, key: [id] as const })) })

/** Fails as rejected: neither a conflict nor the connection. */
export const rejecting = (reason: string): Effect.Effect<never, StoreFault> => Effect.fail({ _tag: "Rejected", reason })

/** Loses the first `times` replies, before anything was sent or after it was committed. */
export const lose = (when: "before the commit" | "after the commit", times = 1): Behaviour => {
  let left = times
  return (_, run) => {
    if (left === 0) return run
    left -= 1
    return when === "before the commit" ? losing : Effect.andThen(run, losing)
  }
}

/** Holds batches back until `gate.open()`. Those that came before the opening run then. */
export const gate = () => {
  const waiting: Array<() => void> = []
  let open = false
  const behave: Behaviour = (_, run) =>
    open
      ? run
      : Effect.andThen(
          Effect.callback<void>((resume) => {
            waiting.push(() => resume(Effect.void))
          }),
          run,
        )
  return {
    behave,
    /** How many batches wait. */
    get waiting() {
      return waiting.length
    },
    open: () => {
      open = true
      for (const wake of waiting.splice(0)) wake()
    },
    /** Lets one waiting batch go, the oldest. */
    letOne: () => waiting.shift()?.(),
  }
}
