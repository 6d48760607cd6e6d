/**
 * The HTTP surface: what it costs beside a bare `node:http` handler that answers the same bytes, what the engine behind it
 * makes of that, and whether reads stay quick while a flash sale runs.
 */
import { PgConnection } from "@effect/sql-pg"
import { privateServer } from "@holdfast/test-services"
import { Effect, Redacted } from "effect"
import { startGenerator, startServer } from "../http/processes.ts"
import { type SaleSizes, saleRows } from "../http/saleRows.ts"
import { surfaceRows } from "../http/surfaceRows.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "http",
  about: "the HTTP surface against a bare node:http handler; orders over HTTP; reads beside a flash sale",
  run,
}

/** Server and generator each have a core. */
const serverCore = 0
const generatorCore = 1

async function run({ quick, progress, atEnd }: Context): Promise<Result> {
  const generator = await startGenerator(generatorCore)
  const surfaceSizes = quick
    ? { rounds: 7, warmMillis: 1_500, millis: 400 }
    : { rounds: 11, warmMillis: 4_000, millis: 2_000 }
  const surface = await surfaceRows(generator, serverCore, surfaceSizes, progress)
  generator.stop()
  const saleSizes = quick
    ? { rounds: 3, warmMillis: 1_500, millis: 1_000 }
    : { rounds: 5, warmMillis: 3_000, millis: 4_000 }
  const memory = await onMemory(saleSizes, progress)
  const postgres = await onPostgres(saleSizes, { progress, atEnd })
  const { readP99BesideSale, readP99BesideSaturation } = (postgres ?? memory).ratios
  return {
    ratios: {
      ...surface.ratios,
      readP99BesideSale,
      readP99BesideSaturation,
      readP99BesideSaleOnMemory: memory.ratios.readP99BesideSale,
      readP99BesideSaturationOnMemory: memory.ratios.readP99BesideSaturation,
    },
    figures: {
      ...surface.figures,
      ...named("Memory", memory.figures),
      ...(postgres === undefined ? {} : named("Postgres", postgres.figures)),
    },
    audit: { ok: memory.ok && (postgres?.ok ?? true) },
    notes,
  }
}

const onMemory = async (sizes: SaleSizes, progress: Context["progress"]) => {
  const server = await startServer("memory", serverCore)
  const rows = await saleRows(server, generatorCore, sizes, (text) => progress(`on memory: ${text}`))
  server.stop()
  return rows
}

/** Nothing is pinned here: a PostgreSQL server takes its share wherever it finds it, and would crowd one of two cores. */
const onPostgres = async (sizes: SaleSizes, { progress, atEnd }: Pick<Context, "progress" | "atEnd">) => {
  const given = process.env.DATABASE_URL
  const own = given === undefined ? await privateServer("bench http") : undefined
  const url = given ?? own?.url
  if (url === undefined) return undefined
  if (own !== undefined) atEnd(own.stop)
  const schema = `http_bench_${process.pid}`
  atEnd(() => dropSchema(url, schema))
  const server = await startServer("postgres", undefined, url, schema)
  atEnd(server.stop)
  return saleRows(server, undefined, sizes, (text) => progress(`on PostgreSQL: ${text}`))
}

const dropSchema = (url: string, schema: string): Promise<unknown> =>
  PgConnection.make({ url: Redacted.make(url) }).pipe(
    Effect.flatMap((connection) => connection.query(`drop schema if exists ${schema} cascade`)),
    Effect.scoped,
    Effect.runPromise,
  )

const named = (store: string, figures: Readonly<Record<string, number>>): Record<string, number> =>
  Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [
      `on${store}${name.slice(0, 1).toUpperCase()}${name.slice(1)}`,
      value,
    ]),
  )

const notes = {
  getToBare:
    "GET product through toNodeHandler with every duty on / a bare handler with the same bytes, 64 connections",
  postToBare: "POST order likewise; the business part answers at once",
  getP99ToBare: "their p99",
  postP99ToBare: "their p99",
  getCpuToBare: "CPU time per answer, bare / surface: the same comparison where others use the machine as well",
  postCpuToBare: "likewise",
  readP99BesideSale:
    "reads at 500 per second: p99 beside a sale of 1,500 orders and 500 claims per second / p99 alone; on PostgreSQL where there is one",
  readP99BesideSaturation:
    "32 readers in a closed loop: p99 beside 64 buyers and 32 claimers who take all they can get / p99 alone. Three times the connections share one process, so that 1 cannot be reached",
}
