/**
 * The laws of the Store port on a PostgreSQL server, through the entry point that everybody's adapter uses.
 */
import { Store } from "@holdfast/core/ports"
import { conformance } from "@holdfast/core/testing"
import { describeAdapterConformance } from "@holdfast/core/testing/vitest"
import { anyServer } from "@holdfast/test-services"
import { Effect, Layer } from "effect"
import { afterAll, describe, expect, it } from "vitest"
import { PostgresStore } from "../../src/postgres/index.ts"
import { freshSchema, query, storeOn } from "../support/stores.ts"

const server = await anyServer("conformance")
const url = server?.url ?? ""
afterAll(() => server?.stop())

const adapter = {
  name: "PostgreSQL",
  layer: Layer.effect(
    Store,
    Effect.suspend(() => storeOn(url)),
  ),
  guarantees: PostgresStore.guarantees,
}

describe.skipIf(server === undefined)("on a server", () => {
  describeAdapterConformance(adapter, { profile: "standard" })

  it("lets go of every connection when a run is over", async () => {
    // A database of its own, so that its connections can be told from others.
    const database = freshSchema()
    const ask = (sql: string, params: ReadonlyArray<unknown> = []) => Effect.runPromise(query(url, sql, params))
    const connections = async () =>
      (await ask("select count(*)::int4 as count from pg_stat_activity where datname = $1", [database]))[0]?.count
    await ask(`create database ${database}`)
    const there = new URL(url)
    there.pathname = `/${database}`
    let most = 0
    const run = conformance(
      {
        ...adapter,
        layer: Layer.effect(
          Store,
          Effect.tap(storeOn(there.href), () =>
            Effect.promise(async () => {
              most = Number(await connections())
            }),
          ),
        ),
      },
      { profile: "quick", rounds: 1 },
    )
    expect((await Effect.runPromise(run)).ok).toBe(true)
    expect(most).toBeGreaterThan(0)
    expect(await connections()).toBe(0)
    await ask(`drop database ${database}`)
  })
})
