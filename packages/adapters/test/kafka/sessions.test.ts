/**
 * What a consumer does with the sessions of a host's pool: those that the server ends, and those that are of no more use.
 */
import type pg from "pg"
import { beforeEach, describe, expect, it } from "vitest"
import { events } from "./events.ts"
import { inboxWorlds } from "./inboxRig.ts"

const { server, rig, ownPool } = inboxWorlds("sessions of a consumer")

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
})
