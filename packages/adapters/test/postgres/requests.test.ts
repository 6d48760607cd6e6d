/**
 * Coupon requests in the shop's own PostgreSQL, with several processes that accept and decide at once.
 */
import { createHoldfast, type RequestedCoupon, type Shop } from "@holdfast/core"
import { Effect, Logger } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { PostgresStore, postgres, postgresRequests } from "../../src/postgres/index.ts"
import { AccountId, CampaignId, IdempotencyKey, sliceDecider, testScope } from "../support/core.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

const deadlineMillis = 120_000
const limit = 40

describe("requests in the shop's PostgreSQL", () => {
  const { url, server } = serverForFile("requests")
  const shops: Array<Shop> = []
  let schema = ""
  beforeEach((context) => {
    context.skip(server() === undefined, "no PostgreSQL here")
    schema = freshSchema()
  })
  afterEach(async () => {
    await Promise.all(shops.splice(0).map((shop) => shop.stop()))
    await ask(`drop schema if exists ${schema} cascade`)
  })
  const ask = (sql: string) => Effect.runPromise(query(url(), sql))
  const open = (options: { readonly workers?: boolean; readonly maxWaiting?: number } = {}): Shop => {
    const { workers = true, maxWaiting } = options
    const shop = createHoldfast({
      store: postgres({ url: url(), schema }),
      requests: postgresRequests({ url: url(), schema, maxWaiting }),
      workers,
      // All of them are accepted, also those that come late.
      seals: false,
      deadlineMillis,
    })
    shops.push(shop)
    return shop
  }
  const furnish = async (shop: Shop, accounts: number): Promise<ReadonlyArray<string>> => {
    const names = Array.from({ length: accounts }, (_, index) => `buyer-${index}`)
    await Promise.all(names.map((accountId) => shop.points.open({ accountId })))
    const discount = { type: "flat", amount: 1 } as const
    await shop.coupons.createCampaign({ campaignId: "spring", name: "Spring", discount, limit })
    return names
  }
  const decided = async (shop: Shop, requestId: string): Promise<RequestedCoupon> => {
    await expect.poll(async () => (await shop.coupons.requested(requestId)).state).not.toBe("waiting")
    return shop.coupons.requested(requestId)
  }
  const offsetOf = (requestId: string): number => Number(requestId.split(".").at(-2))

  it("are decided once, in the order of the log, whichever of several processes accepts and decides", async () => {
    const all = [open(), open(), open()] as const
    const names = await furnish(all[0], 300)
    const accepted = await Promise.all(
      names.map(async (accountId, index) => {
        const shop = all[index % all.length] ?? all[0]
        return { accountId, ...(await shop.coupons.request({ campaignId: "spring", accountId })) }
      }),
    )
    expect(new Set(accepted.map(({ requestId }) => offsetOf(requestId))).size).toBe(300)
    const inOrder = accepted.toSorted((left, right) => offsetOf(left.requestId) - offsetOf(right.requestId))
    const outcomes = await Promise.all(inOrder.map(({ requestId }) => decided(all[1], requestId)))
    const tickets = outcomes.flatMap((outcome) => (outcome.state === "issued" ? [outcome.coupon.ticket] : []))
    expect(tickets).toEqual(Array.from({ length: limit }, (_, index) => index + 1))
    expect(outcomes.slice(limit).every(({ state }) => state === "refused")).toBe(true)
    // Another process says the same, later and for good.
    expect(await Promise.all(inOrder.map(({ requestId }) => all[2].coupons.requested(requestId)))).toEqual(outcomes)
    expect((await all[0].audit.run()).ok).toBe(true)
    await expect.poll(() => ask(`select count(*)::int as n from ${schema}.request_claim`)).toEqual([{ n: 0 }])
  })

  it("are refused at the start where they are kept in the schema of another shop, which would decide them for itself", async () => {
    const other = freshSchema()
    const starting = (ofStore: string, ofLog: string | undefined) => {
      const requests = postgresRequests({ url: url(), ...(ofLog !== undefined && { schema: ofLog }) })
      const shop = createHoldfast({ store: postgres({ url: url(), schema: ofStore }), requests })
      shops.push(shop)
      return shop.start()
    }
    try {
      await starting(schema, schema)
      for (const ofLog of [schema, undefined]) {
        await expect(starting(other, ofLog)).rejects.toMatchObject({
          code: "INVALID_INPUT",
          message: expect.stringContaining(
            `/requests: must be kept where the store is: they are in "${ofLog ?? "holdfast"}"`,
          ),
        })
      }
    } finally {
      await Promise.all(shops.splice(0).map((shop) => shop.stop()))
      await ask(`drop schema if exists ${other} cascade`)
    }
  })

  it("wait where no process decides, survive all of them, and are decided by the next", async () => {
    const accepting = open({ workers: false })
    const names = await furnish(accepting, 10)
    const requests = names.map((accountId) => accepting.coupons.request({ campaignId: "spring", accountId }))
    const ids = (await Promise.all(requests)).map(({ requestId }) => requestId)
    expect(await accepting.coupons.requested(ids[0] ?? "")).toEqual({ state: "waiting" })
    await accepting.stop()
    const deciding = open()
    const outcomes = await Promise.all(ids.map((id) => decided(deciding, id)))
    expect(outcomes.map(({ state }) => state)).toEqual(names.map(() => "issued"))
  })

  it("are refused before anything is stored where too many wait, whichever process counted them", async () => {
    const all = [open({ workers: false, maxWaiting: 5 }), open({ workers: false, maxWaiting: 5 })] as const
    const names = await furnish(all[0], 12)
    const ends = await Promise.all(
      names.map((accountId, index) =>
        (all[index % 2] ?? all[0]).safe.coupons.request({ campaignId: "spring", accountId }),
      ),
    )
    const refused = ends.filter((end) => !end.ok)
    for (const end of refused) expect(end).toMatchObject({ error: { code: "OVERLOADED" } })
    const [rows] = await ask(`select count(*)::int as n from ${schema}.request_claim`)
    expect(rows).toEqual({ n: names.length - refused.length })
    expect(names.length - refused.length).toBeLessThanOrEqual(5)
  })

  it("give each ticket once, however many stores decide the same slices at the same time", async () => {
    const shop = open({ workers: false })
    const names = await furnish(shop, 60)
    const requestsFrom = (first: number) =>
      names.map((accountId, offset) => ({
        offset,
        claim: {
          campaignId: CampaignId.make("spring"),
          accountId: AccountId.make(accountId),
          at: Date.now(),
          commandId: `c${first + offset}` as never,
          scope: testScope,
          key: IdempotencyKey.make(`c${first + offset}`),
        },
      }))
    const decideAll = (requests: ReturnType<typeof requestsFrom>) => (size: number) =>
      Effect.scoped(
        Effect.gen(function* () {
          const store = yield* PostgresStore.make({ url: url(), schema })
          let count = 0
          const decide = sliceDecider(store, (decided) => {
            count += decided.length
          })
          for (let from = 0; from < names.length; ) {
            const end = Math.min(from + size, names.length)
            const slice = { log: "tested", partition: 0, requests: requests.slice(from, end), end }
            yield* decide(slice)
            from = end
          }
          return count
        }),
      )
    const counts = await Effect.runPromise(
      Effect.forEach([3, 4, 5, 6], decideAll(requestsFrom(0)), { concurrency: "unbounded" }),
    )
    expect(counts.reduce((sum, count) => sum + count)).toBe(names.length)
    const owners = await shop.coupons.ofCampaign({ campaignId: "spring", limit: 100 })
    expect(owners.items.map(({ accountId }) => accountId)).toEqual(names.slice(0, limit))
    expect(await ask(`select count(*)::int as n from ${schema}.request_verdict`)).toEqual([{ n: names.length }])
    // Another log under the same name: its places count as decided, and its requests have no verdict.
    const anew = Effect.forEach([3, 5], decideAll(requestsFrom(1_000)), { concurrency: "unbounded" })
    expect((await Effect.runPromise(anew.pipe(Effect.provide(Logger.layer([]))))).reduce((sum, n) => sum + n)).toBe(60)
    expect(await ask(`select count(*)::int as n from ${schema}.request_verdict`)).toEqual([{ n: 2 * names.length }])
    expect((await shop.audit.run()).ok).toBe(true)
  })
})
