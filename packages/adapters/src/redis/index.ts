/**
 * `@holdfast/adapters/redis`: what several processes of a shop may share. Redis may be wiped at any moment: it holds nothing
 * that is not in the store, and nothing but speed is lost.
 *
 * Needs `ioredis` (5 or 6) for a `url`; a `client` of the host's, or any other client through `send`, works without.
 */
import type { Ranking, SharedCache } from "@holdfast/core/ports"
import type { Layer } from "effect"
import { checkRedis, type RankingOptions, type RedisOptions, rankingChecks, redisChecks } from "./options.ts"
import { redisCacheLayer } from "./RedisCache.ts"
import { redisRankingLayer } from "./RedisRanking.ts"

/**
 * The cache on Redis as an option of a shop. Throws a `HoldfastError` for options that are not as they must be.
 *
 * ```ts
 * createHoldfast({ store, cache: redis({ client: new Redis() }) })
 * ```
 */
export const redis = (options: RedisOptions): { readonly name: string; readonly layer: Layer.Layer<SharedCache> } => {
  checkRedis(options, redisChecks)
  return { name: "redis", layer: redisCacheLayer(options) }
}

/**
 * The ranking on Redis as an option of a shop: popular products of ten thousand and more, sorted as they are sold. Throws a
 * `HoldfastError` for options that are not as they must be.
 *
 * ```ts
 * createHoldfast({ store, ranking: redisRanking({ client: new Redis(), days: [3] }) })
 * ```
 */
export const redisRanking = (
  options: RankingOptions,
): { readonly name: string; readonly layer: Layer.Layer<Ranking> } => {
  checkRedis(options, rankingChecks)
  return { name: "redis", layer: redisRankingLayer(options) }
}

export type { Send } from "./Connection.ts"
export type { CommonOptions, RankingOptions, RedisClient, RedisOptions, Ways } from "./options.ts"
