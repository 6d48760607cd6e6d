/**
 * The plans of every statement of a batch, made on freshly created, empty tables, and on tables of which the statistics say
 * that they hold one row: where a plan that is cached for good is most likely to be a bad one. No table is read as a whole,
 * no index either, and rows are found by their keys.
 */

import { PgConnection } from "@effect/sql-pg"
import { MemoryStore } from "@holdfast/core/memory"
import type { ChangeSet, Keys, StoreShape } from "@holdfast/core/ports"
import { Effect, Redacted } from "effect"
import { beforeEach, describe, expect, it } from "vitest"
import { PostgresStore } from "../../src/postgres/PostgresStore.ts"
import { inSchema } from "../../src/postgres/session/text.ts"
import { applyStatements } from "../../src/postgres/statements/apply.ts"
import { locksOf, snapshotOf } from "../../src/postgres/statements/load.ts"
import {
  AccountId,
  cancelCall,
  command,
  commandMaker,
  completeCall,
  furnish,
  issueCall,
  OrderId,
  placeCall,
  revokeCall,
  suspendCall,
  transact,
} from "../support/core.ts"
import { freshSchema, serverForFile } from "../support/stores.ts"

const tablesOf = ["account", "entry", "campaign", "coupon", "orders", "product", "movement", "bucket", "receipt"]

/** The statements that a small shop's life needs, each once. */
const statementsOfAShop = Effect.gen(function* () {
  const memory = yield* MemoryStore.make
  const statements = new Map<string, number>()
  const note = (each: { readonly sql: string; readonly params: ReadonlyArray<unknown> }) =>
    statements.set(each.sql, each.params.length)
  const noteAll = (keys: Keys, changes: ChangeSet | undefined): void => {
    note(snapshotOf(keys).statement)
    for (const each of locksOf(keys).statements) note(each)
    for (const each of changes === undefined ? [] : applyStatements(changes, true)) note(each)
  }
  const store: StoreShape = {
    ...memory,
    transact: (keys, decide) =>
      memory.transact(keys, (records) => {
        const decided = decide(records)
        noteAll(keys, decided.changes)
        return decided
      }),
  }
  yield* furnish(store, {
    accounts: ["ada", "bob"],
    points: 100,
    products: { tea: 9, cup: 9 },
    campaigns: { spring: 2 },
  })
  const make = commandMaker("p")
  yield* transact(store, [make(issueCall, { campaignId: "spring", accountId: "ada" })])
  const lines = ["tea", "cup"].map((productId) => ({ productId, quantity: 1 }))
  for (const id of ["o1", "o2"]) {
    const coupon = id === "o1" ? { campaignId: "spring" } : {}
    yield* transact(store, [command(placeCall, { accountId: "ada", lines, ...coupon }, { id })])
  }
  const facts = yield* memory.reads.order(OrderId.make("o1"))
  yield* transact(store, [make(cancelCall, { accountId: "ada", orderId: "o1" }, { request: { facts } })])
  yield* transact(store, [make(completeCall, { orderId: "o2" })])
  yield* transact(store, [make(revokeCall, { campaignId: "spring", accountId: "ada" })])
  yield* transact(store, [make(suspendCall, { accountId: AccountId.make("bob") })])
  return statements
})

describe.each(["empty tables", "tables of one row"])("on %s", (tables) => {
  const { url, server } = serverForFile("the plans")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  it("SB-53: every row is found by its key, and locked in the order of the keys", async () => {
    const schema = freshSchema()
    const plans = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const store = yield* PostgresStore.make({ url: url(), schema })
          const connection = yield* PgConnection.make({ url: Redacted.make(url()) })
          if (tables !== "empty tables") {
            yield* furnish(store, { accounts: ["ada"], points: 100, products: { tea: 9 }, campaigns: { spring: 2 } })
            yield* transact(store, [
              command(issueCall, { campaignId: "spring", accountId: "ada" }),
              command(placeCall, { accountId: "ada", lines: [{ productId: "tea", quantity: 1 }] }),
            ])
            yield* connection.query(`analyze ${tablesOf.map((table) => `${schema}.${table}`).join(", ")}`, [], false)
          }
          for (const setting of ["seqscan", "bitmapscan", "hashjoin", "mergejoin"]) {
            yield* connection.query(`set enable_${setting} = off`)
          }
          yield* connection.query("set plan_cache_mode = force_generic_plan")
          const place = inSchema(schema)
          const found: Array<string> = []
          let n = 0
          for (const [sql, params] of yield* statementsOfAShop) {
            const name = `plan_${n++}`
            yield* connection.query(`prepare ${name} as ${place(sql)}`, [], false)
            const nulls = params === 0 ? "" : `(${Array.from({ length: params }, () => "null").join(", ")})`
            const rows = yield* connection.query(`explain (costs off) execute ${name}${nulls}`, [], false)
            found.push(`${sql}\n${rows.rows.map((row) => Object.values(row)[0]).join("\n")}`)
          }
          yield* connection.query(`drop schema ${schema} cascade`)
          return found
        }),
      ),
    )
    expect(plans.length).toBeGreaterThan(20)
    for (const plan of plans) {
      // Updates may read a table of one row as a whole, until the session plans again: see `PlansThatAge`.
      if (tables !== "empty tables" && plan.includes("update @.")) continue
      // `subscription` has a handful of rows, and all of them are wanted.
      const ofRows = plan.replaceAll(/Seq Scan on subscription/g, "")
      expect(ofRows).not.toMatch(/Seq Scan|Bitmap|Hash Join|Merge Join/)
      // An index scan without a condition reads the whole index; a join filter compares everything with everything.
      expect(ofRows).not.toMatch(/Index (Only )?Scan using (?!subscription)[^\n]*\n(?![^\n]*Index Cond)/)
      // What an index only narrows down is filtered row by row, and grows with the table.
      for (const [filter] of ofRows.matchAll(/(?<!Join )Filter: [^\n]*/g)) expect(filter).not.toMatch(/_id = |key = /)
      if (process.env.SHOW_PLANS !== undefined) console.log(`${plan}\n`)
    }
  })
})
