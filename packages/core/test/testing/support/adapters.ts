/** Adapters for tests of the kit: the memory store with one thing about it changed. */
import { Effect, Layer, type Scope } from "effect"
import { MemoryStore } from "../../../src/memory/index.ts"
import { Store, type StoreShape } from "../../../src/ports/index.ts"
import type { Adapter } from "../../../src/testing/conformance/Adapter.ts"

export const around = (
  name: string,
  runs: "simulated" | "live",
  wrap: (store: StoreShape) => StoreShape | Effect.Effect<StoreShape, never, Scope.Scope>,
): Adapter => ({
  name,
  guarantees: MemoryStore.guarantees,
  runs,
  layer: Layer.effect(
    Store,
    Effect.flatMap(MemoryStore.make, (store) => {
      const wrapped = wrap(store)
      return Effect.isEffect(wrapped) ? wrapped : Effect.succeed(wrapped)
    }),
  ),
})
