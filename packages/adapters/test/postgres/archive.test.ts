/**
 * Archiving on a server: by address, and through a pool of the host, which stays as it was.
 */
import pg from "pg"
import { afterEach, describe, expect, it, vi } from "vitest"
import { archive, type HostPool, postgres } from "../../src/postgres/index.ts"
import { archiveSuite, auditOf, shopWithHistory } from "../support/archiveSuite.ts"
import { shopsForFile } from "../support/shops.ts"

const { url, ask, schema } = shopsForFile("archiving")
const ends: Array<() => Promise<void>> = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const poolOf = (options: pg.PoolConfig = {}): pg.Pool => {
  const pool = new pg.Pool({ connectionString: url(), ...options })
  pool.on("error", () => {})
  ends.push(() => pool.end())
  return pool
}

archiveSuite({
  name: "a url",
  store: (name) => postgres({ url: url(), schema: name }),
  archive: (options) => archive({ url: url(), ...options }),
  ask,
  schema,
})

archiveSuite({
  name: "a pool",
  store: (name) => postgres({ url: url(), schema: name }),
  // A shop needs more, and so has a pool of its own.
  archive: (options) => archive({ pool: poolOf({ max: 1 }), ...options }),
  ask,
  schema,
})

describe("archiving through a pool of the host", () => {
  it("gives its one connection back as it was, whether it succeeds or fails", async () => {
    const pool = poolOf({
      max: 1,
      options: "-c default_transaction_isolation=serializable -c default_transaction_read_only=on -c lock_timeout=4321",
    })
    const notices: Array<string | undefined> = []
    pool.on("connect", (client) => client.on("notice", ({ message }) => notices.push(message)))
    const session = async () => {
      const client = await pool.connect()
      const asked = async (sql: string) => (await client.query(sql)).rows
      const state = [
        await asked("select pg_backend_pid()"),
        await asked("select name, setting from pg_settings where name !~ '^(transaction|server|in_hot)' order by name"),
        await asked("select name from pg_prepared_statements"),
        await asked("select 1 from pg_locks where pid = pg_backend_pid() and locktype = 'advisory'"),
        client.listenerCount("error"),
      ]
      client.release()
      return state
    }
    const before = await session()
    const name = schema()
    await expect(archive({ pool, schema: name })).rejects.toThrow(/could not be archived: .*has no shop/)
    expect(await session()).toEqual(before)
    const { shop } = await shopWithHistory(postgres({ url: url(), schema: name }))
    await shop.stop()
    // One that fails in the middle of a transaction, too.
    await ask(`alter table ${name}.receipt_archive rename to away`)
    await expect(archive({ pool, schema: name })).rejects.toThrow(/could not be archived: .*does not exist/)
    expect(await session()).toEqual(before)
    await ask(`alter table ${name}.away rename to receipt_archive`)
    expect((await archive({ pool, schema: name, batch: 5 })).orders).toBe(19)
    expect(await session()).toEqual(before)
    expect([pool.totalCount, pool.idleCount, pool.ended]).toEqual([1, 1, false])
    expect(notices).toEqual([])
  })

  it("lets the pool destroy a connection that broke on the way, and goes on where that one stopped", async () => {
    const name = schema()
    const { shop } = await shopWithHistory(postgres({ url: url(), schema: name }))
    ends.push(() => shop.stop())
    const pool = poolOf({ max: 1 })
    const given: Array<boolean | undefined> = []
    let left = 0
    /** Its session is ended by the server after so many statements. */
    const breaking: HostPool = {
      connect: async () => {
        const client = await pool.connect()
        return {
          on: (event, listener) => client.on(event, listener),
          removeListener: (event, listener) => client.removeListener(event, listener),
          query: async (sql, params) => {
            if (left-- === 0) await client.query("select pg_terminate_backend(pg_backend_pid())").catch(() => {})
            return client.query(sql, params)
          },
          release: (destroy) => {
            given.push(destroy)
            client.release(destroy)
          },
        }
      },
    }
    // In every place of a transaction: at its beginning, before what moves rows, and before its commit.
    const moments = [0, 21, 42, 63, 82, 103, 124]
    for (const moment of moments) {
      left = moment
      await expect(archive({ pool: breaking, schema: name, batch: 2 })).rejects.toThrow(/could not be archived/)
      expect(await auditOf(shop)).toBe("clean")
    }
    expect(given).toEqual(moments.map(() => true))
    expect(pool.totalCount).toBe(0)
    await archive({ pool, schema: name, batch: 2 })
    const [orders] = await ask(`select count(*)::int as n from ${name}.orders_archive`)
    expect(orders?.n).toBe(19)
    expect(await auditOf(shop)).toBe("clean")
  })

  it("waits for a connection no longer than the store does", async () => {
    const pool = poolOf({ max: 1 })
    const held = await pool.connect()
    await expect(archive({ pool, schema: schema() })).rejects.toThrow(/all of them are in use/)
    held.release()
    await expect.poll(() => pool.idleCount).toBe(1)
  })

  it("gives a connection back on which nobody answers any more", async () => {
    const given: Array<boolean | undefined> = []
    const silent: HostPool = {
      connect: async () => ({ query: () => new Promise(() => {}), release: (destroy) => given.push(destroy) }),
    }
    vi.useFakeTimers()
    ends.push(async () => void vi.useRealTimers())
    const refused = expect(archive({ pool: silent })).rejects.toThrow(/no answer within 120 s/)
    await vi.advanceTimersByTimeAsync(119_000)
    expect(given).toEqual([])
    await vi.advanceTimersByTimeAsync(1_000)
    await refused
    expect(given).toEqual([true])
  })
})

describe("archive", () => {
  it("refuses a url and a pool, neither, and what is no pool", async () => {
    const either = /either a `url` or a `pool`/
    // @ts-expect-error: one of both
    await expect(archive({ url: url(), pool: poolOf() })).rejects.toThrow(either)
    // @ts-expect-error: one is needed
    await expect(archive({ keepDays: 90 })).rejects.toThrow(either)
    // @ts-expect-error: what a host without types might pass
    await expect(archive({ pool: {} })).rejects.toThrow(/no pool/)
    // @ts-expect-error: what a host without types might pass
    await expect(archive({ pool: new pg.Client() })).rejects.toThrow(/single client/)
  })

  it("by a machine whose clock is years ahead moves no more than is old by the server's", async () => {
    const name = schema()
    const { shop, place } = await shopWithHistory(postgres({ url: url(), schema: name }))
    ends.push(() => shop.stop())
    const { orderId } = await place("eve", "tea", 1)
    await shop.orders.complete({ orderId })
    const now = Date.now
    const years = vi.spyOn(Date, "now").mockImplementation(() => now() + 4 * 365 * 86_400_000)
    const { before, orders } = await archive({ url: url(), schema: name }).finally(() => years.mockRestore())
    expect(orders).toBe(19)
    expect(before.getTime()).toBeLessThan(now() - 90 * 86_400_000)
    await ask(`delete from ${name}.entry where order_id = $1`, [orderId])
    expect(await auditOf(shop)).toContain("order-spends")
  })

  it("leaves it to a shop to need a pool of three", () => {
    expect(() => postgres({ pool: poolOf({ max: 1 }) })).toThrow(/at most 1 connections, and a shop needs 3/)
  })
})
