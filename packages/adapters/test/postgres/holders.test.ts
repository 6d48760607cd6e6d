/**
 * What becomes of a durable name when the process that serves it is killed, frozen or cut off, and when its clock is wrong.
 *
 * None of this is timed. Where a test wants to show that a lease was not simply waited for, it moves the lease's end an hour
 * away first; and what may not happen before something else is compared by a clock that all processes of a machine share.
 */

import { hasFaketime, privateServer } from "@holdfast/test-services"
import { afterEach, describe, expect, it } from "vitest"
import { type EventProcess, type EventProcessOptions, served, serveEvents } from "../support/eventProcesses.ts"
import type { TestShop } from "../support/shop.ts"
import { shopsForFile } from "../support/shops.ts"

describe("the process that serves a name", () => {
  const { url, ask, schema, open, proxied } = shopsForFile("holders", () => privateServer("holders"))
  const processes: Array<EventProcess> = []
  afterEach(async () => {
    await Promise.all(processes.splice(0).map((each) => each.end()))
  })
  const serve = async (options: EventProcessOptions): Promise<EventProcess> => {
    const started = await serveEvents(options)
    processes.push(started)
    return started
  }
  /** Two processes, the first one of which serves the name, and a shop that has opened an account. */
  const pair = async (
    first: Partial<EventProcessOptions>,
    second: Partial<EventProcessOptions> = {},
  ): Promise<{ holder: EventProcess; follower: EventProcess; name: string; shop: TestShop }> => {
    const name = schema()
    const shop = open(url(), name)
    await shop.start()
    const holder = await serve({ url: url(), schema: name, ...first })
    await shop.points.open({ accountId: "ada" })
    await holder.saying(({ what }) => what === "begun")
    const follower = await serve({ url: url(), schema: name, ...second })
    return { holder, follower, name, shop }
  }
  const charge = (shop: TestShop, amount: number) => shop.points.charge({ accountId: "ada", amount, key: `k${amount}` })
  /** Moves the end of the lease so far away that nobody lives to see it. */
  const nobodyWaitsForTime = (name: string) => ask(`update ${name}.subscription set until = until + 3600000`)
  const fenceOf = async (name: string): Promise<number> =>
    Number((await ask(`select fence::int as fence from ${name}.subscription`))[0]?.fence)
  const begun = (process: EventProcess) => process.said.filter(({ what }) => what === "begun")

  it("given that it is killed → another one follows at once, and handles what it had not", async () => {
    const { holder, follower, name, shop } = await pair({ handlerMillis: 3_600_000 })
    await charge(shop, 1)
    const [first] = begun(holder)
    holder.signal("SIGKILL")
    await nobodyWaitsForTime(name)
    // The one that was being handled, and the one behind it.
    const again = await follower.saying(({ what }) => what === "ended")
    expect(again.id).toBe(first?.id)
    await shop.events.settled(served)
    expect(begun(follower).length).toBe(2)
    expect(Number(again.fence)).toBeGreaterThan(Number(first?.fence))
  })

  it("given that it is frozen → another one follows, and it begins and settles nothing when it wakes up", async () => {
    const { holder, follower, name, shop } = await pair({ handlerMillis: 100 })
    for (let amount = 1; amount <= 40; amount++) await charge(shop, amount)
    await holder.saying(({ what, id }) => what === "ended" && id !== holder.said[1]?.id)
    holder.signal("SIGSTOP")
    await nobodyWaitsForTime(name)
    // Its session is idle for ten seconds, and then ends.
    const first = await follower.saying(({ what }) => what === "begun")
    holder.signal("SIGCONT")
    await shop.events.settled(served)
    const [lost] = begun(holder)
    const late = holder.said.filter(({ what, at }) => what === "begun" && at >= first.at)
    expect(late).toEqual([])
    expect(Number(first.fence)).toBeGreaterThan(Number(lost?.fence))
    // Everything was handled, each by one process or both, in order.
    const all = [...begun(holder), ...begun(follower)].map(({ id }) => id)
    expect(new Set(all).size).toBe(41)
    expect(begun(follower).map(({ id }) => id)).toEqual([...new Set(begun(follower).map(({ id }) => id))].sort())
  })

  it("given that it is cut off → it drops what it has in hand before another one begins", async () => {
    const proxy = await proxied()
    const { holder, follower, name, shop } = await pair({ url: proxy.url, handlerMillis: 100 })
    for (let amount = 1; amount <= 300; amount++) await charge(shop, amount)
    proxy.stall(true)
    await nobodyWaitsForTime(name)
    const first = await follower.saying(({ what }) => what === "begun")
    const last = begun(holder).at(-1)
    expect(Number(last?.at)).toBeLessThan(first.at)
    const before = begun(holder).length
    expect(before).toBeLessThan(300)
    proxy.stall(false)
    // The follower goes on, and is not disturbed.
    await follower.saying(({ what, id }) => what === "ended" && id !== first.id)
    expect(await fenceOf(name)).toBe(first.fence)
    expect(begun(holder).length).toBe(before)
  })

  it("given that its session ends and it lives → it goes on with what it has in hand, or another one has it all", async () => {
    const { holder, follower, name, shop } = await pair({ handlerMillis: 5 })
    const ends = `select pg_terminate_backend(l.pid) from pg_locks l where l.locktype = 'advisory'
      and l.database = (select oid from pg_database where datname = current_database()) and l.objsubid = 2`
    for (let round = 0; round < 5; round++) {
      for (let amount = 1; amount <= 20; amount++) await charge(shop, 100 * round + amount)
      await ask(ends)
      await shop.events.settled(served)
    }
    const ended = [...holder.said, ...follower.said].filter(({ what }) => what === "ended").map(({ id }) => id)
    expect(new Set(ended).size).toBe(101)
    expect((await ask(`select from ${name}.delivery`)).length).toBe(0)
  })

  it("given a pool, and that it is killed → another one follows when its time is over by the server's clock", async () => {
    const { holder, follower, name, shop } = await pair({ way: "pool", leaseMillis: 1_000 }, { way: "pool" })
    holder.signal("SIGKILL")
    const [lease] = await ask(`select until::float8 as until from ${name}.subscription`)
    await charge(shop, 1)
    await follower.saying(({ what }) => what === "begun")
    const [now] = await ask("select extract(epoch from clock_timestamp())::float8 * 1000 as now")
    expect(Number(now?.now)).toBeGreaterThanOrEqual(Number(lease?.until))
  })

  describe.skipIf(!hasFaketime("leases of processes whose clocks are apart"))(
    "with a clock that is ten minutes ahead",
    () => {
      it.each(["url", "pool"] as const)(
        "by %s, and that it is killed → another one follows all the same",
        async (way) => {
          const { holder, follower, shop } = await pair({ way, leaseMillis: 1_000, ahead: "+10m" }, { way })
          holder.signal("SIGKILL")
          await charge(shop, 1)
          await follower.saying(({ what }) => what === "ended")
          await shop.events.settled(served)
        },
        60_000,
      )

      it.each(["url", "pool"] as const)(
        "by %s → it has no lease before the one that holds it lets go",
        async (way) => {
          const { holder, follower, name, shop } = await pair({ way, leaseMillis: 1_000 }, { way, ahead: "+10m" })
          const fence = await fenceOf(name)
          // As often as it takes to see that the holder renews, while the other one asks.
          const untils = new Set<unknown>()
          while (untils.size < 6)
            untils.add((await ask(`select until::float8 as until from ${name}.subscription`))[0]?.until)
          await charge(shop, 1)
          await shop.events.settled(served)
          expect(begun(follower)).toEqual([])
          expect(begun(holder).length).toBe(2)
          expect(await fenceOf(name)).toBe(fence)
          holder.signal("SIGKILL")
          await charge(shop, 2)
          await follower.saying(({ what }) => what === "ended")
        },
        60_000,
      )
    },
  )
})
