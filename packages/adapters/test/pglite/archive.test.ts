/**
 * Archiving on PGlite: in a database of the host beside its shop, and in the folder of a shop that is stopped.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { PGlite } from "@electric-sql/pglite"
import { createHoldfast } from "@holdfast/core"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { archive, pglite } from "../../src/pglite/index.ts"
import { archiveSuite, auditOf, shopWithHistory } from "../support/archiveSuite.ts"
import { freshSchema } from "../support/stores.ts"

let database: PGlite
const root = mkdtempSync(join(tmpdir(), "holdfast-archive-"))
beforeAll(async () => {
  database = await PGlite.create()
})
afterAll(async () => {
  await database.close()
  rmSync(root, { recursive: true, force: true })
})

archiveSuite({
  name: "a PGlite of the host",
  store: (schema) => pglite({ database, schema }),
  archive: (options) => archive({ database, ...options }),
  ask: async (sql, params = []) => (await database.query<Record<string, unknown>>(sql, [...params])).rows,
  schema: freshSchema,
})

describe("archiving in a PGlite of the host", () => {
  it("takes turns with the host's transactions, and leaves the database open and as it was", async () => {
    const settings = async () =>
      (await database.query("select name, setting from pg_settings where name !~ '^(transaction|in_hot)' order by 1"))
        .rows
    const schema = freshSchema()
    const { shop } = await shopWithHistory(pglite({ database, schema }))
    const before = await settings()
    await database.exec("create table tally (n int); insert into tally values (0)")
    let archiving = true
    const counting = Array.from({ length: 4 }, async () => {
      let counted = 0
      for (; archiving; counted++) {
        const turn = database.transaction(async (tx) => {
          // Nobody comes between these, and what is undone of them is nothing of the archive's.
          const { rows } = await tx.query<{ n: number }>("select n from tally")
          await tx.query("update tally set n = $1", [(rows[0]?.n ?? 0) + 1])
          if (counted % 3 === 2) throw new Error("changed my mind")
        })
        await turn.catch(() => {})
      }
      return counted - Math.floor(counted / 3)
    })
    expect((await archive({ database, schema, batch: 2 })).orders).toBe(19)
    archiving = false
    const counted = (await Promise.all(counting)).reduce((sum, n) => sum + n, 0)
    expect(counted).toBeGreaterThan(0)
    expect((await database.query("select n from tally")).rows).toEqual([{ n: counted }])
    expect(await auditOf(shop)).toBe("clean")
    await shop.stop()
    expect(await settings()).toEqual(before)
    // One that fails ends its transaction, too.
    await expect(archive({ database, schema: freshSchema() })).rejects.toThrow(/has no shop/)
    await database.exec(`alter table ${schema}.receipt_archive rename to away`)
    await expect(archive({ database, schema })).rejects.toThrow(/does not exist/)
    expect((await database.query("select 1 as one")).rows).toEqual([{ one: 1 }])
    expect(await settings()).toEqual(before)
  })
})

describe("archiving in a folder", () => {
  it("is refused while its shop runs, makes the shop wait meanwhile, and lets it in again", async () => {
    const dir = join(root, "shop")
    const { shop, open } = await shopWithHistory(pglite({ dir }))
    await shop.points.balance("ada")
    await expect(archive({ dir })).rejects.toThrow(`the folder ${dir} is in use by this process`)
    const balances = () => Promise.all(["ada", "bob", "eve", "old"].map((id) => shop.points.balance(id)))
    const sums = await balances()
    await shop.stop()

    const archiving = archive({ dir, batch: 7 })
    // It waits for the folder as a shop waits for a shop.
    const early = createHoldfast({ store: pglite({ dir }), logger: () => {} })
    const started = early.start()
    const { before, ...moved } = await archiving
    await started
    await early.stop()
    expect(before.getTime()).toBeLessThan(Date.now())
    expect(moved.orders).toBe(19)
    for (const count of Object.values(moved)) expect(count).toBeGreaterThan(0)
    const nothing = { before, receipts: 0, entries: 0, movements: 0, orders: 0 }
    expect(await archive({ dir })).toEqual(nothing)

    const next = createHoldfast({ store: pglite({ dir }), workers: false, logger: () => {} })
    expect(await Promise.all(["ada", "bob", "eve", "old"].map((id) => next.points.balance(id)))).toEqual(sums)
    await next.orders.cancel({ accountId: "ada", orderId: open.orderId, key: "cancel-3" })
    expect(await auditOf(next)).toBe("clean")
    await next.stop()
  })

  it("lets go of the folder when it fails, and makes none", async () => {
    const dir = join(root, "failing")
    const shop = createHoldfast({ store: pglite({ dir }), logger: () => {} })
    await shop.start()
    await shop.stop()
    await expect(archive({ dir, schema: "elsewhere" })).rejects.toThrow(/has no shop/)
    expect((await archive({ dir })).orders).toBe(0)
    const wrong = join(root, "wrong")
    await expect(archive({ dir: wrong })).rejects.toThrow(/no database in the folder/)
    expect(existsSync(wrong)).toBe(false)
  })
})

it("refuses a folder and a database at once, and neither", async () => {
  const either = /either a `dir` or a `database`/
  // @ts-expect-error: one of both
  await expect(archive({ dir: root, database })).rejects.toThrow(either)
  // @ts-expect-error: one is needed
  await expect(archive({ keepDays: 90 })).rejects.toThrow(either)
})
