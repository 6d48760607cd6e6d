/**
 * The HTTP surface: what it costs beside a bare `node:http` handler that answers the same bytes, what the engine behind it
 * makes of that, and whether reads stay quick while a flash sale runs.
 */
import type { Report } from "../http/generator.ts"
import { generate, type Serving, startServer } from "../http/processes.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"
import { median, quotientsOf, significant, spreadText } from "../statistics.ts"

export const scenario: Scenario = {
  name: "http",
  about: "the HTTP surface against a bare node:http handler; orders over HTTP; reads beside a flash sale",
  run,
}

/** Server and generator each have a core; the store of a PostgreSQL server shares both. */
const serverCore = 0
const generatorCore = 1
const connections = 64

interface Row {
  readonly perSecond: number
  readonly p99Millis: number
  readonly cpuMicros: number
}

async function run({ quick, progress }: Context): Promise<Result> {
  const sizes = quick ? { rounds: 3, warmMillis: 500, millis: 1_000 } : { rounds: 5, warmMillis: 1_000, millis: 4_000 }
  const rows = await surfaceRows(sizes, progress)
  const ratio = (above: string, below: string, of: (row: Row) => number): number => {
    const values = (name: string): ReadonlyArray<number> => (rows.get(name) ?? []).map(of)
    const quotients = quotientsOf(values(above), values(below))
    progress(`${above} / ${below}: ${spreadText(quotients)}`)
    return significant(median(quotients), 3)
  }
  const figure = (name: string, of: (row: Row) => number): number =>
    significant(median((rows.get(name) ?? []).map(of)), 3)
  const rate = ({ perSecond }: Row): number => perSecond
  const p99 = ({ p99Millis }: Row): number => p99Millis
  const cpu = ({ cpuMicros }: Row): number => cpuMicros
  const onMemory = await engineRows("memory", sizes, progress)
  const hasServer = (process.env.DATABASE_URL ?? "") !== ""
  if (!hasServer) progress("no DATABASE_URL: the rows on a PostgreSQL server are left out")
  const onPostgres = hasServer ? await engineRows("postgres", sizes, progress) : undefined
  return {
    ratios: {
      getToBare: ratio("surface get", "bare get", rate),
      postToBare: ratio("surface post", "bare post", rate),
      getP99ToBare: ratio("surface get", "bare get", p99),
      postP99ToBare: ratio("surface post", "bare post", p99),
      readP99BesideSale: (onPostgres ?? onMemory).readP99BesideSale,
      readP99BesideSaleOnMemory: onMemory.readP99BesideSale,
    },
    figures: {
      bareGetPerSecond: figure("bare get", rate),
      surfaceGetPerSecond: figure("surface get", rate),
      barePostPerSecond: figure("bare post", rate),
      surfacePostPerSecond: figure("surface post", rate),
      surfaceGetP99Millis: figure("surface get", p99),
      surfacePostP99Millis: figure("surface post", p99),
      bareGetCpuMicros: figure("bare get", cpu),
      surfaceGetCpuMicros: figure("surface get", cpu),
      barePostCpuMicros: figure("bare post", cpu),
      surfacePostCpuMicros: figure("surface post", cpu),
      ...named("Memory", onMemory),
      ...(onPostgres === undefined ? {} : named("Postgres", onPostgres)),
    },
    audit: { ok: onMemory.ok && (onPostgres?.ok ?? true) },
    notes,
  }
}

interface Sizes {
  readonly rounds: number
  readonly warmMillis: number
  readonly millis: number
}

const nobody = { readers: 0, buyers: 0, claimers: 0 }

/** Bare and surface in turns, each in a fresh process per round. */
const surfaceRows = async ({ rounds, ...time }: Sizes, progress: Context["progress"]) => {
  const rows = new Map<string, Array<Row>>()
  for (let round = 0; round < rounds; round++) {
    progress(`surface: round ${round + 1} of ${rounds}`)
    // Whoever comes first may find a colder machine.
    for (const kind of round % 2 === 0 ? ["bare", "surface"] : ["surface", "bare"]) {
      const server = await startServer(kind, serverCore)
      for (const [verb, who] of [
        ["get", { readers: connections }],
        ["post", { buyers: connections }],
      ] as const) {
        const name = `${kind} ${verb}`
        const row = await measured(server, { ...nobody, ...who, ...time })
        rows.set(name, [...(rows.get(name) ?? []), row])
      }
      server.stop()
    }
  }
  return rows
}

const measured = async (server: Serving, load: Omit<Parameters<typeof generate>[0], "port">): Promise<Row> => {
  const before = await server.cpuMicros()
  const report = await generate({ port: server.port, ...load }, generatorCore)
  const { perSecond, p99Millis, failures } = load.readers > 0 ? report.reads : report.orders
  if (failures > 0) throw new Error(`${failures} answers were neither a success nor a refusal.`)
  const seconds = (load.warmMillis + load.millis) / 1_000
  return { perSecond, p99Millis, cpuMicros: ((await server.cpuMicros()) - before) / (perSecond * seconds) }
}

interface EngineRows {
  readonly ordersPerSecond: number
  readonly orderP99Millis: number
  readonly readsPerSecond: number
  readonly readP99Millis: number
  readonly readP99MillisBesideSale: number
  readonly ordersPerSecondBesideReads: number
  readonly readP99BesideSale: number
  readonly ok: boolean
}

/** Orders on one hot product; 32 readers alone, and beside 64 buyers of one product and 32 claimers of coupons. */
const engineRows = async (
  kind: string,
  { rounds, ...time }: Sizes,
  progress: Context["progress"],
): Promise<EngineRows> => {
  // A PostgreSQL server takes its share wherever it finds it, so that pinning the others would only crowd one core.
  const cores = kind === "memory" ? { server: serverCore, generator: generatorCore } : undefined
  const server = await startServer(kind, cores?.server)
  const ask = (who: Partial<typeof nobody>): Promise<Report> =>
    generate({ port: server.port, ...nobody, ...who, ...time }, cores?.generator)
  const sales: Array<Report> = []
  const alone: Array<Report> = []
  const beside: Array<Report> = []
  for (let round = 0; round < rounds; round++) {
    progress(`${kind}: round ${round + 1} of ${rounds}`)
    sales.push(await ask({ buyers: connections }))
    alone.push(await ask({ readers: 32 }))
    beside.push(await ask({ readers: 32, buyers: connections, claimers: 32 }))
  }
  const ok = await server.audit()
  server.stop()
  const p99s = (reports: ReadonlyArray<Report>): ReadonlyArray<number> => reports.map(({ reads }) => reads.p99Millis)
  const middle = (reports: ReadonlyArray<Report>, of: (report: Report) => number): number =>
    significant(median(reports.map(of)), 3)
  return {
    ordersPerSecond: middle(sales, ({ orders }) => orders.perSecond),
    orderP99Millis: middle(sales, ({ orders }) => orders.p99Millis),
    readsPerSecond: middle(alone, ({ reads }) => reads.perSecond),
    readP99Millis: middle(alone, ({ reads }) => reads.p99Millis),
    readP99MillisBesideSale: middle(beside, ({ reads }) => reads.p99Millis),
    ordersPerSecondBesideReads: middle(beside, ({ orders }) => orders.perSecond),
    readP99BesideSale: significant(median(quotientsOf(p99s(beside), p99s(alone))), 3),
    ok,
  }
}

const named = (store: string, { readP99BesideSale: _, ok: __, ...figures }: EngineRows): Record<string, number> =>
  Object.fromEntries(
    Object.entries(figures).map(([name, value]) => [
      `on${store}${name.slice(0, 1).toUpperCase()}${name.slice(1)}`,
      value,
    ]),
  )

const notes = {
  getToBare: "GET product through toNodeHandler with every duty on, beside a bare handler with the same bytes",
  postToBare: "POST order likewise; the business part answers at once",
  getP99ToBare: "their p99 at 64 connections",
  postP99ToBare: "their p99 at 64 connections",
  readP99BesideSale: "p99 of 32 readers beside 64 buyers of one product and 32 coupon claimers, over their p99 alone",
}
