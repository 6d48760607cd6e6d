/**
 * The laws of request logs on the table in the shop's PostgreSQL, with the store of the same schema that decides.
 */
import { RequestLog } from "@holdfast/core/ports"
import { type RequestLogAdapter, requestConformance, requestLaws } from "@holdfast/core/testing"
import { Context, Effect, Layer } from "effect"
import { expect, it } from "vitest"
import { PostgresStore, postgresRequests } from "../../src/postgres/index.ts"
import { query, serverForFile } from "../support/stores.ts"

const { url, server } = serverForFile("the laws of request logs")

const schemaOf = (ground: string) => ground.replace(/\W/g, "_")

const table: RequestLogAdapter = {
  name: "postgres",
  store: (ground) =>
    Effect.andThen(
      Effect.addFinalizer(() => Effect.orDie(query(url(), `drop schema if exists ${schemaOf(ground)} cascade`))),
      PostgresStore.make({ url: url(), schema: schemaOf(ground) }),
    ),
  open: (ground, maxWaiting) =>
    Effect.gen(function* () {
      const { layer } = postgresRequests({ url: url(), schema: schemaOf(ground), maxWaiting })
      return Context.get(yield* Layer.build(layer), RequestLog)
    }),
}

it("a table of the shop's PostgreSQL keeps the laws of request logs", async (context) => {
  context.skip(server() === undefined, "no PostgreSQL here")
  const report = await Effect.runPromise(requestConformance(table, { rounds: 2 }))
  expect(report.laws.map(({ id, verdict, message }) => [id, verdict, message])).toEqual(
    requestLaws.map(({ id }) => [id, "holds", undefined]),
  )
})
