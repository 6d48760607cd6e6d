/**
 * Redis killed, frozen, flushed and short of memory in the middle of a sale: every answer is right, the sale goes on, and
 * the books add up.
 *
 * `CHAOS_TRIALS=60` runs as many seeds, `CHAOS_SEED=7` begins with that one.
 */
import { redis, redisRanking } from "@holdfast/adapters/redis"
import { createHoldfast, type Shop } from "@holdfast/core"
import { MemoryStore } from "@holdfast/core/memory"
import { Store } from "@holdfast/core/ports"
import { Sim } from "@holdfast/core/testing"
import type { RedisServer } from "@holdfast/test-services"
import { Effect, Layer } from "effect"
import { Redis } from "ioredis"
import { describe, expect, it } from "vitest"
import { redisFor } from "../support/redis.ts"

const trials = Number(process.env.CHAOS_TRIALS ?? 12)
const firstSeed = Number(process.env.CHAOS_SEED ?? 1)

const limit = 20
const accounts = 45
const calls = 120

/** What goes wrong, and how it is mended. */
const troubles: Readonly<Record<string, (server: RedisServer) => Promise<() => unknown>>> = {
  killed: async (server) => {
    await server.kill()
    return () => server.restart()
  },
  frozen: async (server) => {
    server.freeze?.()
    return () => server.thaw?.()
  },
  flushed: async (server) => {
    await said(server, ["FLUSHALL"])
    return () => said(server, ["SCRIPT", "FLUSH"])
  },
  "short of memory": async (server) => {
    await said(server, ["CONFIG", "SET", "maxmemory", "1200kb"])
    await said(server, ["CONFIG", "SET", "maxmemory-policy", "allkeys-random"])
    return () => said(server, ["CONFIG", "SET", "maxmemory", "0"])
  },
}

/** One command on a connection of its own. */
const said = async (server: RedisServer, [name = "", ...args]: ReadonlyArray<string>): Promise<void> => {
  const client = new Redis(server.url, { maxRetriesPerRequest: 3 })
  client.on("error", () => {})
  await client.call(name, ...args).finally(() => client.disconnect())
}

describe("a sale goes on while Redis is", () => {
  it(`killed, frozen, flushed and short of memory, in ${trials} seeded trials`, async (context) => {
    const server = await redisFor(context)
    if (server.freeze === undefined) return context.skip("a local server only")
    for (let seed = firstSeed; seed < firstSeed + trials; seed++) {
      const draws = Sim.drawsOf(seed)
      const names = Object.keys(troubles)
      const name = names[seed % names.length] ?? "killed"
      const store = { name: "memory", layer: Layer.succeed(Store, Effect.runSync(MemoryStore.make)) }
      const cache = redis({ url: server.url, prefix: `trial-${seed}:`, products: true })
      const ranking = redisRanking({ url: server.url, prefix: `trial-${seed}:` })
      const shops = [createHoldfast({ store, cache, ranking }), createHoldfast({ store, cache, ranking })] as const
      try {
        const wrong = await sale(shops, draws, async () => {
          const mend = await troubles[name]?.(server)
          return async () => void (await mend?.())
        })
        expect(wrong, `seed ${seed}, Redis ${name}`).toEqual([])
        expect((await shops[0].audit.run()).ok, `seed ${seed}`).toBe(true)
      } finally {
        await Promise.all(shops.map((shop) => shop.stop()))
      }
    }
  })
})

/** Two processes sell, read and change while something happens to Redis. Answers what was wrong. */
const sale = async (
  [left, right]: readonly [Shop, Shop],
  draws: ReturnType<typeof Sim.drawsOf>,
  disturb: () => Promise<() => Promise<void>>,
): Promise<ReadonlyArray<string>> => {
  const wrong: Array<string> = []
  for (let n = 0; n < accounts; n++) {
    await left.points.open({ accountId: `a${n}` })
    await left.points.charge({ accountId: `a${n}`, amount: 1_000, key: `top-up-${n}` })
  }
  await left.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 1_000 })
  await left.coupons.createCampaign({ campaignId: "sale", name: "Sale", discount: { type: "flat", amount: 1 }, limit })
  const owners = new Set<string>()
  let price = 10
  let changedAt = 0
  const someone = (): string => `a${draws.below(accounts)}`

  const claim = async (shop: Shop): Promise<void> => {
    const accountId = someone()
    const owned = owners.has(accountId)
    const answer = await shop.safe.coupons.issue({ campaignId: "sale", accountId })
    if (answer.ok) {
      if (owners.has(accountId)) wrong.push(`${accountId} was given two coupons`)
      owners.add(accountId)
    } else if (owned && answer.error.code !== "COUPON_ALREADY_ISSUED") {
      wrong.push(`${accountId} owned a coupon and was told ${answer.error.code}`)
    } else if (!["COUPON_ALREADY_ISSUED", "COUPONS_SOLD_OUT"].includes(answer.error.code)) {
      wrong.push(`a claim was told ${answer.error.code}`)
    }
  }
  let orders = 0
  const soldAt: Array<number> = []
  const buy = async (shop: Shop): Promise<void> => {
    const order = { accountId: someone(), lines: [{ productId: "tee", quantity: 1 }], key: `order-${orders++}` }
    const answer = await shop.safe.orders.place(order)
    if (answer.ok) soldAt.push(performance.now())
    else if (answer.error.code !== "POINTS_NOT_ENOUGH") wrong.push(`an order was told ${answer.error.code}`)
  }
  const read = async (shop: Shop): Promise<void> => {
    const calledAt = performance.now()
    const maxAgeMillis = 100
    const expected = price
    const settled = calledAt - changedAt > maxAgeMillis
    const product = await shop.stock.product("tee", { maxAgeMillis })
    // The age is told of a moment between the call and its answer: what had been answered so long before the call is in the list.
    const askedAt = performance.now()
    let since = 0
    const onAge = (age: number): void => {
      since = askedAt - age
    }
    const { products } = await shop.popularity.top({}, { maxAgeMillis: 400, onAge })
    const least = soldAt.filter((at) => at < since - 1).length
    const listed = products[0]?.sold ?? 0
    if (listed < least || listed > orders) wrong.push(`${listed} sold were listed where ${least} to ${orders} were`)
    if (settled && product.price !== expected && product.price < expected) {
      wrong.push(`price ${product.price} was read more than ${maxAgeMillis} ms after it was ${expected}`)
    }
  }
  const change = async (): Promise<void> => {
    const next = price + 1
    await left.stock.changePrice({ productId: "tee", price: next })
    price = next
    changedAt = performance.now()
    const seen = await left.stock.product("tee", { maxAgeMillis: 3_600_000 })
    if (seen.price < next) wrong.push(`its own process read ${seen.price} after ${next} had been answered`)
  }

  const disturbedAt = draws.between(10, calls / 2)
  let mend: Promise<() => Promise<void>> | undefined
  for (let n = 0; n < calls; n++) {
    if (n === disturbedAt) mend = disturb()
    const shop = draws.chance(0.5) ? left : right
    const crowd = Array.from({ length: 4 }, () => {
      const which = draws.below(10)
      return which < 5 ? claim(shop) : which < 7 ? buy(shop) : which < 9 ? read(shop) : undefined
    })
    await Promise.all(crowd)
    if (draws.chance(0.1)) await change()
  }
  await (await mend)?.()
  for (let n = 0; n < accounts; n++) await claim(n % 2 === 0 ? left : right)
  for (let n = 0; owners.size < limit && n < 1_000; n++) await claim(left)
  const { issued } = await left.coupons.campaign("sale")
  if (issued !== limit || owners.size !== limit) wrong.push(`${issued} coupons were issued and ${owners.size} answered`)
  return wrong
}
