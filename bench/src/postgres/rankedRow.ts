/**
 * The popular list out of a ranking on Redis against the store that adds it up: many callers at once, and no list that was
 * kept before.
 */
import { postgres } from "@holdfast/adapters/postgres"
import { redisRanking } from "@holdfast/adapters/redis"
import { createHoldfast, type Shop } from "@holdfast/core"
import { privateRedis } from "@holdfast/test-services"
import type { Context } from "../Scenario.ts"
import { median, quotientsOf, significant, spreadText } from "../statistics.ts"

export interface RankedRow {
  /** How long the store takes / how long a ranked answer does. */
  readonly ratio: number
  readonly storeMillis: number
  readonly rankedMillis: number
  /** How long it took until the ranking was whole. */
  readonly fillSeconds: number
}

/** How old a list may be, and how long it takes until none of a round is. */
const maxAgeMillis = 900
/** As many callers at once, each with a limit of its own: no two share an answer. */
const limits = 20
const longestFillMillis = 60_000

/** Undefined, and said so, where there is no Redis. */
export const rankedRow = async (
  url: string,
  schema: string,
  rounds: number,
  { progress, atEnd }: Context,
): Promise<RankedRow | undefined> => {
  const redis = await privateRedis("bench reads")
  if (redis === undefined) {
    progress("LEFT OUT: no Redis here, so nothing is ranked")
    return undefined
  }
  atEnd(redis.stop)
  const shop = createHoldfast({ store: postgres({ url, schema }), ranking: redisRanking({ url: redis.url }) })
  atEnd(() => shop.stop())
  const exact = await shop.popularity.top({ limit: limits })
  const beganAt = performance.now()
  while (!(await isRanked(shop))) {
    if (performance.now() - beganAt > longestFillMillis) throw new Error("The ranking does not become whole.")
  }
  const fillSeconds = significant((performance.now() - beganAt) / 1_000, 2)
  const times: { readonly store: Array<number>; readonly ranked: Array<number> } = { store: [], ranked: [] }
  for (let round = 0; round < rounds; round++) {
    times.store.push(await millisEach((limit) => shop.popularity.top({ limit })))
    await new Promise((resolve) => setTimeout(resolve, maxAgeMillis))
    times.ranked.push(await millisEach((limit) => shop.popularity.top({ limit }, { maxAgeMillis })))
  }
  const { products } = await shop.popularity.top({ limit: limits }, { maxAgeMillis })
  if (JSON.stringify(products) !== JSON.stringify(exact.products)) throw new Error("The ranking has another list.")
  await shop.events.unregister("holdfast-ranking")
  const quotients = quotientsOf(times.store, times.ranked)
  progress(`popular list, store / ranked: ${spreadText(quotients)}`)
  return {
    ratio: significant(median(quotients), 3),
    storeMillis: significant(median(times.store), 3),
    rankedMillis: significant(median(times.ranked), 3),
    fillSeconds,
  }
}

const millisEach = async (ask: (limit: number) => Promise<unknown>): Promise<number> => {
  const askedAt = performance.now()
  await Promise.all(Array.from({ length: limits }, (_, n) => ask(n + 1)))
  return (performance.now() - askedAt) / limits
}

/** Whether a list that may have an age is answered at once: the store takes far longer. */
const isRanked = async (shop: Shop): Promise<boolean> => {
  let ageMillis = 0
  const askedAt = performance.now()
  await shop.popularity.top({ limit: 7 }, { maxAgeMillis: 300, onAge: (age) => (ageMillis = age) })
  const tookMillis = performance.now() - askedAt
  await new Promise((resolve) => setTimeout(resolve, 350))
  // What the store answers is as old as its read took; what is ranked is older than its read.
  return ageMillis > tookMillis + 1
}
