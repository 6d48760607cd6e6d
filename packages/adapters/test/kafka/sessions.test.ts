/**
 * What a consumer does with the sessions of a host's pool: those that the server ends, and those that are of no more use.
 */
import { proxyTo } from "@holdfast/test-services"
import pg from "pg"
import { beforeEach, describe, expect, it, onTestFinished } from "vitest"
import type { InboxClient } from "../../src/kafka/index.ts"
import { events } from "./events.ts"
import { inboxWorlds } from "./inboxRig.ts"

const { server, url, rig, ownPool } = inboxWorlds("sessions of a consumer")

/** How many listeners a pool's connections have while they are lent, and once they are back. */
const listened = (pool: pg.Pool) => {
  const [lent, back]: [Set<number>, Set<number>] = [new Set(), new Set()]
  pool.on("acquire", (client) => setImmediate(() => lent.add(client.listenerCount("error"))))
  pool.on("release", (_, client) => setImmediate(() => back.add(client.listenerCount("error"))))
  return { lent, back }
}

describe("the sessions of a consumer", () => {
  beforeEach(({ skip }) => {
    if (server() === undefined) skip("no PostgreSQL here")
  })

  it.each([
    ["between two statements", false],
    ["in the middle of one", true],
  ])(
    "given a session that the server ends %s → the process stays, and the slice is handled by another",
    async (_, isBusy) => {
      const { pool: other, publish, effect, consume, expectOnce } = await rig()
      const pool = ownPool()
      const { lent } = listened(pool)
      let calls = 0
      const consumer = await consume({
        pool,
        attempts: 1,
        handle: async (all, tx) => {
          await effect(all, tx)
          if (++calls > 1) return
          const { rows } = await tx.query("select pg_backend_pid() as pid")
          const end = () => other.query("select pg_terminate_backend($1)", [Object.values(Object(rows[0]))[0]])
          if (isBusy) setTimeout(() => void end(), 50)
          else await end()
          await tx.query("select pg_sleep($1)", [isBusy ? 5 : 0]).catch(() => {})
          await new Promise((resolve) => setTimeout(resolve, 100))
          await tx.query("select 1")
        },
      })
      await publish(events(5, 1))
      await expectOnce(events(5, 1))
      expect(calls).toBe(2)
      expect(consumer.counts()).toMatchObject({ handled: 5, deadLetters: 0 })
      expect(lent).toEqual(new Set([1]))
    },
  )

  it("given a pool that nobody listens to, and an idle session that the server ends → the process stays; one listener, however many consumers", async () => {
    const { pool: other, publish, consume, expectOnce } = await rig()
    const pool = ownPool()
    const { back } = listened(pool)
    await consume({ pool })
    const consumer = await consume({ pool, group: "mail", consumer: "billing" })
    expect(pool.listenerCount("error")).toBe(1)
    const { rows } = await pool.query("select pg_backend_pid() as pid")
    await other.query("select pg_terminate_backend($1)", [rows[0].pid])
    await publish(events(5, 1))
    await expectOnce(events(5, 1))
    await consumer.close()
    expect(back).toEqual(new Set([1]))
  })

  it("given a session on a server that takes no writes any more → is destroyed, and the next one handles the slice", async () => {
    const { publish, consume, expectOnce } = await rig()
    const pool = ownPool(1)
    const consumer = await consume({ pool, attempts: 1 })
    await pool.query("set session characteristics as transaction read only")
    await publish(events(5, 1))
    await expectOnce(events(5, 1))
    expect(consumer.counts()).toMatchObject({ handled: 5, deadLetters: 0 })
  })

  it.each([
    ["a conflict", "40001", false],
    ["a deadlock", "40P01", false],
    ["a lock that is not given", "55P03", false],
    ["a want of memory", "53200", true],
    ["an error of the handler's own", "P0001", false],
  ])("given %s → the session is destroyed only where another one may do better", async (_, code, isDestroyed) => {
    const { publish, effect, consume, expectOnce } = await rig()
    const pool = ownPool()
    const destroyed: Array<unknown> = []
    pool.on("release", (destroy) => destroyed.push(destroy))
    let failures = 1
    const consumer = await consume({
      pool,
      attempts: 2,
      handle: async (all, tx) => {
        if (failures-- > 0) await tx.query(`do $$ begin raise 'no' using errcode = '${code}'; end $$`)
        await effect(all, tx)
      },
    })
    await publish(events(1, 1))
    await expectOnce(events(1, 1))
    expect(destroyed.filter((each) => each === true).length).toBe(isDestroyed ? 1 : 0)
    expect(consumer.counts()).toMatchObject({ handled: 1, deadLetters: 0 })
  })

  it.each([
    ["never ends", () => new Promise<void>(() => {})],
    ["ends too late", () => new Promise((resolve) => setTimeout(resolve, 600))],
    [
      "waits for a statement that takes a minute",
      (tx: InboxClient, mark: string) => tx.query(`/* ${mark} */ select pg_sleep(60)`),
    ],
  ])(
    "given a handler that %s over an event → that is a dead letter, what comes behind it is handled, no session stays",
    async (_, hang) => {
      const { schema, pool: other, publish, effect, consume, effects } = await rig()
      const pool = ownPool()
      const troubles: Array<string> = []
      const late: Array<unknown> = []
      const consumer = await consume({
        pool,
        attempts: 2,
        handlerTimeoutMillis: 300,
        onTrouble: (trouble) => void troubles.push(String(trouble)),
        handle: async (all, tx) => {
          if (all.some(({ id }) => Number(id) === 2)) {
            await hang(tx, schema)
            late.push(await effect(all, tx))
          }
          await effect(all, tx)
        },
      })
      await publish(events(4, 1))
      await expect
        .poll(async () => (await effects()).map((row) => Number(row.event_id)), { timeout: 20_000 })
        .toEqual([1, 3, 4])
      expect(consumer.counts()).toMatchObject({ handled: 3, deadLetters: 1 })
      // The server may end the statement a moment before.
      expect(troubles[0]).toMatch(/The handler has not ended within 300 ms|statement timeout/)
      expect(late).toEqual([])
      const busy =
        "select from pg_stat_activity where state <> 'idle' and query like '%' || $1 || '%' and pid <> pg_backend_pid()"
      await expect.poll(async () => (await other.query(busy, [schema])).rowCount).toBe(0)
    },
  )

  it("given a database that is there and says nothing → is given up in time, and close does not wait for it", async () => {
    const { schema, publish, effect, consume, expectOnce } = await rig()
    const wire = await proxyTo(url())
    const pool = new pg.Pool({ connectionString: wire.url, max: 2, idleTimeoutMillis: 0 })
    onTestFinished(async () => {
      await wire.close()
      await pool.end()
    })
    const troubles: Array<string> = []
    const onTrouble = (trouble: unknown) => void troubles.push(String(trouble))
    const options = { pool, schema, handlerTimeoutMillis: 200, onTrouble, handle: effect }
    const consumer = await consume(options)
    await publish(events(3, 1))
    await expectOnce(events(3, 1))
    wire.stall(true)
    await publish(events(3, 1, 4))
    await expect
      .poll(() => troubles, { timeout: 10_000 })
      .toContainEqual(expect.stringContaining("has not answered within"))
    const began = performance.now()
    await consumer.close()
    expect(performance.now() - began).toBeLessThan(10_000)
    wire.stall(false)
    const next = await consume(options)
    await expectOnce(events(6, 1))
    expect(next.counts()).toMatchObject({ deadLetters: 0 })
  })

  it("given a handler that never ends → close waits for it no longer than it may take", async () => {
    const { publish, consume } = await rig()
    const { promise: begun, resolve: begin } = Promise.withResolvers<void>()
    const consumer = await consume({
      pool: ownPool(),
      handlerTimeoutMillis: 500,
      handle: () => {
        begin()
        return new Promise(() => {})
      },
    })
    await publish(events(10, 1))
    await begun
    await consumer.close()
    expect(consumer.counts()).toMatchObject({ handled: 0, deadLetters: 0 })
  })

  it.each([
    ["none", "0", "700ms"],
    ["a lower one", "500ms", "500ms"],
    ["a higher one", "2h", "700ms"],
  ])(
    "given a limit of the host's on statements: %s → the lower one counts, and the session keeps its own",
    async (_, own, within) => {
      const { publish, consume } = await rig()
      const pool = ownPool(1)
      await pool.query(`set statement_timeout = '${own}'`)
      const seen: Array<unknown> = []
      const consumer = await consume({
        pool,
        handlerTimeoutMillis: 700,
        handle: async (_all, tx) => void seen.push((await tx.query("show statement_timeout")).rows[0]),
      })
      await publish(events(1, 1))
      await expect.poll(() => consumer.counts().handled).toBe(1)
      expect(seen).toEqual([{ statement_timeout: within }])
      expect((await pool.query("show statement_timeout")).rows[0].statement_timeout).toBe(own)
    },
  )
})
