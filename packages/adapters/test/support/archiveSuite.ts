/**
 * Retention: what is old leaves, and everything that was promised still holds, whatever the way to the shop.
 */
import { createHoldfast, type Shop, type StoreOption } from "@holdfast/core"
import { afterEach, describe, expect, it } from "vitest"
import type { Archived, RetentionOptions } from "../../src/postgres/index.ts"

/** A way to a shop, for its owner and for whoever archives it meanwhile. */
export interface ArchiveWay {
  readonly name: string
  readonly store: (schema: string) => StoreOption
  readonly archive: (options: RetentionOptions) => Promise<Archived>
  /** One statement beside the shop. */
  readonly ask: (sql: string, params?: ReadonlyArray<unknown>) => Promise<ReadonlyArray<Record<string, unknown>>>
  /** The name of a schema that no other test uses. */
  readonly schema: () => string
}

const dayMillis = 24 * 3_600_000
const discount = { type: "flat", amount: 1 } as const
const tables = ["entry", "movement", "orders", "receipt"] as const

/** A shop whose time can be set, with a history: months ago, and this week. */
export const shopWithHistory = async (store: StoreOption) => {
  let daysAgo = 200
  const shop = createHoldfast({
    store,
    clock: () => Date.now() - daysAgo * dayMillis,
    workers: false,
    logger: () => {},
  })
  const at = (days: number): void => {
    daysAgo = days
  }
  let orders = 0
  const place = (accountId: string, productId: string, quantity: number, campaignId?: string) =>
    shop.orders.place({
      accountId,
      lines: [{ productId, quantity }],
      key: `order-${orders++}`,
      ...(campaignId === undefined ? {} : { campaignId }),
    })
  for (const productId of ["tea", "cup"])
    await shop.stock.register({ productId, name: productId, price: 10, onHand: 500 })
  await shop.coupons.createCampaign({ campaignId: "spring", name: "Spring", discount, limit: 9, validDays: 300 })
  for (const accountId of ["ada", "bob", "eve", "old"]) {
    await shop.points.open({ accountId })
    await shop.coupons.issue({ campaignId: "spring", accountId })
  }
  for (const accountId of ["ada", "bob", "eve"])
    await shop.points.charge({ accountId, amount: 5_000, key: `c-${accountId}` })
  await shop.points.charge({ accountId: "old", amount: 20, key: "c-old" })
  at(150)
  // An account that spent all it had and came never again.
  await shop.orders.complete({ orderId: (await place("old", "tea", 2)).orderId })
  const open = await place("ada", "tea", 1)
  const cancelledLate = await place("bob", "cup", 3)
  const revokedLate = await place("bob", "tea", 1, "spring")
  await shop.orders.complete({ orderId: revokedLate.orderId })
  const cancelled = await place("ada", "cup", 2, "spring")
  await shop.orders.cancel({ accountId: "ada", orderId: cancelled.orderId, key: "cancel-1" })
  for (let n = 0; n < 20; n++) {
    const { orderId } = await place("eve", n % 2 === 0 ? "tea" : "cup", 1)
    if (n % 5 > 0) await shop.orders.complete({ orderId })
  }
  await shop.stock.restock({ productId: "tea", quantity: 7, key: "r-tea" })
  await shop.points.adjust({ accountId: "ada", change: -5, reason: "typo", key: "a-ada" })
  at(2)
  await shop.orders.cancel({ accountId: "bob", orderId: cancelledLate.orderId, key: "cancel-2" })
  await shop.coupons.revoke({ campaignId: "spring", accountId: "bob" })
  for (let n = 0; n < 6; n++) await place("eve", "tea", 1)
  await place("ada", "cup", 1, "spring")
  at(0)
  return { shop, place, open }
}

/** What the audit finds, in a word where that is nothing. */
export const auditOf = async (shop: Shop): Promise<string> => {
  const { ok, checks } = await shop.audit.run()
  return ok ? "clean" : JSON.stringify(checks.filter(({ violations }) => violations > 0))
}

export const archiveSuite = (way: ArchiveWay): void => {
  describe(`archiving through ${way.name}`, () => {
    const stops: Array<() => Promise<void>> = []
    afterEach(() => Promise.all(stops.splice(0).map((stop) => stop())))
    const opened = async (name: string) => {
      const history = await shopWithHistory(way.store(name))
      stops.push(() => history.shop.stop())
      return history
    }

    const rowsIn = async (name: string, suffix = "") => {
      const counts: Record<string, number> = {}
      for (const table of tables) {
        const [row] = await way.ask(`select count(*)::int as n from ${name}.${table}${suffix}`)
        counts[table] = Number(row?.n)
      }
      return counts
    }
    const balances = async (name: string) => [
      ...(await way.ask(`select account_id, balance::int, seq::int from ${name}.account order by 1`)),
      ...(await way.ask(`select product_id, on_hand::int, revision::int from ${name}.product order by 1`)),
    ]

    it("moves nothing of a schema that needs newer code, and says so", async () => {
      const name = way.schema()
      await opened(name)
      const rows = await rowsIn(name)
      await way.ask(`insert into ${name}.migration (version, name, minimum_code_version) values (99, 'later', 99)`)
      await expect(way.archive({ schema: name })).rejects.toThrow(
        new RegExp(`The schema "${name}" needs code of version 99, and this is \\d+. Update @holdfast/adapters`),
      )
      expect(await rowsIn(name)).toEqual(rows)
    })

    it.each([1, 7, 1_000])("in batches of %d moves every old row once and keeps every sum", async (batch) => {
      const name = way.schema()
      const { shop, place, open } = await opened(name)
      expect(await auditOf(shop)).toBe("clean")
      const [before, sums] = [await rowsIn(name), await balances(name)]

      const moved = await way.archive({ schema: name, batch })
      const { before: moment, ...counts } = moved
      const [kept, gone] = [await rowsIn(name), await rowsIn(name, "_archive")]
      for (const table of tables) expect(kept[table] ?? 0, table).toBe((before[table] ?? 0) - (gone[table] ?? 0))
      expect(counts).toEqual({
        receipts: gone.receipt,
        entries: gone.entry,
        movements: gone.movement,
        orders: gone.orders,
      })
      expect(counts.orders).toBe(19)
      expect(await balances(name)).toEqual(sums)
      expect(await auditOf(shop)).toBe("clean")

      // One old row opens each ledger; of an account that was quiet since, it is the only one.
      for (const [table, owner, position] of [
        ["entry", "account_id", "seq"],
        ["movement", "product_id", "revision"],
      ]) {
        const old = await way.ask(
          `select ${owner} as owner, count(*)::int as n from ${name}.${table} where at < $1 group by 1 order by 1`,
          [moment.getTime()],
        )
        expect(old.every(({ n }) => n === 1)).toBe(true)
        const [overlap] = await way.ask(
          `select count(*)::int as n from ${name}.${table}_archive join ${name}.${table} using (${owner}, ${position})`,
        )
        expect(overlap?.n).toBe(0)
      }
      const { items } = await shop.points.entries({ accountId: "old" })
      expect(items.map(({ seq, balance }) => [seq, balance])).toEqual([[2, 0]])

      // The shop goes on, also with what was open all the time, and a second run finds nothing to do.
      await shop.orders.cancel({ accountId: "ada", orderId: open.orderId, key: "cancel-3" })
      await shop.points.charge({ accountId: "old", amount: 100, key: "again" })
      await place("old", "tea", 1)
      expect(await auditOf(shop)).toBe("clean")
      expect(await way.archive({ schema: name, batch })).toMatchObject({
        receipts: 0,
        entries: 0,
        movements: 0,
        orders: 0,
      })
      await way.archive({ schema: name, batch, keepDays: 1 })
      expect(await auditOf(shop)).toBe("clean")
    })

    it("keeps keys unique for as long as it says", async () => {
      const name = way.schema()
      const { shop } = await opened(name)
      const again = (key: string, quantity: number) =>
        shop.orders.place({ accountId: "eve", lines: [{ productId: "tea", quantity }], key })
      const [recent] = await way.ask(
        `select key from ${name}.orders where account_id = 'eve' order by placed_at desc, key limit 1`,
      )
      await way.archive({ schema: name, keepDays: 90 })
      expect(await again(String(recent?.key), 1)).toMatchObject({ replayed: true })
      // Older than that it is a new command, with a receipt and rows of its own.
      expect(await again("order-6", 3)).toMatchObject({ replayed: false })
      expect(await again("order-6", 3)).toMatchObject({ replayed: true })
      // An open order stays, and so does its key.
      expect(await again("order-5", 1)).toMatchObject({ replayed: true })
      expect(await auditOf(shop)).toBe("clean")
    })

    it("leaves the audit able to see what is wrong with what is left", async () => {
      const name = way.schema()
      const { shop } = await opened(name)
      const { before } = await way.archive({ schema: name })
      const at = before.getTime()
      for (const [damage, repair, check] of [
        [
          `update ${name}.entry set balance = balance + 1 where account_id = 'old'`,
          `update ${name}.entry set balance = balance - 1 where account_id = 'old'`,
          "account-balance",
        ],
        [
          `update ${name}.account set balance = balance + 1 where account_id = 'eve'`,
          `update ${name}.account set balance = balance - 1 where account_id = 'eve'`,
          "account-balance",
        ],
        [
          `update ${name}.product set on_hand = on_hand - 1`,
          `update ${name}.product set on_hand = on_hand + 1`,
          "product-on-hand",
        ],
        [
          `update ${name}.movement set on_hand = on_hand + 1 where at < ${at}`,
          `update ${name}.movement set on_hand = on_hand - 1 where at < ${at}`,
          "stock-ledger",
        ],
      ] as const) {
        await way.ask(damage)
        expect(await auditOf(shop), damage).toContain(check)
        await way.ask(repair)
      }
      expect(await auditOf(shop)).toBe("clean")
      // A recent row that is gone is missed, however old its neighbours are.
      await way.ask(
        `delete from ${name}.entry where account_id = 'eve' and seq = (select max(seq) - 1 from ${name}.entry where account_id = 'eve')`,
      )
      const found = await auditOf(shop)
      for (const check of ["point-ledger", "order-spends"]) expect(found).toContain(check)
    })

    it("goes on beside sales and audits", async () => {
      const name = way.schema()
      const { shop, place } = await opened(name)
      let archiving = true
      const sales = Array.from({ length: 8 }, async (_, n) => {
        while (archiving) await place(n % 2 === 0 ? "eve" : "ada", "cup", 1).catch(() => {})
      })
      const audits = (async () => {
        const found: Array<string> = []
        while (archiving) found.push(await auditOf(shop))
        return found
      })()
      for (const keepDays of [170, 140, 90, 10]) await way.archive({ schema: name, keepDays, batch: 2 })
      archiving = false
      await Promise.all(sales)
      expect(new Set(await audits)).toEqual(new Set(["clean"]))
      expect(await auditOf(shop)).toBe("clean")
    })

    it("tells what it moved, and not what another run moved meanwhile", async () => {
      const name = way.schema()
      await opened(name)
      const runs = await Promise.all([1, 2, 3].map(() => way.archive({ schema: name, batch: 3 })))
      const gone = await rowsIn(name, "_archive")
      const sum = (of: "entries" | "movements" | "orders" | "receipts") => runs.reduce((all, run) => all + run[of], 0)
      const told = {
        entry: sum("entries"),
        movement: sum("movements"),
        orders: sum("orders"),
        receipt: sum("receipts"),
      }
      expect(told).toEqual(gone)
    })

    it.each([{ keepDays: 0 }, { keepDays: 1.5 }, { batch: 0 }])("refuses %j", async (option) => {
      const [name] = Object.keys(option)
      await expect(way.archive({ schema: way.schema(), ...option })).rejects.toMatchObject({
        code: "INVALID_INPUT",
        refusal: {
          issues: [{ pointer: `/${name}`, message: expect.stringContaining("must be a whole number from 1") }],
        },
      })
    })

    it("says so where there is no shop", async () => {
      await expect(way.archive({ schema: way.schema() })).rejects.toThrow(/could not be archived: .*has no shop/)
    })
  })
}
