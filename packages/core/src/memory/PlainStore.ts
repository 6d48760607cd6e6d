/**
 * The plain memory store: the executable specification of the port.
 *
 * A transact is one synchronous step: decide on the tables, commit, answer. So nobody is ever in between, no guard can
 * fail, and the answer is what any other store must give. It keeps everything for as long as it lives and nothing after.
 */
import { Effect, Layer } from "effect"
import { type Guarantees, Store, type StoreShape } from "../ports/index.ts"
import { outboxOf } from "./MemoryOutbox.ts"
import { readsOf } from "./reads.ts"
import { atOnce } from "./step.ts"
import { Tables } from "./Tables.ts"

const guarantees: Guarantees = { name: "memory", durability: "nothing", scope: "one process", lanes: 1 }

/** A store of its own, which may outlive the shops that are built on it: `Layer.succeed(Store, store)`. */
const make: Effect.Effect<StoreShape> = Effect.sync(() => {
  const tables = new Tables()
  return {
    guarantees,
    transact: (_keys, decide) =>
      Effect.suspend(() => {
        const { answer, changes } = decide(tables.records)
        if (changes === undefined) return Effect.succeed(answer)
        const misfit = tables.misfit(changes)
        if (misfit !== undefined) return Effect.die(new Error(misfit))
        tables.commit(changes)
        return Effect.succeed(answer)
      }),
    ...readsOf(() => tables, atOnce),
    outbox: outboxOf(tables.outbox, atOnce),
  }
})

/**
 * The store of tests, examples and single-process shops that may forget: exact, and as fast as the rules.
 *
 * Each build of `layer` is a store of its own; within one build, a layer that is provided twice is shared, as layers are.
 */
export const MemoryStore: {
  readonly guarantees: Guarantees
  readonly make: Effect.Effect<StoreShape>
  readonly layer: Layer.Layer<Store>
} = { guarantees, make, layer: Layer.effect(Store, make) }
