/**
 * One product that everybody wants, on PostgreSQL: our batches beside the textbook transaction (`select … for update`, one
 * order per transaction, one connection per caller), on the same server, schema and driver, writing the same rows; and
 * beside pgbench inserting one bare row per transaction, which is what the disk allows one commit per order.
 */
import { execFile } from "node:child_process"
import { existsSync, readdirSync } from "node:fs"
import { promisify } from "node:util"
import { PgConnection } from "@effect/sql-pg"
import { pglite } from "@holdfast/adapters/pglite"
import { postgres } from "@holdfast/adapters/postgres"
import { createHoldfast, type Shop } from "@holdfast/core"
import { Effect, Exit, Redacted, Scope } from "effect"
import { privateServer } from "../../../packages/adapters/test/support/postgres.ts"
import { closedLoop } from "../load.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"
import { median, percentile, quotientsOf, significant, spreadText } from "../statistics.ts"

export const scenario: Scenario = {
  name: "hot-product",
  about: "one hot product on PostgreSQL: our batches against SELECT FOR UPDATE, a bare INSERT, and PGlite",
  run,
}

interface Sample {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
}
type Contestant =
  | "ours64"
  | "ours512"
  | "interactive64"
  | "interactive8"
  | "ours1"
  | "interactive1"
  | "pglite64"
  | "insert64"

const plenty = 1_000_000_000_000
const accounts = 2_000

async function run({ quick, progress, atEnd }: Context): Promise<Result> {
  const given = process.env.DATABASE_URL
  const server = given === undefined ? await privateServer("bench hot-product") : undefined
  const url = given ?? server?.url
  if (url === undefined) throw new Error("No PostgreSQL here: set DATABASE_URL, or install a server.")
  if (server !== undefined) atEnd(server.stop)
  const schema = `bench_${process.pid}`
  atEnd(async () => {
    const last = await Textbook.open(url, schema, 1)
    await last.close(`drop schema if exists ${schema} cascade; drop table if exists public.bench_insert`)
  })
  const shop = await open(postgres({ url, schema }))
  const embedded = await open(pglite())
  atEnd(() => Promise.all([shop.stop(), embedded.stop()]))
  const [millis, rounds] = quick ? [700, 3] : [3_000, 5]
  let order = 0
  const buy = (from: Shop) => () => {
    const n = order++
    return from.orders.place({ accountId: `account-${n % accounts}`, lines: [hotLine], key: `order-${n}` })
  }
  // Sixty-four connections are open for their own turn only: with those of pgbench they would be too many for a server
  // as it is shipped. Each has placed an order before its turn counts, as it would have in a pool.
  const interactive = (callers: number, connections: number) => async (): Promise<Sample> => {
    const textbook = await Textbook.open(url, schema, connections)
    try {
      await Promise.all(Array.from({ length: connections }, (_, n) => textbook.place(n, order++)))
      return await during(millis, callers, (caller) => textbook.place(caller % connections, order++))
    } finally {
      await textbook.close()
    }
  }
  const contestants: Readonly<Record<Contestant, () => Promise<Sample | undefined>>> = {
    ours64: () => during(millis, 64, buy(shop)),
    interactive64: interactive(64, 64),
    interactive8: interactive(64, 8),
    insert64: () => bareInsert(url, Math.ceil(millis / 1_000)),
    ours512: () => during(millis, 512, buy(shop)),
    ours1: () => during(millis, 1, buy(shop)),
    interactive1: interactive(1, 1),
    pglite64: () => during(millis, 64, buy(embedded)),
  }
  const samples = new Map<string, Array<Sample>>()
  for (let round = 0; round <= rounds; round++) {
    progress(round === 0 ? "warming up" : `round ${round} of ${rounds}`)
    for (const [name, measure] of Object.entries(contestants)) {
      const sample = await measure()
      if (round > 0 && sample !== undefined) samples.set(name, [...(samples.get(name) ?? []), sample])
    }
  }
  const audits = [await shop.audit.run(), await embedded.audit.run()]
  if (!samples.has("insert64"))
    progress("LEFT OUT: there is no pgbench here, so nothing is compared with a bare INSERT")
  const of = (name: Contestant, figure: keyof Sample) => (samples.get(name) ?? []).map((sample) => sample[figure])
  const ratio = (above: Contestant, below: Contestant, figure: keyof Sample = "perSecond"): number => {
    const quotients = quotientsOf(of(above, figure), of(below, figure))
    progress(`${above} / ${below} (${figure}): ${spreadText(quotients)}`)
    return significant(median(quotients), 3)
  }
  const names = Array.from(samples.keys())
  return {
    ratios: {
      toInteractive64: ratio("ours64", "interactive64"),
      toInteractiveBest: Math.min(ratio("ours64", "interactive64"), ratio("ours64", "interactive8")),
      p99ToInteractive64: ratio("ours64", "interactive64", "p99"),
      loneP50ToInteractive: ratio("ours1", "interactive1", "p50"),
      pgliteToServer: ratio("pglite64", "ours64"),
      toRawInsert64: samples.has("insert64") ? ratio("ours64", "insert64") : null,
      toRawInsert512: samples.has("insert64") ? ratio("ours512", "insert64") : null,
    },
    figures: Object.fromEntries(
      names.flatMap((name) => {
        const all = samples.get(name) ?? []
        return [
          [`${name}PerSecond`, Math.round(median(all.map(({ perSecond }) => perSecond)))],
          [`${name}P50Millis`, significant(median(all.map(({ p50 }) => p50)), 3)],
          [`${name}P99Millis`, significant(median(all.map(({ p99 }) => p99)), 3)],
        ]
      }),
    ),
    // The textbook's orders are in the same tables, and must add up with ours.
    audit: { ok: audits.every(({ ok }) => ok) },
    notes,
  }
}

const notes: Readonly<Record<string, string>> = {
  toInteractive64: "64 callers: ours / SELECT FOR UPDATE on 64 connections; must 30, aim 45",
  toInteractiveBest: "the same / its better pool size of 8 and 64; must 17, aim 25",
  toRawInsert64: "64 callers / pgbench one-row INSERT, 64 clients; must 0.55, aim 0.75",
  toRawInsert512: "512 callers / the same; must 0.70, aim 0.90",
  p99ToInteractive64: "p99 / p99 of SELECT FOR UPDATE on 64 connections; must 1/50, aim 1/90",
  loneP50ToInteractive: "one caller, p50 / p50 of SELECT FOR UPDATE; must 0.7, aim 0.5",
  pgliteToServer: "PGlite in this process / the server, 64 callers; must 0.4, aim 0.7",
}

const hotLine = { productId: "hot", quantity: 1 }

const open = async (store: ReturnType<typeof postgres>): Promise<Shop> => {
  const shop = createHoldfast({ store, deadlineMillis: 600_000, workers: false })
  await closedLoop(256, accounts, async (n) => {
    await shop.points.open({ accountId: `account-${n}` })
    await shop.points.charge({ accountId: `account-${n}`, amount: plenty, key: `first-${n}` })
  })
  await shop.stock.register({ productId: "hot", name: "Hot", price: 10, onHand: plenty })
  return shop
}

/** Lets callers call for a time, each as soon as its last answer is there. */
const during = async (millis: number, callers: number, call: (caller: number) => Promise<unknown>): Promise<Sample> => {
  const latencies: Array<number> = []
  const began = performance.now()
  const loop = async (_: unknown, caller: number): Promise<void> => {
    for (let now = performance.now(); now - began < millis; ) {
      await call(caller)
      const after = performance.now()
      latencies.push(after - now)
      now = after
    }
  }
  await Promise.all(Array.from({ length: callers }, loop))
  const seconds = (performance.now() - began) / 1_000
  return { perSecond: latencies.length / seconds, p50: percentile(latencies, 50), p99: percentile(latencies, 99) }
}

/** One order per transaction, decided between the statements: what most shops do. Rows as ours, one outbox row each. */
class Textbook {
  readonly #connections: ReadonlyArray<PgConnection.PgConnection>
  readonly #scope: Scope.Closeable
  readonly #busy: Array<Promise<unknown>> = []
  readonly #schema: string

  constructor(connections: ReadonlyArray<PgConnection.PgConnection>, scope: Scope.Closeable, schema: string) {
    this.#connections = connections
    this.#scope = scope
    this.#schema = schema
  }

  static async open(url: string, schema: string, size: number): Promise<Textbook> {
    const scope = await Effect.runPromise(Scope.make())
    const connect = PgConnection.make({ url: Redacted.make(url) })
    const all = Effect.forEach(Array.from({ length: size }), () => connect)
    return new Textbook(await Effect.runPromise(Scope.provide(all, scope)), scope, schema)
  }

  /** Callers of one connection take turns. */
  place(connection: number, order: number): Promise<unknown> {
    const mine = (this.#busy[connection] ?? Promise.resolve()).then(() => this.#placeOn(connection, order))
    this.#busy[connection] = mine
    return mine
  }

  async close(last?: string): Promise<void> {
    for (const sql of last?.split(";") ?? []) await this.#ask(this.#connections[0], sql)
    await Effect.runPromise(Scope.close(this.#scope, Exit.void))
  }

  async #placeOn(connection: number, order: number): Promise<void> {
    const to = this.#connections[connection]
    const s = this.#schema
    const [account, id, key, at] = [`account-${order % accounts}`, `t${order}`, `text-${order}`, String(Date.now())]
    const hour = String(Math.floor(Number(at) / 3_600_000))
    const line = { lineId: `${id}-1`, productId: "hot", name: "Hot", unitPrice: 10, quantity: 1, discount: 0, paid: 10 }
    const data = { orderId: id, accountId: account, lines: [line], total: 10, discount: 0, paid: 10 }
    const event = {
      id,
      type: "orders.placed",
      version: 1,
      occurredAt: Number(at),
      aggregate: { type: "order", id },
      key: account,
      data,
    }
    const ask = (sql: string, ...params: ReadonlyArray<string>) => this.#ask(to, sql, params)
    await ask("begin")
    await ask(
      `select answer from ${s}.receipt where scope = 'default' and operation = 'orders.place' and key = $1`,
      key,
    )
    const [held] = await ask(
      `select balance::float8, seq::float8 from ${s}.account where account_id = $1 for update`,
      account,
    )
    const [product] = await ask(
      `select on_hand::float8, revision::float8 from ${s}.product where product_id = 'hot' for update`,
    )
    const [balance, seq] = [Number(held?.balance) - 10, Number(held?.seq) + 1].map(String)
    const [onHand, revision] = [Number(product?.on_hand) - 1, Number(product?.revision) + 1].map(String)
    if (Number(balance) < 0 || Number(onHand) < 0) throw new Error("The bench ran out of points or stock.")
    await ask(
      `update ${s}.account set balance = $2::bigint, seq = $3::bigint where account_id = $1`,
      account,
      String(balance),
      String(seq),
    )
    await ask(
      `insert into ${s}.entry (account_id, seq, type, change, balance, order_id, command_id, at) values ($1, $2::bigint, 'spend', -10, $3::bigint, $4, $4, $5::bigint)`,
      account,
      String(seq),
      String(balance),
      id,
      at,
    )
    await ask(
      `insert into ${s}.orders (order_id, account_id, lines, total, discount, paid, state, placed_at, version) values ($1, $2, $3::json, 10, 0, 10, 'placed', $4::bigint, 1)`,
      id,
      account,
      JSON.stringify([line]),
      at,
    )
    await ask(
      `update ${s}.product set on_hand = $1::bigint, revision = $2::bigint where product_id = 'hot'`,
      String(onHand),
      String(revision),
    )
    await ask(
      `insert into ${s}.movement (product_id, revision, type, change, on_hand, order_id, command_id, at) values ('hot', $1::bigint, 'sale', -1, $2::bigint, $3, $3, $4::bigint)`,
      String(revision),
      String(onHand),
      id,
      at,
    )
    await ask(
      `insert into ${s}.bucket as b values ('hot', $1::bigint, 1) on conflict (product_id, hour) do update set sold = b.sold + 1`,
      hour,
    )
    await ask(
      `insert into ${s}.receipt values ('default', 'orders.place', $1, $2, 'v1:bench', $3::json, $4::bigint)`,
      key,
      id,
      JSON.stringify({ orderId: id }),
      at,
    )
    await ask(
      `insert into ${s}.outbox (events, size) select $1::json, 1 where exists (select from ${s}.subscription)`,
      JSON.stringify([event]),
    )
    await ask("commit")
  }

  #ask(to: PgConnection.PgConnection | undefined, sql: string, params: ReadonlyArray<string> = []) {
    if (to === undefined) throw new Error("There is no such connection.")
    return Effect.runPromise(Effect.map(to.query(sql, params), ({ rows }) => rows))
  }
}

/** pgbench inserting one row per transaction with 64 clients; undefined where there is no pgbench. */
const bareInsert = async (url: string, seconds: number): Promise<Sample | undefined> => {
  const root = "/usr/lib/postgresql"
  const versions = existsSync(root) ? readdirSync(root).sort().reverse() : []
  const pgbench = versions.map((version) => `${root}/${version}/bin/pgbench`).find(existsSync)
  if (pgbench === undefined) return undefined
  const run = promisify(execFile)
  await run("sh", [
    "-c",
    `echo 'create table if not exists public.bench_insert (id bigint generated always as identity primary key, v int)' | psql -q "${url}"`,
  ])
  const command = `echo 'insert into public.bench_insert (v) values (1);' | "${pgbench}" -n -M prepared -f /dev/stdin -c 64 -j 2 -T ${seconds} "${url}"`
  const { stdout } = await run("sh", ["-c", command])
  const perSecond = Number(/tps = ([\d.]+)/.exec(stdout)?.[1])
  const p50 = Number(/latency average = ([\d.]+)/.exec(stdout)?.[1])
  return { perSecond, p50, p99: Number.NaN }
}
