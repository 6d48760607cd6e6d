import { Effect, Layer } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { OwnerFilter } from "../../src/coupons/OwnerFilter.ts"
import { decodeOwners, encodeSeal, type Seal } from "../../src/coupons/Seal.ts"
import { createHoldfast, type Shop } from "../../src/index.ts"
import { inProcessRequests, MemoryStore, makeMemoryCache } from "../../src/memory/index.ts"
import {
  type Reads,
  SharedCache,
  type SharedCacheShape,
  Store,
  type StoreFault,
  type StoreShape,
} from "../../src/ports/index.ts"
import { CampaignId, type CommandId, Quantity } from "../../src/values.ts"

/** A store that counts what it is asked, for any number of processes. */
class Watched {
  transacts = 0
  standings = 0
  pages = 0
  /** What a look at a campaign waits for. */
  gate: Promise<void> = Promise.resolve()
  isAway = false
  throws = false
  thrown = 0
  readonly #store = Effect.runSync(MemoryStore.make)

  shop(options: Parameters<typeof createHoldfast>[0] = {}, cache?: SharedCacheShape): Shop {
    const { reads, transact } = this.#store
    const watched: Reads = {
      ...reads,
      standing: (asked) => {
        if (this.throws) {
          this.thrown++
          throw new Error("an adapter that throws")
        }
        return Effect.suspend(() => {
          this.standings++
          if (this.isAway) return Effect.fail<StoreFault>({ _tag: "Lost", reason: "away" })
          return Effect.andThen(
            Effect.promise(() => this.gate),
            reads.standing?.(asked) ?? Effect.die("no standing"),
          )
        })
      },
      owners: (campaignId, after, limit) =>
        Effect.suspend(() => {
          this.pages++
          return reads.owners?.(campaignId, after, Math.min(limit, 3)) ?? Effect.die("no owners")
        }),
    }
    const store: StoreShape = {
      ...this.#store,
      reads: watched,
      transact: (keys, decide, turn) =>
        Effect.suspend(() => {
          this.transacts++
          return transact(keys, decide, turn)
        }),
    }
    const shop = createHoldfast({
      store: { name: "watched", layer: Layer.succeed(Store, store) },
      ...(cache && { cache: { name: "shared", layer: Layer.succeed(SharedCache, cache) } }),
      ...options,
    })
    onTestFinished(() => shop.stop())
    return shop
  }
}

const claim = async (shop: Shop, accountId: string, key?: string): Promise<string> => {
  const answer = await shop.safe.coupons.issue({ campaignId: "sale", accountId, ...(key !== undefined && { key }) })
  return answer.ok ? `ticket ${answer.value.ticket}${answer.value.replayed ? " again" : ""}` : answer.error.code
}

const seals = async (shop: Shop) => (await shop.health()).metrics

/** A campaign that is sold out and sealed, with accounts a0 to a39 of which the first own a coupon. */
const soldOut = async (shop: Shop, limit = 10) => {
  for (let n = 0; n < 40; n++) await shop.points.open({ accountId: `a${n}` })
  await shop.coupons.createCampaign({
    campaignId: "sale",
    name: "Sale",
    discount: { type: "flat", amount: 1 },
    limit,
  })
  for (let n = 0; n < limit; n++) expect(await claim(shop, `a${n}`, `key-${n}`)).toBe(`ticket ${n + 1}`)
  expect(await claim(shop, "a39")).toBe("COUPONS_SOLD_OUT")
  await expect.poll(async () => (await seals(shop)).seals).toBe(1)
}

/** A seal that took long to build is not built again for a while: then the next refusal has it built. */
const expectSealedAnew = async (shop: Shop) => {
  for (let tries = 0; tries < 50 && (await seals(shop)).sealsBuilt < 2; tries++) {
    expect(await claim(shop, "a12")).toBe("COUPONS_SOLD_OUT")
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
  expect((await seals(shop)).sealsBuilt).toBe(2)
}

describe("a campaign that is sealed", () => {
  it("SB-19: a crowd that comes too late is refused by one look at a time, and no lane is asked", async () => {
    const store = new Watched()
    const shop = store.shop()
    await soldOut(shop)
    const [transacts, standings] = [store.transacts, store.standings]
    const strangers = Array.from({ length: 300 }, (_, n) => claim(shop, `a${10 + (n % 30)}`))
    expect(new Set(await Promise.all(strangers))).toEqual(new Set(["COUPONS_SOLD_OUT"]))
    expect(store.standings - standings).toBeLessThanOrEqual(3)
    // A stranger in three hundred looks like an owner.
    expect(store.transacts - transacts).toBeLessThanOrEqual(10)
    expect((await seals(shop)).sealedRefusals).toBeGreaterThan(250)
  })

  it("answers owners, repeats, unknown and closed accounts and used keys as the store does", async () => {
    const [sealed, plain] = [new Watched().shop(), new Watched().shop({ seals: false })]
    for (const shop of [sealed, plain]) {
      if (shop === sealed) await soldOut(shop)
      else {
        for (let n = 0; n < 40; n++) await shop.points.open({ accountId: `a${n}` })
        await shop.coupons.createCampaign({
          campaignId: "sale",
          name: "Sale",
          discount: { type: "flat", amount: 1 },
          limit: 10,
        })
        for (let n = 0; n < 10; n++) await claim(shop, `a${n}`, `key-${n}`)
      }
      await shop.points.suspend({ accountId: "a20" })
      await shop.points.close({ accountId: "a21" })
    }
    const asked: ReadonlyArray<readonly [string, string?]> = [
      ["a3"],
      ["a3", "key-3"],
      ["a3", "another"],
      ["a30", "key-3"],
      ["nobody"],
      ["nobody", "mine"],
      ["a20"],
      ["a21", "closed"],
      ["a22"],
      ["a22", "fresh"],
      ["a22", "fresh"],
    ]
    const answers = async (shop: Shop) => Promise.all(asked.map(([accountId, key]) => claim(shop, accountId, key)))
    expect(await answers(sealed)).toEqual(await answers(plain))
    expect(await answers(sealed)).toEqual([
      "COUPON_ALREADY_ISSUED",
      "ticket 4 again",
      "COUPON_ALREADY_ISSUED",
      "IDEMPOTENCY_KEY_REUSED",
      "ACCOUNT_NOT_FOUND",
      "ACCOUNT_NOT_FOUND",
      "ACCOUNT_NOT_OPEN",
      "ACCOUNT_NOT_OPEN",
      "COUPONS_SOLD_OUT",
      "COUPONS_SOLD_OUT",
      "COUPONS_SOLD_OUT",
    ])
    expect((await seals(sealed)).seals).toBe(1)
  })

  it("issues at once when its limit is raised, and is sealed anew when that is gone too", async () => {
    const store = new Watched()
    const [shop, other] = [store.shop(), store.shop()]
    await soldOut(shop)
    await other.coupons.changeLimit({ campaignId: "sale", limit: 12 })
    expect(await Promise.all([claim(shop, "a10"), claim(shop, "a11")])).toEqual(["ticket 11", "ticket 12"])
    await expectSealedAnew(shop)
    expect(await claim(shop, "a11")).toBe("COUPON_ALREADY_ISSUED")
    expect(await claim(shop, "a13")).toBe("COUPONS_SOLD_OUT")
    expect((await seals(shop)).sealsVoided).toBe(1)
  })

  it("is sealed anew also where the clock was set back", async () => {
    const store = new Watched()
    let now = 3_600_000
    // By this clock everything takes a while, and building a seal too.
    const clock = () => (now += 1)
    const [shop, other] = [store.shop({ clock }), store.shop({ clock })]
    await soldOut(shop)
    now = 0
    await other.coupons.changeLimit({ campaignId: "sale", limit: 12 })
    expect(await Promise.all([claim(shop, "a10"), claim(shop, "a11")])).toEqual(["ticket 11", "ticket 12"])
    await expectSealedAnew(shop)
  })

  it("is told of a limit that is raised while a look is under way by the next one at the latest", async () => {
    const store = new Watched()
    const shop = store.shop()
    await soldOut(shop)
    const gate = Promise.withResolvers<void>()
    store.gate = gate.promise
    const standings = store.standings
    const before = claim(shop, "a20")
    await expect.poll(() => store.standings).toBe(standings + 1)
    await shop.coupons.changeLimit({ campaignId: "sale", limit: 40 })
    const after = claim(shop, "a21")
    store.gate = Promise.resolve()
    gate.resolve()
    expect(await after).toMatch(/^ticket/)
    expect(["COUPONS_SOLD_OUT", "ticket 11", "ticket 12"]).toContain(await before)
  })

  it("refuses the crowd before it opens and while it is paused, and lets it in then", async () => {
    const store = new Watched()
    let now = 1_000
    const shop = store.shop({ clock: () => now })
    for (let n = 0; n < 5; n++) await shop.points.open({ accountId: `a${n}` })
    const opensAt = new Date(5_000)
    await shop.coupons.createCampaign({
      campaignId: "sale",
      name: "Sale",
      discount: { type: "flat", amount: 1 },
      limit: 3,
      opensAt,
    })
    expect(await claim(shop, "a0")).toBe("OUTSIDE_ISSUE_WINDOW")
    await expect.poll(async () => (await seals(shop)).seals).toBe(1)
    const transacts = store.transacts
    expect(await claim(shop, "a0")).toBe("OUTSIDE_ISSUE_WINDOW")
    expect(store.transacts).toBe(transacts)
    now = 5_000
    expect(await claim(shop, "a0")).toBe("ticket 1")
    await shop.coupons.pauseCampaign({ campaignId: "sale" })
    expect(await claim(shop, "a1")).toBe("CAMPAIGN_NOT_OPEN")
    await shop.coupons.openCampaign({ campaignId: "sale" })
    expect(await claim(shop, "a1")).toBe("ticket 2")
  })

  it("is unsealed by a store that fails, whose lanes then decide", async () => {
    const store = new Watched()
    const shop = store.shop()
    await soldOut(shop)
    store.isAway = true
    const transacts = store.transacts
    expect(await claim(shop, "a20")).toBe("COUPONS_SOLD_OUT")
    expect(store.transacts).toBe(transacts + 1)
    expect((await seals(shop)).seals).toBe(0)
  })

  it("is unsealed by a store that throws, and sealed again by one that does no longer", async () => {
    const store = new Watched()
    // A seal that took no time to build is built again at once.
    const shop = store.shop({ clock: () => 1_000 })
    await soldOut(shop)
    store.throws = true
    expect(await claim(shop, "a20")).toBe("COUPONS_SOLD_OUT")
    // To the look, and to whoever builds the next seal.
    await expect.poll(() => store.thrown).toBe(2)
    expect((await seals(shop)).seals).toBe(0)
    store.throws = false
    await expect
      .poll(async () => {
        expect(await claim(shop, "a22")).toBe("COUPONS_SOLD_OUT")
        return (await seals(shop)).seals
      })
      .toBe(1)
  })

  it("never lets a claim go that waits for another one of its key", async () => {
    const store = new Watched()
    const shop = store.shop()
    await soldOut(shop)
    const gate = Promise.withResolvers<void>()
    store.gate = gate.promise
    const controller = new AbortController()
    const first = shop.coupons.issue(
      { campaignId: "sale", accountId: "a20", key: "same" },
      { signal: controller.signal },
    )
    const second = claim(shop, "a20", "same")
    const third = claim(shop, "a21", "same")
    controller.abort(new Error("left"))
    await expect(first).rejects.toThrow("left")
    gate.resolve()
    expect(await Promise.all([second, third])).toEqual(["COUPONS_SOLD_OUT", "COUPONS_SOLD_OUT"])
    expect((await seals(shop)).queueDepth).toBe(0)
  })

  it("is answered at the deadline of its claims, to which nothing happened", async () => {
    const store = new Watched()
    const shop = store.shop({ deadlineMillis: 300 })
    // However long that takes: a call would wait for it until its deadline.
    await shop.start()
    await soldOut(shop)
    store.gate = new Promise(() => {})
    expect(await claim(shop, "a20")).toBe("DEADLINE_EXCEEDED")
    store.gate = Promise.resolve()
  })

  it("given a stop → lets those who only ask go on to the request log, looked at or not, and they are answered", async () => {
    const store = new Watched()
    const shop = store.shop({ requests: inProcessRequests() })
    await soldOut(shop)
    const ask = async (accountId: string) => {
      const answer = await shop.safe.coupons.request({ campaignId: "sale", accountId })
      return answer.ok ? "accepted" : `${answer.error.code} ${answer.error.outcome}`
    }
    expect(await ask("a20")).toBe("COUPONS_SOLD_OUT nothing-happened")
    store.gate = new Promise(() => {})
    const standings = store.standings
    const lookedAt = ask("a21")
    await expect.poll(() => store.standings).toBe(standings + 1)
    const behind = ask("a22")
    await shop.stop()
    // Whether the log still takes them before it is closed is a race that either may win.
    for (const answer of await Promise.all([lookedAt, behind])) {
      expect(["accepted", "STORE_UNAVAILABLE nothing-happened"]).toContain(answer)
    }
  })

  it("given a store that freezes → lets those who only ask go on to the request log, which takes them", async () => {
    const store = new Watched()
    const shop = store.shop({ requests: inProcessRequests(), workers: false })
    await soldOut(shop)
    const ask = async (accountId: string) => {
      const answer = await shop.safe.coupons.request({ campaignId: "sale", accountId })
      return answer.ok ? "accepted" : answer.error.code
    }
    const frozen = Promise.withResolvers<void>()
    store.gate = frozen.promise
    let asked = 0
    const next = () => ask(`a${10 + (asked++ % 30)}`)
    expect(await Promise.all([next(), next(), next()])).toEqual(["accepted", "accepted", "accepted"])
    // Who comes while that look is still under way does not wait at all: a hundred waits would be more than this test has.
    for (let n = 0; n < 100; n++) expect(await next()).toBe("accepted")
    frozen.resolve()
    await expect.poll(next).toBe("COUPONS_SOLD_OUT")
  })

  it("is taken from another process by its filter, and built here where that is broken", async () => {
    const cache = Effect.runSync(makeMemoryCache())
    const store = new Watched()
    const left = store.shop({}, cache)
    await soldOut(left)
    const pages = store.pages
    const right = store.shop({}, cache)
    expect(await claim(right, "a30")).toBe("COUPONS_SOLD_OUT")
    await expect.poll(async () => (await seals(right)).seals).toBe(1)
    expect(store.pages).toBe(pages)
    expect(await claim(right, "a3")).toBe("COUPON_ALREADY_ISSUED")
    const broken: SharedCacheShape = {
      ...cache,
      get: (key, leaseMillis) =>
        Effect.map(cache.get(key, leaseMillis), (held) =>
          held._tag === "Value" ? { ...held, bytes: held.bytes.map((byte, n) => (n === 40 ? byte ^ 1 : byte)) } : held,
        ),
    }
    const third = store.shop({}, broken)
    expect(await claim(third, "a30")).toBe("COUPONS_SOLD_OUT")
    await expect.poll(async () => (await seals(third)).seals).toBe(1)
    expect(store.pages).toBeGreaterThan(pages)
  })

  const empty = (size: number) => new OwnerFilter(new Uint8Array(size), [7, 11])
  it.each<[string, Partial<Seal>]>([
    ["of another campaign", { campaignId: CampaignId.make("other") }],
    ["of another history", { lastCommandId: "another" as CommandId }],
    ["of fewer bits than its owners have", { owners: empty(0) }],
    ["of more bits than its owners have", { owners: empty(1_024) }],
  ])(
    "is not taken from bytes that are those of a seal %s: an owner's claim would be refused as a stranger's",
    async (_, other) => {
      const cache = Effect.runSync(makeMemoryCache())
      const forged: SharedCacheShape = {
        ...cache,
        get: ([, campaignId, issued, lastCommandId]) =>
          Effect.sync(() => {
            const of = {
              campaignId: CampaignId.make(String(campaignId)),
              issued: Quantity.make(Number(issued)),
              lastCommandId: String(lastCommandId) as CommandId,
            }
            const bytes = encodeSeal({ ...of, owners: empty(64), ...other })
            return { _tag: "Value", bytes, forMillis: 3_600_000 }
          }),
      }
      const store = new Watched()
      const shop = store.shop({}, forged)
      await soldOut(shop)
      expect(await claim(shop, "a3")).toBe("COUPON_ALREADY_ISSUED")
      expect(store.pages).toBeGreaterThan(0)
    },
  )

  it("stays without a seal where its owners do not fit, and says so once", async () => {
    const said: Array<string> = []
    const store = new Watched()
    const shop = store.shop({ sealBytes: 1_024, logger: (_, message) => said.push(message) })
    const owners = 700
    await shop.coupons.createCampaign({
      campaignId: "sale",
      name: "Sale",
      discount: { type: "flat", amount: 1 },
      limit: owners,
    })
    for (let n = 0; n <= owners; n++) await shop.points.open({ accountId: `a${n}` })
    await Promise.all(Array.from({ length: owners }, (_, n) => claim(shop, `a${n}`)))
    for (let n = 0; n < 3; n++) expect(await claim(shop, `a${owners}`)).toBe("COUPONS_SOLD_OUT")
    await expect.poll(() => said.filter((each) => each.includes("sealBytes")).length).toBe(1)
    expect((await seals(shop)).seals).toBe(0)
  })
})

describe("a filter of owners", () => {
  const filterOf = (count: number): OwnerFilter => {
    const filter = new OwnerFilter(new Uint8Array(Math.ceil(count * 1.5)), [7, 11])
    for (let n = 0; n < count; n++) filter.add(`owner-${n}`)
    return filter
  }

  it("holds every owner, and one stranger in a hundred at most", () => {
    const filter = filterOf(20_000)
    const held = (prefix: string) => Array.from({ length: 20_000 }, (_, n) => filter.mayHold(`${prefix}-${n}`))
    expect(held("owner").every(Boolean)).toBe(true)
    expect(held("stranger").filter(Boolean).length).toBeLessThan(200)
  })

  it("is the same on the other side of its bytes, or nothing", () => {
    const owners = filterOf(100)
    const issued = Quantity.make(100)
    const of = { campaignId: CampaignId.make("sale"), issued, lastCommandId: undefined }
    const bytes = encodeSeal({ ...of, owners })
    expect(decodeOwners(bytes, of)?.bits).toEqual(owners.bits)
    expect(decodeOwners(bytes, { ...of, issued: Quantity.make(99) })).toBeUndefined()
    expect(decodeOwners(bytes.slice(0, -1), of)).toBeUndefined()
    for (let at = 0; at < bytes.length; at += 7) {
      const changed = bytes.map((byte, n) => (n === at ? byte ^ 4 : byte))
      expect(decodeOwners(changed, of)).toBeUndefined()
    }
  })
})
