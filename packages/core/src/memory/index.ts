/**
 * `@holdfast/core/memory`: stores that keep everything in this process and nothing after it.
 */
import { Layer } from "effect"
import * as Options from "../options.ts"
import { Store, type StoreFault } from "../ports/index.ts"
import { MemoryStore } from "./PlainStore.ts"

/** The memory store as an option of a shop. Each call is a store of its own. There is nothing to choose about it. */
export const memory = (
  options: Readonly<Record<string, never>> = {},
): { readonly name: string; readonly layer: Layer.Layer<Store, StoreFault> } => {
  Options.check(options, {})
  // A layer of its own, so that two shops that are built together do not share one as they would `MemoryStore.layer`.
  return { name: MemoryStore.guarantees.name, layer: Layer.effect(Store, MemoryStore.make) }
}

export { type InterleavingOptions, InterleavingStore } from "./InterleavingStore.ts"
export { type MemoryCacheOptions, makeMemoryCache, memoryCache } from "./MemoryCache.ts"
export { type MemoryRankingOptions, makeMemoryRanking, memoryRanking } from "./MemoryRanking.ts"
export { type InProcessRequestsOptions, inProcessRequests, makeMemoryRequestLog } from "./MemoryRequestLog.ts"
export { MemoryStore } from "./PlainStore.ts"
