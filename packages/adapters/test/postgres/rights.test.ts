/**
 * The rights that a role needs are those that the statements of a shop use: no fewer, and no more.
 */
import { readFileSync } from "node:fs"
import { join } from "node:path"
import { createHoldfast, type Event, type Shop } from "@holdfast/core"
import { Effect } from "effect"
import pg from "pg"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { doctor } from "../../src/cli/doctor.ts"
import { rightsFindings } from "../../src/cli/findings.ts"
import { type HostPool, type PostgresOptions, postgres, postgresRequests } from "../../src/postgres/index.ts"
import { shape } from "../../src/postgres/schema/shape.generated.ts"
import { askMissing, type Missing, missingOf, type Right, rights } from "../../src/postgres/statements/rights.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

const pairs = Object.entries(rights).flatMap(([relation, each]) => each.map((right) => [relation, right] as const))

it("every relation that the migrations make has its rights, but for what is archived", () => {
  const made = shape.filter(([, part]) => ["table", "view", "sequence"].includes(part)).map(([relation]) => relation)
  expect(Object.keys(rights).sort()).toEqual(made.filter((relation) => !relation.endsWith("_archive")))
})

it("the guide grants all of them, and beyond them nothing but to read what was archived", () => {
  const guide = readFileSync(join(import.meta.dirname, "../../../../docs/guides/roles.md"), "utf8")
  const tables = shape.filter(([, part]) => ["table", "view"].includes(part)).map(([relation]) => relation)
  const granted = new Set<string>()
  for (const [, list = "", on = ""] of guide.matchAll(/^grant (.*) on (holdfast.*|all tables .*) to shop_app;$/gm)) {
    const relations = on.startsWith("all tables") ? tables : on.split(", ").map((each) => each.split(".")[1])
    for (const relation of relations) for (const right of list.split(", ")) granted.add(`${right} ${relation}`)
  }
  const archived = tables.filter((relation) => relation.endsWith("_archive")).map((relation) => `select ${relation}`)
  const needed = pairs.map(([relation, right]) => `${right} ${relation}`)
  expect([...granted].sort()).toEqual([...needed, ...archived].sort())
})

/** Every call of a shop that is served by statements of its own, under names that no other run uses. */
const everything = async (shop: Shop, run: string): Promise<void> => {
  const [accountId, productId, campaignId, name] = ["account", "product", "campaign", "mails"].map((x) => `${x}-${run}`)
  if (accountId === undefined || productId === undefined || campaignId === undefined || name === undefined) return
  const key = (what: string) => `${what}-${run}`
  const lines = [{ productId, quantity: 1 }]
  await shop.points.open({ accountId })
  await shop.points.charge({ accountId, amount: 1_000, key: key("charge") })
  await shop.points.adjust({ accountId, change: -5, reason: "lost", key: key("adjust") })
  await shop.points.suspend({ accountId, key: key("suspend") })
  await shop.points.resume({ accountId, key: key("resume") })
  await shop.stock.register({ productId, name: "Tee", price: 5, onHand: 100 })
  await shop.stock.restock({ productId, quantity: 5, key: key("restock") })
  await shop.stock.rename({ productId, name: "T-shirt", key: key("rename") })
  await shop.coupons.createCampaign({ campaignId, name: "Sale", discount: { type: "flat", amount: 1 }, limit: 10 })
  await shop.coupons.issue({ accountId, campaignId })
  const requested = await shop.coupons.request({ accountId, campaignId })
  await expect.poll(async () => (await shop.coupons.requested(requested.requestId)).state).toBe("refused")
  let mends = false
  const fails = ({ key: aggregate }: Event) => {
    if (aggregate === `${accountId}-7` && !mends) throw new Error("no mail today")
  }
  await shop.events.subscribe(name, fails, { attempts: 1 })
  // Several events of one commit, of which one is parked and the others are handled: each is settled apart.
  await Promise.all(Array.from({ length: 16 }, (_, n) => shop.points.open({ accountId: `${accountId}-${n}` })))
  const { orderId } = await shop.orders.place({ accountId, lines, campaignId, key: key("first") })
  await shop.orders.cancel({ accountId, orderId, key: key("cancel") })
  const second = await shop.orders.place({ accountId, lines, reference: run, key: key("second") })
  await shop.orders.complete({ orderId: second.orderId, key: key("complete") })
  await shop.coupons.revoke({ accountId, campaignId, key: key("revoke") })
  await shop.events.settled(name)
  const { items } = await shop.events.parked({ name })
  expect(items).toHaveLength(1)
  mends = true
  for (const { position } of items) await shop.events.redeliver({ name, position })
  await shop.events.settled(name)
  await shop.events.unregister(name)
  await Promise.all([
    shop.popularity.top(),
    shop.stock.products(),
    shop.stock.movements({ productId }),
    shop.points.entries({ accountId }),
    shop.orders.ofAccount({ accountId }),
    shop.orders.byReference({ reference: run }),
    shop.coupons.ofAccount({ accountId }),
    shop.coupons.ofCampaign({ campaignId }),
    shop.outcome({ operation: "orders.place", key: key("first") }),
  ])
  expect((await shop.audit.run()).ok).toBe(true)
}

const paths = ["any", "locked", "snapshot", "blind"] as const

describe("on a server", () => {
  const { url, server } = serverForFile("rights")
  const cleanUps: Array<() => unknown> = []
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })
  const ask = (sql: string, at = url()) => Effect.runPromise(query(at, sql))
  const made = async (): Promise<string> => {
    const schema = freshSchema()
    cleanUps.push(() => ask(`drop schema if exists ${schema} cascade`))
    const shop = createHoldfast({ store: postgres({ url: url(), schema }), workers: false })
    await shop.start()
    await shop.stop()
    return schema
  }
  const shopOn = (options: PostgresOptions): Shop => {
    const { url: at = "", pool, schema } = options
    const requests = postgresRequests(pool === undefined ? { url: at, schema } : { pool, schema })
    const shop = createHoldfast({ store: postgres(options), requests, logger: () => {} })
    cleanUps.push(() => shop.stop())
    return shop
  }
  /** A role that may do so much and nothing else, and its address. */
  const roleWith = async (schema: string, granted: ReadonlyArray<readonly [relation: string, right: Right]>) => {
    const role = freshSchema()
    await ask(`create role ${role} login`)
    cleanUps.push(() => ask(`drop owned by ${role}; drop role ${role}`).catch(() => undefined))
    await ask(`grant usage on schema ${schema} to ${role}`)
    for (const [relation, right] of granted) await ask(`grant ${right} on ${schema}.${relation} to ${role}`)
    return { role, at: Object.assign(new URL(url()), { username: role }).href }
  }

  it("they are what the statements do", async () => {
    const schema = await made()
    const used = new Set<string>()
    const see = (sql: string): void => {
      const note = (pattern: RegExp, right: Right) => {
        for (const [, relation] of sql.matchAll(pattern)) used.add(`${right} ${relation}`)
      }
      const place = `"${schema}"\\.(\\w+)`
      note(new RegExp(`insert into ${place}`, "g"), "insert")
      note(new RegExp(`update ${place}`, "g"), "update")
      note(new RegExp(`delete from ${place}`, "g"), "delete")
      note(new RegExp(`(?<!delete )(?:from|join) ${place}`, "g"), "select")
      if (/\bnextval\(/.test(sql)) used.add("update fence")
      if (/\bfor (?:no key update|update|share)\b/.test(sql))
        note(new RegExp(`(?<!delete )from ${place}`, "g"), "update")
    }
    const real = new pg.Pool({ connectionString: url(), max: 4 })
    cleanUps.push(() => real.end())
    // As restored from elsewhere, which the first start notes.
    await real.query(`update "${schema}".era set cluster = 'another'`)
    const pool: HostPool = {
      options: real.options,
      connect: async () => {
        const client = await real.connect()
        return {
          query: (sql, params) => {
            see(sql)
            return client.query(sql, params)
          },
          release: (destroy) => client.release(destroy),
        }
      },
    }
    for (const path of paths) {
      const shop = shopOn({ pool, schema, path, migrate: "check" })
      await everything(shop, path)
      await shop.stop()
    }
    expect([...used].sort()).toEqual(pairs.map(([relation, right]) => `${right} ${relation}`).sort())
  })

  it("a role that has them and no more runs a shop, and doctor is content", async () => {
    const schema = await made()
    const { at } = await roleWith(schema, pairs)
    for (const path of paths) await everything(shopOn({ url: at, schema, path }), path)
    expect(await doctor({ url: at, schema, after: 0, json: true })).toBe(true)
  })

  it("each of them that is missing is named with the statement that grants it", async () => {
    const schema = await made()
    const { role, at } = await roleWith(schema, pairs)
    const missing = async (): Promise<Missing> => {
      const { sql, params } = askMissing(schema)
      const [row] = await Effect.runPromise(query(at, sql, params))
      return missingOf(String(Object.values(row ?? {})[0]))
    }
    expect(rightsFindings(await missing(), role, schema)).toEqual([])
    for (const [relation, right] of pairs) {
      await ask(`revoke ${right} on ${schema}.${relation} from ${role}`)
      const [finding, ...others] = rightsFindings(await missing(), role, schema)
      expect(others).toEqual([])
      expect(finding).toMatchObject({ level: "wrong", what: expect.stringContaining(`: ${right} on ${relation}.`) })
      await ask(String(finding?.todo))
    }
    await ask(`revoke usage on schema ${schema} from ${role}`)
    expect(await doctor({ url: at, schema, after: 0, json: true })).toBe(false)
    const [finding] = rightsFindings(await missing(), role, schema)
    expect(finding).toMatchObject({ level: "wrong", what: expect.stringContaining("usage of the schema") })
    await ask(String(finding?.todo))
    expect(await doctor({ url: at, schema, after: 0, json: true })).toBe(true)
  })

  it("a call that lacks one is rejected for good, and nothing happened", async () => {
    const schema = await made()
    const { role, at } = await roleWith(schema, pairs)
    const shop = shopOn({ url: at, schema, migrate: "check" })
    await shop.points.open({ accountId: "ann" })
    await ask(`revoke insert on ${schema}.entry from ${role}`)
    const charge = { accountId: "ann", amount: 5, key: "k" }
    await expect(shop.points.charge(charge)).rejects.toMatchObject({
      code: "STORE_REJECTED",
      outcome: "nothing-happened",
      retryable: false,
      message: "The store rejects it: permission denied for table entry (42501).",
    })
    expect(await shop.points.balance("ann")).toBe(0)
    await ask(`grant insert on ${schema}.entry to ${role}`)
    expect(await shop.points.charge(charge)).toMatchObject({ replayed: false, balance: 5 })
    await ask(`revoke select on ${schema}.orders from ${role}`)
    await expect(shop.orders.byReference({ reference: "r" })).rejects.toMatchObject({ code: "STORE_REJECTED" })
  })
})
