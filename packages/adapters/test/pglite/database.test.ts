/**
 * The shop in a PGlite of the host, beside the host's own use of it.
 */
import { PGlite } from "@electric-sql/pglite"
import { createHoldfast } from "@holdfast/core"
import { Effect } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import { openFromDatabase } from "../../src/pglite/databaseWire.ts"
import { pglite } from "../../src/pglite/index.ts"
import { begin } from "../../src/postgres/session/wire.ts"
import { furnishShop } from "../support/shop.ts"

let database: PGlite
beforeAll(async () => {
  database = await PGlite.create()
})
afterAll(() => database.close())

const settings = async (): Promise<unknown> =>
  (await database.query("select name, setting from pg_settings where name !~ '^(transaction|in_hot)' order by name"))
    .rows

it("takes turns with the host's transactions, and leaves the database open and as it was", async () => {
  const before = await settings()
  const shop = createHoldfast({ store: pglite({ database, schema: "beside" }), logger: () => {} })
  await furnishShop(shop, { accounts: 4, products: 2, onHand: 30 })
  await database.exec("create table tally (n int); insert into tally values (0)")
  const buy = (key: string, n: number) =>
    shop.orders.place({ accountId: `account-${n % 4}`, lines: [{ productId: `product-${n % 2}`, quantity: 1 }], key })
  const counting = Array.from({ length: 20 }, () =>
    database.transaction(async (tx) => {
      // Nobody comes between these two, and none of it is undone by a refusal of the shop's.
      const { rows } = await tx.query<{ n: number }>("select n from tally")
      await tx.query("update tally set n = $1", [(rows[0]?.n ?? 0) + 1])
    }),
  )
  const orders = await Promise.allSettled(Array.from({ length: 80 }, (_, n) => buy(`order-${n}`, n)))
  await Promise.all(counting)
  expect(orders.filter(({ status }) => status === "fulfilled")).toHaveLength(60)
  expect((await database.query("select n from tally")).rows).toEqual([{ n: 20 }])
  expect((await shop.audit.run()).ok).toBe(true)
  await shop.stop()
  expect(database.closed).toBe(false)
  expect(await settings()).toEqual(before)
})

it("a call that the host's open transaction is in the way of ends at its deadline, and leaves no transaction behind", async () => {
  let isHeld = false
  const startedAt = Date.now()
  const shop = createHoldfast({
    store: pglite({ database, schema: "beside" }),
    deadlineMillis: 300,
    // Time goes on only while the host's transaction is open.
    clock: () => (isHeld ? Date.now() : startedAt),
    logger: () => {},
  })
  await shop.start()
  const open = (accountId: string) => shop.points.open({ accountId })
  await database.transaction(async () => {
    isHeld = true
    await expect(open("outside")).rejects.toMatchObject({ outcome: expect.stringMatching(/unknown|nothing-happened/) })
  })
  isHeld = false
  await expect
    .poll(() =>
      open("outside").then(
        ({ accountId }) => accountId,
        () => "no",
      ),
    )
    .toBe("outside")
  await shop.stop()
  expect((await database.query("select 1 as one")).rows).toEqual([{ one: 1 }])
})

it("a transaction that nobody waits for any more is not begun", async () => {
  const given = Effect.flatMap(openFromDatabase(database, "beside", "decide"), (wire) =>
    Effect.timeoutOption(wire.run([begin]), "50 millis"),
  )
  await database.transaction(async () => {
    expect((await Effect.runPromise(Effect.scoped(given)))._tag).toBe("None")
  })
  expect((await database.query("select 1 as one")).rows).toEqual([{ one: 1 }])
})

it("refuses a folder and a database at once", () => {
  expect(() => pglite({ database, dir: "here" })).toThrow(/either a `dir` or a `database`/)
})
