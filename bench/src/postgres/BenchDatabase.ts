/**
 * Where the scenarios on PostgreSQL take place: a server, a schema of their own in it, and shops on that schema.
 *
 * The server is the one that `DATABASE_URL` names, else a private one. Whatever was made is taken away at the end.
 */
import { postgres, type UrlOptions } from "@holdfast/adapters/postgres"
import { type CreateOptions, createHoldfast, type Shop } from "@holdfast/core"
import { privateServer } from "@holdfast/test-services"
import { closedLoop } from "../load.ts"
import type { Context } from "../Scenario.ts"
import { Connections } from "./Connections.ts"
import { serverCpu } from "./serverCpu.ts"

/** Nobody runs out of points or stock by accident, and sums stay exact. */
export const plenty = 1_000_000_000_000

export class BenchDatabase {
  readonly url: string
  readonly schema: string
  /** A connection for everything that is not measured. */
  readonly control: Connections
  /** CPU time of the server's processes so far, in microseconds; undefined where they run elsewhere. */
  readonly cpuMicros: () => number | undefined
  readonly #atEnd: Context["atEnd"]

  private constructor(
    url: string,
    schema: string,
    control: Connections,
    cpuMicros: BenchDatabase["cpuMicros"],
    atEnd: Context["atEnd"],
  ) {
    this.url = url
    this.schema = schema
    this.control = control
    this.cpuMicros = cpuMicros
    this.#atEnd = atEnd
  }

  static async open({ atEnd, url: given = process.env.DATABASE_URL, progress }: Context): Promise<BenchDatabase> {
    const server = given === undefined || given === "" ? await privateServer("bench") : undefined
    if (server !== undefined) atEnd(server.stop)
    const url = server?.url ?? given
    if (url === undefined) throw new Error("No PostgreSQL here: set DATABASE_URL, or install a server.")
    const control = await Connections.open(url, 1)
    const schema = `bench_${process.pid}_${schemas++}`
    atEnd(async () => {
      await control.ask(`drop schema if exists ${schema}, ${schema}_text cascade`)
      await control.close()
    })
    await control.ask(`create schema ${schema}_text`)
    const [version] = await control.ask("select split_part(version(), ' on ', 1) as name")
    progress(`${version?.name} at ${server === undefined ? "DATABASE_URL" : "a private server"}`)
    return new BenchDatabase(url, schema, control, await serverCpu(control.ask), atEnd)
  }

  /** A schema beside the shop's, for what is not the shop's. */
  get ownSchema(): string {
    return `${this.schema}_text`
  }

  /**
   * A shop on the schema, without workers unless they are asked for: nothing runs beside what is measured. `way` is another
   * one to the same server.
   */
  async openShop(
    options: Pick<CreateOptions, "batchLimit" | "seals" | "workers" | "requests" | "telemetry" | "spans"> = {},
    way: Partial<UrlOptions> = {},
  ): Promise<Shop> {
    const shop = createHoldfast({
      store: postgres({ url: this.url, schema: this.schema, ...way }),
      deadlineMillis: 600_000,
      queueLimit: 100_000,
      workers: false,
      ...options,
    })
    this.#atEnd(() => shop.stop())
    await shop.start()
    return shop
  }

  /** How many more connections the server admits. */
  async room(): Promise<number> {
    const [row] = await this.control.ask(
      `select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int
        - (select count(*) from pg_stat_activity where backend_type = 'client backend')::int as free`,
    )
    return Number(row?.free)
  }
}

let schemas = 0

/** Opens accounts `prefix0`, `prefix1`, … and gives each more points than it can spend. */
export const furnishAccounts = async (shop: Shop, prefix: string, count: number, points = plenty): Promise<void> => {
  await closedLoop(512, count, async (n) => {
    const accountId = `${prefix}${n}`
    await shop.points.open({ accountId })
    if (points > 0) await shop.points.charge({ accountId, amount: points, key: `first-${accountId}` })
  })
}

/** Registers products `prefix0`, `prefix1`, …: price 10, more of each than can be sold. */
export const furnishProducts = async (shop: Shop, prefix: string, count: number): Promise<void> => {
  await closedLoop(512, count, (n) =>
    shop.stock.register({ productId: `${prefix}${n}`, name: "Thing", price: 10, onHand: plenty }),
  )
}
