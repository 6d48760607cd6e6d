import { Effect, Layer } from "effect"
import { describe, expect, it } from "vitest"
import { codeOf } from "../../src/codeOf.ts"
import { createHoldfast } from "../../src/index.ts"
import { inProcessRequests, MemoryStore, makeMemoryRequestLog } from "../../src/memory/index.ts"
import { RequestLog, type RequestLogShape, Store } from "../../src/ports/index.ts"
import type { RequestedCoupon } from "../../src/services/Coupons.ts"
import { measurementsOf } from "../../src/services/measurements.ts"
import { endOf, furnishedShop, memoryStore, openShop, type TestShop } from "../support/shop.ts"

const names = Array.from({ length: 8 }, (_, index) => `buyer-${index}`)
const accounts = Object.fromEntries(names.map((name) => [name, 0]))
const spring = { campaignId: "spring", name: "Spring", discount: { type: "flat", amount: 30 }, limit: 3 } as const

const requestShop = async (options: Parameters<typeof furnishedShop>[1] = {}, store = memoryStore()) => {
  const shop = await furnishedShop({ accounts, products: {} }, { requests: inProcessRequests(), ...options }, store)
  await shop.coupons.createCampaign(spring)
  return shop
}

const request = (shop: TestShop, accountId: string, key?: string) =>
  shop.coupons.request({ campaignId: "spring", accountId, ...(key === undefined ? {} : { key }) })

/** What a request came to, once it is decided. */
const decided = async (shop: TestShop, requestId: string): Promise<RequestedCoupon> => {
  await expect.poll(async () => (await shop.coupons.requested(requestId)).state).not.toBe("waiting")
  return shop.coupons.requested(requestId)
}

const wordOf = (outcome: RequestedCoupon): string | number => {
  if (outcome.state === "issued") return outcome.coupon.ticket
  return outcome.state === "refused" ? codeOf(outcome.refusal) : outcome.state
}

describe("a coupon request", () => {
  it("is found by its id until it is decided and for good after it, in the order in which they were accepted", async () => {
    const shop = await requestShop()
    const ids = await Promise.all(names.map((name) => request(shop, name)))
    const outcomes = await Promise.all(ids.map(({ requestId }) => decided(shop, requestId)))
    const soldOut = "COUPONS_SOLD_OUT"
    expect(outcomes.map(wordOf)).toEqual([1, 2, 3, soldOut, soldOut, soldOut, soldOut, soldOut])
    expect(outcomes[0]).toMatchObject({ coupon: { accountId: "buyer-0", issuedAt: new Date(shop.time.now) } })
    // What was said is said again, whatever has changed.
    await shop.coupons.changeLimit({ campaignId: "spring", limit: 5 })
    expect(await shop.coupons.requested(ids[3]?.requestId ?? "")).toEqual(outcomes[3])
    expect((await shop.audit.run()).ok).toBe(true)
  })

  it("waits where no process decides, and is decided by the next one that does", async () => {
    const log = Effect.runSync(makeMemoryRequestLog())
    const requests = { name: "shared", layer: Layer.succeed(RequestLog, log) }
    const store = memoryStore()
    const shop = await requestShop({ requests, workers: false }, store)
    const { requestId } = await request(shop, "buyer-0")
    expect(await shop.coupons.requested(requestId)).toEqual({ state: "waiting" })
    const worker = openShop({ requests }, store)
    await worker.start()
    expect(wordOf(await decided(shop, requestId))).toBe(1)
  })

  it("whose answer was lost is made again with its key, and gives one coupon", async () => {
    const shop = await requestShop()
    const ids = [await request(shop, "buyer-0", "k"), await request(shop, "buyer-0", "k")]
    const outcomes = await Promise.all(ids.map(({ requestId }) => decided(shop, requestId)))
    expect(outcomes.map(wordOf)).toEqual([1, 1])
    expect(await shop.coupons.issue({ campaignId: "spring", accountId: "buyer-0", key: "k" })).toMatchObject({
      ticket: 1,
      replayed: true,
    })
  })

  it("is pending under its key while it waits, and accepted once it is decided", async () => {
    const log = Effect.runSync(makeMemoryRequestLog())
    const requests = { name: "shared", layer: Layer.succeed(RequestLog, log) }
    const store = memoryStore()
    const shop = await requestShop({ requests, workers: false }, store)
    const outcome = (key: string, operation: "coupons.issue" | "orders.place" = "coupons.issue") =>
      shop.shop.outcome({ operation, key })
    expect(await outcome("k")).toEqual({ status: "not-found" })
    const { requestId } = await request(shop, "buyer-0", "k")
    expect(await outcome("k")).toEqual({ status: "pending" })
    expect(await outcome("k", "orders.place")).toEqual({ status: "not-found" })
    await openShop({ requests }, store).start()
    await decided(shop, requestId)
    expect(await outcome("k")).toMatchObject({ status: "accepted", answer: { ticket: 1 } })
    await expect.poll(() => outcome("other")).toEqual({ status: "not-found" })
  })

  it("is pending under its key while it is stored, also after its caller has left", async () => {
    const log = Effect.runSync(makeMemoryRequestLog())
    const stored = Promise.withResolvers<void>()
    const append: RequestLogShape["append"] = (claims) =>
      Effect.andThen(
        Effect.promise(() => stored.promise),
        log.append(claims),
      )
    const requests = { name: "slow", layer: Layer.succeed(RequestLog, { ...log, append }) }
    const shop = await requestShop({ requests })
    const leaving = new AbortController()
    const claim = { campaignId: "spring", accountId: "buyer-0", key: "k" }
    const left = shop.coupons.request(claim, { signal: leaving.signal })
    await new Promise((resolve) => setTimeout(resolve, 20))
    leaving.abort(new Error("left"))
    await expect(left).rejects.toThrow("left")
    expect(await shop.shop.outcome({ operation: "coupons.issue", key: "k" })).toEqual({ status: "pending" })
    stored.resolve()
    await expect
      .poll(() => shop.shop.outcome({ operation: "coupons.issue", key: "k" }))
      .toMatchObject({
        status: "accepted",
      })
  })

  it("that came before the closing, and is made again with its key after it → is not told that it came too late", async () => {
    const log = Effect.runSync(makeMemoryRequestLog())
    const requests = { name: "shared", layer: Layer.succeed(RequestLog, log) }
    const store = memoryStore()
    const shop = await requestShop({ requests, workers: false }, store)
    const closesAt = new Date(shop.time.now + 1_000)
    await shop.coupons.createCampaign({ ...spring, campaignId: "short", closesAt })
    const short = { campaignId: "short", accountId: "buyer-0", key: "k" }
    const ids = [(await shop.coupons.request(short)).requestId]
    shop.time.now += 1_000
    const late = { campaignId: "short", accountId: "buyer-1" }
    await expect(shop.coupons.issue(late)).rejects.toMatchObject({ code: "OUTSIDE_ISSUE_WINDOW" })
    await expect.poll(async () => (await shop.health()).metrics.seals).toBe(1)
    // Of a key that the engine has made nothing can wait.
    await expect(shop.coupons.request(late)).rejects.toMatchObject({ code: "OUTSIDE_ISSUE_WINDOW" })
    ids.push((await shop.coupons.request(short)).requestId)
    await openShop({ requests }, store).start()
    const outcomes = await Promise.all(ids.map((requestId) => decided(shop, requestId)))
    expect(outcomes.map(wordOf)).toEqual([1, 1])
  })

  it("without a key finds the coupon that its account has", async () => {
    const shop = await requestShop()
    await shop.coupons.issue({ campaignId: "spring", accountId: "buyer-0" })
    const outcome = await decided(shop, (await request(shop, "buyer-0")).requestId)
    expect(outcome).toMatchObject({ refusal: { _tag: "CouponAlreadyIssued", coupon: { ticket: 1 } } })
    expect(outcome.state === "refused" && "coupon" in outcome.refusal && outcome.refusal.coupon.issuedAt).toEqual(
      new Date(shop.time.now),
    )
  })

  it("is judged by the window at the time of its acceptance, and by state and account when it is decided", async () => {
    const shop = await requestShop()
    const closesAt = new Date(shop.time.now + 1_000)
    await shop.coupons.createCampaign({ ...spring, campaignId: "short", closesAt })
    const { requestId } = await shop.coupons.request({ campaignId: "short", accountId: "buyer-0" })
    shop.time.now += 2_000
    const late = await shop.coupons.request({ campaignId: "short", accountId: "buyer-1" })
    expect(wordOf(await decided(shop, requestId))).toBe(1)
    const outcome = await decided(shop, late.requestId)
    expect(outcome).toEqual({
      state: "refused",
      refusal: { _tag: "OutsideIssueWindow", campaignId: "short", opensAt: undefined, closesAt },
    })
    await shop.coupons.pauseCampaign({ campaignId: "spring" })
    expect(wordOf(await decided(shop, (await request(shop, "buyer-2")).requestId))).toBe("CAMPAIGN_NOT_OPEN")
    expect(wordOf(await decided(shop, (await request(shop, "nobody")).requestId))).toBe("ACCOUNT_NOT_FOUND")
  })

  it("of a campaign that is settled as sold out is refused before anything is stored", async () => {
    const shop = await requestShop()
    for (const name of names.slice(0, 4)) await decided(shop, (await request(shop, name)).requestId)
    await expect.poll(async () => endOf(request(shop, "buyer-7"))).toMatchObject({ _tag: "CouponsSoldOut" })
    await shop.coupons.changeLimit({ campaignId: "spring", limit: 4 })
    expect(wordOf(await decided(shop, (await request(shop, "buyer-7")).requestId))).toBe(4)
  })

  it("is refused as Overloaded where too many wait, and nothing is stored", async () => {
    const shop = await requestShop({ requests: inProcessRequests({ maxWaiting: 2 }), workers: false })
    await request(shop, "buyer-0")
    await request(shop, "buyer-1")
    expect(await endOf(request(shop, "buyer-2"))).toMatchObject({ _tag: "Overloaded", outcome: "nothing-happened" })
  })

  it("given more at once than may wait → the first ones find room, and only the others are Overloaded", async () => {
    const shop = await requestShop({ requests: inProcessRequests({ maxWaiting: 3 }), workers: false })
    const ends = await Promise.all(names.map((name) => endOf(request(shop, name))))
    expect(ends.map((end) => ("requestId" in Object(end) ? "accepted" : end))).toEqual([
      ...Array.from({ length: 3 }, () => "accepted"),
      ...Array.from({ length: 5 }, () => expect.objectContaining({ _tag: "Overloaded", outcome: "nothing-happened" })),
    ])
    expect((await shop.shop.health()).requests).toEqual({ waiting: 3 })
  })

  it("given a log that is lost after some of those who asked together → these have their ids, and the others know of nothing", async () => {
    const log = Effect.runSync(makeMemoryRequestLog({ maxWaiting: 2 }))
    let appends = 0
    const lost = Effect.fail({ _tag: "Lost", reason: "away" } as const)
    const append: RequestLogShape["append"] = (claims) =>
      Effect.suspend((): ReturnType<RequestLogShape["append"]> => (++appends > 4 ? lost : log.append(claims)))
    const requests = { name: "lost", layer: Layer.succeed(RequestLog, { ...log, append }) }
    const shop = await requestShop({ requests, workers: false })
    const ends = await Promise.all(names.map((name) => endOf(request(shop, name))))
    // 8 and 4 are too many, 2 are taken, 2 are too many, and the next one is lost.
    expect(ends.map((end) => ("requestId" in Object(end) ? "accepted" : end))).toEqual([
      ...Array.from({ length: 2 }, () => "accepted"),
      ...Array.from({ length: 6 }, () => expect.objectContaining({ _tag: "StoreUnavailable", outcome: "unknown" })),
    ])
  })

  it("that wait are told by the shop's health, and are a gauge", async () => {
    const shop = await requestShop({ workers: false })
    await request(shop, "buyer-0")
    const report = await shop.shop.health()
    expect(report.requests).toEqual({ waiting: 1 })
    expect(measurementsOf(report).find(({ name }) => name === "holdfast.requests_waiting")?.samples).toEqual([
      { labels: {}, value: 1 },
    ])
    expect((await (await requestShop({ requests: undefined })).shop.health()).requests).toBeUndefined()
  })

  it("are counted while the store is asked whether it answers: neither waits for the other", async () => {
    const counted = Promise.withResolvers<void>()
    const shape = await Effect.runPromise(MemoryStore.make)
    // It answers once the log was asked.
    const store = Layer.succeed(Store, { ...shape, probe: Effect.promise(() => counted.promise) })
    const inner = inProcessRequests()
    const log = Effect.map(RequestLog, (one) => ({
      ...one,
      waiting: Effect.andThen(Effect.sync(counted.resolve), one.waiting),
    }))
    const shop = createHoldfast({
      store: { name: "late", layer: store },
      requests: { ...inner, layer: Layer.effect(RequestLog, log).pipe(Layer.provide(inner.layer)) },
    })
    expect(await shop.health()).toMatchObject({ status: "ok", requests: { waiting: 0 } })
    expect(await shop.readiness()).toMatchObject({ status: "ok", store: { reachable: true } })
    await shop.stop()
  })

  it("that this process would lose is decided before the shop has stopped", async () => {
    const store = memoryStore()
    const shop = await requestShop({}, store)
    const { requestId } = await request(shop, "buyer-0")
    await shop.stop()
    const next = await furnishedShop({ accounts: {}, products: {} }, {}, store)
    expect(wordOf(await next.coupons.requested(requestId))).toBe(1)
  })

  it("needs the option, and an id that was given", async () => {
    const shop = await requestShop({ requests: undefined })
    expect(await endOf(request(shop, "buyer-0"))).toEqual({ _tag: "RequestsNotOffered", campaignId: "spring" })
    const asked = await requestShop()
    const { requestId } = await request(asked, "buyer-0")
    await decided(asked, requestId)
    for (const id of ["x", `${requestId}x`, requestId.replace(".0.0.", ".0.7.")]) {
      expect(await endOf(asked.coupons.requested(id))).toEqual({ _tag: "RequestNotFound", requestId: id })
    }
    expect(await endOf(asked.coupons.requested(""))).toMatchObject({ _tag: "InvalidInput" })
  })

  it("has its event delivered, though no lane decided it", async () => {
    const shop = await requestShop()
    const heard: Array<string> = []
    await shop.events.subscribe("mail", (event) => {
      if (event.type === "coupons.issued") heard.push(event.key)
      return Promise.resolve()
    })
    await request(shop, "buyer-0")
    await expect.poll(() => heard).toEqual(["spring"])
  })
})
