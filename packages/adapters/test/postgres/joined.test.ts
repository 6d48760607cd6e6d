/**
 * The suite of stores that join a transaction of their host, on PostgreSQL, and stores on it that each fail one of its cases.
 */
import { Store, type StoreFault, type StoreShape } from "@holdfast/core/ports"
import { StoreSuites } from "@holdfast/core/testing"
import { describeStoreSuite } from "@holdfast/core/testing/vitest"
import { Effect, Layer } from "effect"
import pg from "pg"
import { describe, expect, it } from "vitest"
import { serverForFile, storeOn } from "../support/stores.ts"

const { url, server } = serverForFile("the suite of joined transactions")

const host: StoreSuites.JoiningStore["host"] = Effect.gen(function* () {
  const client = yield* Effect.acquireRelease(
    Effect.promise(async () => {
      const made = new pg.Client(url())
      await made.connect()
      return made
    }),
    (made) => Effect.promise(() => made.end()),
  )
  const said = (sql: string): Effect.Effect<void, StoreFault> =>
    Effect.promise(async () => void (await client.query(sql)))
  return { handle: client, begin: said("begin"), commit: said("commit"), rollback: said("rollback") }
})

const storeThat = (name: string, change: (store: StoreShape) => Partial<StoreShape>): StoreSuites.JoiningStore => ({
  name,
  host,
  layer: Layer.effect(
    Store,
    Effect.suspend(() => Effect.map(storeOn(url()), (store) => ({ ...store, ...change(store) }))),
  ),
})

describeStoreSuite(StoreSuites.joined(storeThat("PostgreSQL", () => ({}))), (context) =>
  context.skip(server() === undefined, "no PostgreSQL here"),
)

const broken = [
  [
    "does its work beside the host's transaction",
    "shows what it did when the host commits",
    storeThat("beside", (store) => ({ join: () => Effect.succeed(store) })),
  ],
  [
    "outlives its transaction, and works in whatever was begun since",
    "changes nothing once its transaction has ended",
    storeThat("outliving", ({ join }) => ({
      join: (handle) =>
        Effect.map(join?.(handle) ?? Effect.die("it joins nothing"), (joined) => ({
          ...joined,
          transact: (keys, decide) =>
            Effect.flatMap(Effect.orDie(join?.(handle) ?? Effect.die("it joins nothing")), (newest) =>
              newest.transact(keys, decide),
            ),
        })),
    })),
  ],
] as const

describe("the suite of joined transactions catches a store that", () => {
  it.for(broken)("%s", async ([_what, diesBy, store], context) => {
    context.skip(server() === undefined, "no PostgreSQL here")
    const failed: Array<string> = []
    for (const { name, run } of StoreSuites.joined(store).cases) await run().catch(() => failed.push(name))
    expect(failed).toContainEqual(expect.stringContaining(diesBy))
  })
})
