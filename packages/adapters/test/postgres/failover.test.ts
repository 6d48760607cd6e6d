/**
 * Another server takes over: the shop goes where changes are taken, and stays nowhere else.
 */
import { createHoldfast, type Shop } from "@holdfast/core"
import { asked, type Pair, privatePair, privateServer, proxyTo, type Server, until } from "@holdfast/test-services"
import { Effect, Schedule } from "effect"
import { afterEach, describe, expect, it, type TestContext } from "vitest"
import { type PostgresOptions, postgres } from "../../src/postgres/index.ts"
import { SubscriptionName } from "../support/core.ts"
import { buy, furnishShop } from "../support/shop.ts"
import { freshSchema, storeOn } from "../support/stores.ts"
import { saleThrough } from "../trials/judge.ts"
import type { Heard } from "../trials/visits.ts"

describe("when another server takes over", () => {
  const cleanUps: Array<() => unknown> = []
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })
  const pairHere = async (context: TestContext): Promise<Pair> => {
    const pair = await privatePair("failover")
    if (pair === undefined) return context.skip("no PostgreSQL here")
    cleanUps.push(() => pair.stop())
    return pair
  }
  const serverHere = async (context: TestContext): Promise<Server> => {
    const server = await privateServer("failover")
    if (server === undefined) return context.skip("no PostgreSQL here")
    cleanUps.push(() => server.stop())
    return server
  }
  const shopAt = (url: string, more: Partial<PostgresOptions> = {}, deadlineMillis = 30_000, workers = false): Shop => {
    const store = postgres({ url, schema: "shop", ...more } as PostgresOptions)
    const shop = createHoldfast({ store, deadlineMillis, workers, logger: () => {} })
    cleanUps.push(() => shop.stop({ drainMillis: 500 }))
    return shop
  }
  const attempt = (call: Promise<unknown>): Promise<string> =>
    call.then(
      () => "done",
      ({ code }) => String(code),
    )

  it("a sale goes on there, and nothing that was acknowledged is missing", async (context) => {
    const pair = await pairHere(context)
    await pair.synchronise()
    const shop = shopAt(pair.url, {}, 30_000, true)
    const heard: Array<Heard> = []
    const trouble = async (): Promise<void> => {
      while (heard.length < 30) await new Promise((resolve) => setTimeout(resolve, 5))
      await pair.primary.kill()
      await pair.promote()
    }
    expect(await saleThrough(shop, { seed: 11, rushMillis: 500, trouble, heard })).toEqual([])
  })

  it("that lost what came last, events of ids that were drawn before are delivered, also where such a one is in hand", async (context) => {
    const pair = await pairHere(context)
    await pair.synchronise()
    const shop = shopAt(pair.url, {}, 30_000, true)
    await furnishShop(shop, { accounts: 1, products: 1 })
    const heard: Array<string> = []
    let isHeld = false
    const held = Promise.withResolvers<void>()
    await shop.events.subscribe("mails", async (event) => {
      heard.push(JSON.stringify(event))
      if (isHeld) await held.promise
    })
    const hears = (placed: { readonly orderId: string }) =>
      expect.poll(() => heard.some((text) => text.includes(placed.orderId))).toBe(true)
    for (let n = 0; n < 30; n++) await buy(shop, 0, 0, `before-${n}`)
    await shop.events.settled("mails")
    isHeld = true
    await hears(await buy(shop, 0, 0, "lost"))
    isHeld = false
    const sequence = "pg_get_serial_sequence('shop.outbox', 'id')"
    const [last] = await asked(pair.primary.url, `select pg_sequence_last_value(${sequence}::regclass)::int as id`)
    await pair.primary.kill()
    await pair.promote()
    // The last of these orders never came here, and the one in hand is the last of them.
    await asked(pair.standby.url, "truncate shop.outbox, shop.delivery")
    await asked(pair.standby.url, `select setval(${sequence}, ${Number(last?.id) - 20})`)
    const placed = []
    for (let n = 0; n < 25; n++) placed.push(await buy(shop, 0, 0, `after-${n}`))
    held.resolve()
    for (const each of placed) await hears(each)
  })

  it("nothing of its rows is settled, parked or read by who had others of the same ids in hand", async (context) => {
    const server = await serverHere(context)
    const schema = freshSchema()
    const mails = SubscriptionName.make("mails")
    const rows = () => asked(server.url, `select outbox_id::int as id, settled from ${schema}.delivery order by 1`)
    const program = Effect.gen(function* () {
      const { outbox } = yield* storeOn(server.url, "any", schema)
      yield* outbox.register(mails)
      const events = `json_build_array(json_build_object('id', 'a'), json_build_object('id', 'b'))`
      yield* Effect.promise(() =>
        asked(
          server.url,
          `with o as (insert into ${schema}.outbox (events, size, bytes) select ${events}, 2, 30 from generate_series(1, 2) returning id)
           insert into ${schema}.delivery (name, outbox_id) select 'mails', id from o`,
        ),
      )
      const lease = yield* outbox.lease(mails, "here", 60_000)
      if (lease === undefined) throw new Error("The lease is free.")
      const claimed = yield* outbox.claim(lease, undefined, { events: 10, bytes: 100_000 })
      const [first, second, third] = claimed.map(({ position }) => position)
      if (first === undefined || second === undefined || third === undefined) throw new Error("Events wait.")
      yield* Effect.promise(() => server.kill())
      yield* Effect.promise(() => server.restart())
      const before = yield* Effect.promise(rows)
      // Connections that ended with the server are no answer.
      const answered = <A>(call: Effect.Effect<A, { readonly _tag: string }>) =>
        Effect.retry(call, { while: ({ _tag }) => _tag === "Lost", times: 100, schedule: Schedule.spaced(50) }).pipe(
          Effect.match({ onSuccess: () => "done", onFailure: ({ _tag }) => _tag }),
        )
      expect(yield* answered(outbox.acknowledge(lease, [first, second]))).toBe("LeaseLost")
      expect(yield* answered(outbox.acknowledge(lease, [third]))).toBe("LeaseLost")
      expect(yield* answered(outbox.park(lease, third, "no mail today", 1))).toBe("LeaseLost")
      expect(yield* answered(outbox.reread(lease, [third], 100_000))).toBe("LeaseLost")
      expect(yield* Effect.promise(rows)).toEqual(before)
      expect(yield* Effect.promise(() => asked(server.url, `select 1 from ${schema}.parked`))).toEqual([])
    })
    await Effect.runPromise(Effect.scoped(program))
  })

  it("the old one, back as a standby and first of the address, is passed over", async (context) => {
    const pair = await pairHere(context)
    const shop = shopAt(pair.url)
    await furnishShop(shop, { accounts: 2, products: 1 })
    await buy(shop, 0, 0, "before")
    await pair.primary.shutDown?.()
    await pair.promote()
    await pair.restartAsStandby()
    await until(pair.standby.url, "select 1 from pg_stat_replication")
    await buy(shop, 0, 0, "after")
    const late = shopAt(pair.url)
    expect(await buy(late, 0, 0, "before")).toMatchObject({ replayed: true })
    await buy(late, 1, 0, "late")
    // It follows, so it has everything, and nobody of the shop's is connected to it.
    await until(pair.primary.url, "select 1 from shop.orders where key = 'late'")
    const there = await asked(pair.primary.url, "select 1 from pg_stat_activity where application_name = 'holdfast'")
    expect(there).toEqual([])
    expect((await late.audit.run()).ok).toBe(true)
  })

  it("a shop on a standby waits until that takes changes, in sessions that were open before", async (context) => {
    const pair = await pairHere(context)
    const before = shopAt(pair.primary.url)
    await furnishShop(before, { accounts: 1, products: 1 })
    await until(pair.standby.url, "select 1 from shop.product")
    await expect(shopAt(pair.standby.url).start()).rejects.toThrow(/is a standby, which takes no changes/)
    const shop = shopAt(`${pair.standby.url}?target_session_attrs=any`, { migrate: "check" })
    await shop.start()
    const patient = buy(shop, 0, 0, "patient")
    await before.stop()
    await pair.primary.shutDown?.()
    await pair.promote()
    expect(await patient).toMatchObject({ state: "placed", replayed: false })
    expect((await shop.audit.run()).ok).toBe(true)
  })

  it("behind one address that leads elsewhere now, sessions on the old server are given up", async (context) => {
    const pair = await pairHere(context)
    const proxy = await proxyTo(pair.primary.url)
    cleanUps.push(() => proxy.close())
    const shop = shopAt(proxy.url)
    await furnishShop(shop, { accounts: 1, products: 1 })
    await pair.primary.shutDown?.()
    await pair.promote()
    proxy.leadTo(pair.standby.url)
    await buy(shop, 0, 0, "after")
    expect((await shop.stock.product("product-0")).onHand).toBe(999_999)
  })

  it("a server that takes no changes any more is away, says why, and is used again when it does", async (context) => {
    const server = await serverHere(context)
    const shop = shopAt(server.url, {}, 1_500)
    // However long that takes: a call would wait for it until its deadline.
    await shop.start()
    await furnishShop(shop, { accounts: 1, products: 1 })
    const readOnly = async (now: "on" | "off") => {
      await asked(server.url, `alter system set default_transaction_read_only = ${now}`)
      await asked(server.url, "select pg_reload_conf()")
      await until(server.url, `select 1 where current_setting('default_transaction_read_only') = '${now}'`)
      // Sessions that were opened before do what they are told.
      await asked(
        server.url,
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'holdfast'",
      )
    }
    await readOnly("on")
    await expect(buy(shop, 0, 0, "no")).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    await expect(shop.points.balance("account-0")).rejects.toThrow(/default_transaction_read_only is on/)
    await readOnly("off")
    await expect.poll(() => attempt(buy(shop, 0, 0, "yes"))).toBe("done")
  })

  it("an address of which no host will do says what each of them answered", async (context) => {
    const server = await serverHere(context)
    const { host } = new URL(server.url)
    const shop = shopAt(`postgres://postgres@127.0.0.1:1,${host}/postgres?target_session_attrs=standby`)
    await expect(shop.start()).rejects.toThrow(new RegExp(`127.0.0.1:1: .*ECONNREFUSED.*; ${host}: is no standby`))
    // A password that is wrong here is wrong on the next one.
    await asked(server.url, "create role jan login password 'x'")
    const nobody = shopAt(`postgres://nobody@${host},127.0.0.1:1/postgres`)
    await expect(nobody.start()).rejects.toThrow(/role "nobody" does not exist/)
  })
})
