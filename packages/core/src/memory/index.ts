/**
 * `@holdfast/core/memory`: stores that keep everything in this process and nothing after it.
 */
import { Layer } from "effect"
import { Store, type StoreFault } from "../ports/Store.ts"
import { MemoryStore } from "./PlainStore.ts"

/** The memory store as an option of a shop. Each call is a store of its own. */
export const memory = (): { readonly name: string; readonly layer: Layer.Layer<Store, StoreFault> } => ({
  name: MemoryStore.guarantees.name,
  // A layer of its own, so that two shops that are built together do not share one as they would `MemoryStore.layer`.
  layer: Layer.effect(Store, MemoryStore.make),
})

export { type InterleavingOptions, InterleavingStore } from "./InterleavingStore.ts"
export { MemoryStore } from "./PlainStore.ts"
