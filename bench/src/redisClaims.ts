/**
 * Coupons the way of a host that keeps them in Redis: one script a claim decides, counts and notes the event, on one
 * connection that pipelines.
 */
import { createHash } from "node:crypto"
import { Redis } from "ioredis"
import type { Context } from "./Scenario.ts"

/**
 * KEYS: claimants (set), events (stream). ARGV: account, limit, campaign. Returns the ticket, 0 where there is none left,
 * −1 where the account has one. O(1).
 */
const script = `
if redis.call('SISMEMBER', KEYS[1], ARGV[1]) == 1 then return -1 end
local ticket = redis.call('SCARD', KEYS[1]) + 1
if ticket > tonumber(ARGV[2]) then return 0 end
redis.call('SADD', KEYS[1], ARGV[1])
redis.call('XADD', KEYS[2], '*', 'campaign', ARGV[3], 'account', ARGV[1], 'ticket', ticket)
return ticket
`
const sha = createHash("sha1").update(script).digest("hex")

export interface RedisClaims {
  readonly claim: (campaignId: string, accountId: string) => Promise<void>
  /** A claim of a campaign that has given everything away. */
  readonly refuse: (campaignId: string, accountId: string) => Promise<void>
  /** Whether every answer is in the sets and in the streams. */
  readonly addsUp: () => Promise<boolean>
}

/** Undefined, and said so, where no Redis answers at `REDIS_URL` (default: 127.0.0.1:6379). */
export const openRedisClaims = async ({ progress, atEnd }: Context): Promise<RedisClaims | undefined> => {
  const url = process.env.REDIS_URL ?? "redis://127.0.0.1:6379"
  const redis = new Redis(url, { lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
  redis.on("error", () => {})
  try {
    await redis.connect()
  } catch {
    progress("LEFT OUT: no Redis answers (set REDIS_URL), so nothing is compared with it")
    redis.disconnect()
    return undefined
  }
  await redis.script("LOAD", script)
  const prefix = `{holdfast-bench-${process.pid}}`
  const tickets = new Map<string, Set<number>>()
  const keysOf = (campaignId: string) =>
    [`${prefix}:${campaignId}:claimants`, `${prefix}:${campaignId}:events`] as const
  atEnd(async () => {
    for (const campaignId of tickets.keys()) await redis.unlink(...keysOf(campaignId))
    redis.disconnect()
  })
  return {
    claim: async (campaignId, accountId) => {
      const ticket = Number(await redis.evalsha(sha, 2, ...keysOf(campaignId), accountId, 1_000_000_000, campaignId))
      if (ticket <= 0) throw new Error("Redis refused a claim that it should have taken.")
      const given = tickets.get(campaignId) ?? new Set()
      tickets.set(campaignId, given.add(ticket))
    },
    refuse: async (campaignId, accountId) => {
      const ticket = Number(await redis.evalsha(sha, 2, ...keysOf(campaignId), accountId, 0, campaignId))
      if (ticket !== 0) throw new Error("Redis took a claim that it should have refused.")
    },
    addsUp: async () => {
      let ok = true
      for (const [campaignId, given] of tickets) {
        const [claimants, events] = keysOf(campaignId)
        ok &&= (await redis.scard(claimants)) === given.size && (await redis.xlen(events)) === given.size
      }
      if (!ok) progress("RECOUNT: Redis holds other claims than it answered")
      return ok
    },
  }
}
