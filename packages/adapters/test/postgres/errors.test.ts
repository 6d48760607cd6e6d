/**
 * Statements that the server fails: what passes is made good by the same commands again, what stays costs the commands
 * that meet it and no others, and no caller is ever told a refusal or a defect for it.
 */
import { isHoldfastError } from "@holdfast/core"
import { describe, expect, it } from "vitest"
import { furnishShop, patientMillis, type TestShop } from "../support/shop.ts"
import { shopsForFile } from "../support/shops.ts"
import { saleThrough } from "../trials/judge.ts"
import type { Heard } from "../trials/visits.ts"

describe("errors of the server", () => {
  const { url, ask, schema, open } = shopsForFile("errors")
  /** From now on the first `times` inserts of orders fail with an SQLSTATE. Counted by a sequence: no rollback undoes it. */
  const failOrders = async (name: string, sqlstate: string, times: number): Promise<void> => {
    await ask(`create sequence ${name}.failures`)
    await ask(
      `create function ${name}.fail() returns trigger language plpgsql as $$ begin
       if nextval('${name}.failures') <= ${times} then raise exception 'planted' using errcode = '${sqlstate}'; end if;
       return null; end $$`,
    )
    await ask(`create trigger fail after insert on ${name}.orders for each statement execute function ${name}.fail()`)
  }
  const failed = async (name: string): Promise<number> =>
    Number((await ask(`select last_value::int as n from ${name}.failures`))[0]?.n)

  it.each([
    ["a statement time-out or a cancelled statement", "57014"],
    ["a serialization failure", "40001"],
    ["a deadlock", "40P01"],
    ["a lock that is not given in time", "55P03"],
    ["a full disk", "53100"],
    ["no memory", "53200"],
    ["too many connections", "53300"],
    ["an I/O error", "58030"],
    ["a server that shuts down", "57P01"],
    ["a connection failure", "08006"],
  ])("SB-34: a failure that passes is made good, exactly once: %s (%s)", async (_, sqlstate) => {
    const name = schema()
    const shop = open(url(), name, patientMillis, true)
    await shop.start()
    await failOrders(name, sqlstate, 3)
    const heard: Array<Heard> = []
    const trouble = () => Promise.resolve()
    expect(await saleThrough(shop, { seed: 7, rushMillis: 1, trouble, heard })).toEqual([])
    expect(await failed(name)).toBeGreaterThanOrEqual(3)
    expect(heard.filter((told) => "code" in told && told.code === "STORE_UNAVAILABLE")).toEqual([])
  })

  it("SB-34: an error that stays makes orders unavailable at their deadline, and the same calls work when there is room", async () => {
    const name = schema()
    const shop = open(url(), name, 1_000, true)
    await shop.start()
    const trouble = () => Promise.resolve()
    const heard: Array<Heard> = []
    await failOrders(name, "53100", 1_000_000)
    const afterwards = open(url(), name)
    const sale = saleThrough(shop, { seed: 8, rushMillis: 1, trouble, heard, afterwards })
    await expect.poll(() => heard.some((told) => "code" in told && told.code === "STORE_UNAVAILABLE")).toBe(true)
    await ask(`drop trigger fail on ${name}.orders`)
    expect(await sale).toEqual([])
    expect(heard.some((told) => "code" in told && told.code === "STORE_UNAVAILABLE")).toBe(true)
  })

  const oddReference = "an odd one"
  const place = (shop: TestShop, n: number, reference: string, key = `order-${n}`) =>
    shop.orders.place({
      accountId: `account-${n}`,
      lines: [{ productId: "product-0", quantity: 1 }],
      key,
      reference,
    })
  /** Forty orders at once, of which one carries what somebody's change to the tables does not allow. */
  const codesOfForty = async (shop: TestShop): Promise<ReadonlyArray<string>> => {
    const placed = await Promise.allSettled(
      Array.from({ length: 40 }, (_, n) => place(shop, n, n === 17 ? oddReference : `even-${n}`)),
    )
    return placed.map((each) => {
      if (each.status === "fulfilled") return "ok"
      return isHoldfastError(each.reason) ? each.reason.code : `a defect: ${each.reason}`
    })
  }
  const allOk = Array.from({ length: 40 }, () => "ok")

  it.each([
    [
      "a check",
      [`alter table @.orders add constraint odd check (reference <> '${oddReference}')`],
      "alter table @.orders drop constraint odd",
    ],
    [
      "a narrower column",
      ["alter table @.orders alter column reference type varchar(8)"],
      "alter table @.orders alter column reference type text",
    ],
    [
      "a unique index",
      [`create unique index odd on @.orders ((reference = '${oddReference}' or null))`],
      "drop index @.odd",
    ],
    [
      "a trigger that fails",
      [
        `create function @.odd() returns trigger language plpgsql as $$ begin
         perform 1 / (new.reference <> '${oddReference}')::int; return new; end $$`,
        "create trigger odd before insert on @.orders for each row execute function @.odd()",
      ],
      "drop trigger odd on @.orders",
    ],
  ])("%s that somebody added rejects the row that meets it, for good, and no other", async (kind, change, undo) => {
    const name = schema()
    const shop = open(url(), name)
    await furnishShop(shop, { accounts: 40, products: 1 })
    // An index wants a row to collide with.
    if (kind === "a unique index") await place(shop, 0, oddReference, "first")
    for (const statement of change) await ask(statement.replaceAll("@", name))
    expect(await codesOfForty(shop)).toEqual(allOk.with(17, "STORE_REJECTED"))
    await ask(undo.replaceAll("@", name))
    expect(await codesOfForty(shop)).toEqual(allOk)
    expect((await shop.orders.byReference({ reference: "even-3" })).items.length).toBe(1)
    expect((await shop.audit.run()).ok).toBe(true)
  })

  it("a table that somebody renamed has calls rejected, and the same calls work when it is back", async () => {
    const name = schema()
    const shop = open(url(), name)
    await furnishShop(shop, { accounts: 40, products: 1 })
    await ask(`alter table ${name}.movement rename to lost`)
    expect(new Set(await codesOfForty(shop))).toEqual(new Set(["STORE_REJECTED"]))
    await ask(`alter table ${name}.lost rename to movement`)
    expect(await codesOfForty(shop)).toEqual(allOk)
    expect((await shop.audit.run()).ok).toBe(true)
  })
})
