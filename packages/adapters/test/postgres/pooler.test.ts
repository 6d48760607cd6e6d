/**
 * The shop behind PgBouncer: what it sells is exact, and what it leaves to others on the pooler's sessions is nothing.
 */
import { type ChildProcess, spawn } from "node:child_process"
import { createInterface } from "node:readline"
import { createHoldfast, type Shop } from "@holdfast/core"
import { type Pooler, type PoolMode, privatePooler, proxyTo } from "@holdfast/test-services"
import pg from "pg"
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { type PostgresOptions, postgres } from "../../src/postgres/index.ts"
import { buy, furnishShop } from "../support/shop.ts"
import { shopsForFile } from "../support/shops.ts"
import { booksName, judge } from "../trials/judge.ts"
import { type Heard, visitAll } from "../trials/visits.ts"
import { buyers, units } from "./sellingProcess.ts"

describe("behind a pooler", () => {
  const { url, server, ask, schema, open } = shopsForFile("pooler")
  const poolers = new Map<PoolMode, Pooler>()
  const sessions = 6
  beforeAll(async () => {
    if (server() === undefined) return
    for (const mode of ["transaction", "session", "statement"] as const) {
      const pooler = await privatePooler("pooler", url(), mode, mode === "session" ? 20 : sessions)
      if (pooler !== undefined) poolers.set(mode, pooler)
    }
  })
  afterAll(() => Promise.all(Array.from(poolers.values(), (pooler) => pooler.stop())))
  beforeEach((context) => context.skip(poolers.size === 0, "no PgBouncer here"))
  const through = (mode: PoolMode): string => poolers.get(mode)?.url ?? ""

  const cleanUps: Array<() => unknown> = []
  afterEach(async () => {
    for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
  })
  const shopWith = (options: PostgresOptions): { readonly shop: Shop; readonly logged: ReadonlyArray<string> } => {
    const logged: Array<string> = []
    const logger = (level: string, message: string) => void logged.push(`${level}: ${message}`)
    const shop = createHoldfast({ store: postgres(options), workers: false, logger })
    cleanUps.push(() => shop.stop())
    return { shop, logged }
  }

  it("twenty sales by two processes at once, first starts included, are exact", async () => {
    const processes = [1, 2].map(() => new Selling(through("transaction")))
    cleanUps.push(() => Promise.all(processes.map((each) => each.end())))
    for (let run = 0; run < 20; run++) {
      const name = schema()
      const told = await Promise.all(processes.map((each) => each.sell(name)))
      const exact = { sold: units, OUT_OF_STOCK: buyers - units, left: 0, exact: 1 }
      expect(told, `run ${run}`).toEqual([exact, exact])
      expect((await ask(`select from ${name}.orders`)).length).toBe(units)
    }
  })

  it("one that is killed and comes back in the middle of a sale costs time and nothing else", async () => {
    const pooler = await privatePooler("pooler", url(), "transaction", sessions)
    if (pooler === undefined) return
    cleanUps.push(() => pooler.stop())
    const name = schema()
    const shop = open(pooler.url, name, 30_000)
    const heard: Array<Heard> = []
    // As the process that is killed in trials: the events stay for whoever comes next.
    await shop.events.subscribe(booksName, () => {})
    let isOver = false
    const sale = visitAll(shop, 5, 400, (told) => heard.push(told)).finally(() => {
      isOver = true
    })
    for (let blow = 0; blow < 3; blow++) {
      // In the middle of it: some have been answered since the last time.
      const before = heard.length
      while (heard.length < before + 10 && !isOver) await new Promise((resolve) => setTimeout(resolve, 5))
      await pooler.kill()
      await pooler.restart()
    }
    await sale
    await shop.stop()
    expect(heard.filter((told) => "answer" in told).length).toBeGreaterThan(0)
    expect(await judge(open(pooler.url, name, 10_000, true), 5, heard)).toEqual([])
  })

  it("nothing is left on its sessions: no setting, no prepared statement, no lock", async () => {
    const everySession = async (): Promise<ReadonlyArray<unknown>> => {
      const clients = Array.from({ length: sessions }, () => new pg.Client(through("transaction")))
      await Promise.all(clients.map((client) => client.connect()))
      // Each has a session of its own as long as its transaction is open, and together they have all that there are.
      for (const client of clients) await client.query("begin")
      const found = await Promise.all(
        clients.map(async (client) => {
          const { rows } = await client.query(
            `select pg_backend_pid() as pid,
               (select json_object_agg(name, setting order by name) from pg_settings
                 where name !~ '^(transaction|server|in_hot|application_name)') as settings,
               (select count(*)::int from pg_prepared_statements) as prepared,
               (select count(*)::int from pg_locks where pid = pg_backend_pid() and locktype = 'advisory') as locks`,
          )
          return rows[0]
        }),
      )
      for (const client of clients) await client.query("rollback")
      await Promise.all(clients.map((client) => client.end()))
      expect(new Set(found.map(({ pid }) => pid)).size).toBe(sessions)
      return found.map(({ pid: _, ...rest }) => rest)
    }
    const before = await everySession()
    const { shop } = shopWith({ url: through("transaction"), schema: schema() })
    await furnishShop(shop, { accounts: 4, products: 2, onHand: 20 })
    await Promise.allSettled(Array.from({ length: 60 }, (_, n) => buy(shop, n % 4, n % 2, `order-${n}`)))
    await Promise.all([shop.popularity.top({ limit: 3, days: 1 }), shop.audit.run()])
    expect(await everySession()).toEqual(before)
    await shop.stop()
    expect(await everySession()).toEqual(before)
  })

  it("a first start that waits for another one's finds what that made", async () => {
    const name = schema()
    const first = new pg.Client(url())
    await first.connect()
    cleanUps.push(() => first.end())
    await first.query("begin")
    await first.query(`select pg_advisory_xact_lock(hashtextextended('holdfast:' || $1, 0))`, [name])
    await first.query(`create schema ${name}`)
    const shops = [through("transaction"), url()].map((at) => shopWith({ url: at, schema: name }).shop)
    const started = Promise.all(shops.map((shop) => shop.start()))
    await expect
      .poll(() => ask("select from pg_locks where locktype = 'advisory' and not granted").then(({ length }) => length))
      .toBe(2)
    await first.query("commit")
    await started
    for (const [n, shop] of shops.entries()) await shop.points.open({ accountId: `account-${n}` })
  })

  it("a refusal after a lost reply is an unknown outcome, since nobody can tell whose session it was", async () => {
    const name = schema()
    const proxy = await proxyTo(through("transaction"))
    cleanUps.push(() => proxy.close())
    const host = open(url(), name)
    const { shop } = shopWith({ url: proxy.url, schema: name, pooler: "transaction" })
    await furnishShop(host, { accounts: 2, products: 1, onHand: 1 })
    await shop.start()
    const { done, deliver } = proxy.holdAndReset(1)
    proxy.refuse(true)
    const order = buy(shop, 0, 0, "cut-off")
    const told = expect(order).rejects.toMatchObject({ code: "STORE_UNAVAILABLE", outcome: "unknown" })
    await done
    await buy(host, 1, 0, "other")
    proxy.refuse(false)
    await told
    await deliver()
  })

  it("of a kind that nobody names is said once at the start; one that is named is not", async () => {
    const guessed = shopWith({ url: through("transaction"), schema: schema() })
    await guessed.shop.start()
    expect(guessed.logged).toEqual([expect.stringMatching(/^warn.*lead to a pooler.*pooler: "transaction"/)])
    const named = shopWith({ url: through("transaction"), schema: schema(), pooler: "transaction" })
    await named.shop.start()
    const direct = shopWith({ url: url(), schema: schema() })
    await direct.shop.start()
    expect([...named.logged, ...direct.logged]).toEqual([])
  })

  it("that keeps a session for each connection is used like the server itself where it is named", async () => {
    const { shop, logged } = shopWith({ url: through("session"), schema: schema(), pooler: "session" })
    await furnishShop(shop, { accounts: 4, products: 1, onHand: 20 })
    await Promise.allSettled(Array.from({ length: 40 }, (_, n) => buy(shop, n % 4, 0, `order-${n}`)))
    expect((await shop.stock.product("product-0")).onHand).toBe(0)
    expect((await shop.audit.run()).ok).toBe(true)
    expect(logged).toEqual([])
  })

  it("that gives no transactions is refused at the start, with the reason", async () => {
    const { shop } = shopWith({ url: through("statement"), schema: schema() })
    await expect(shop.start()).rejects.toThrow(/gives no transactions .*let it pool by transaction or by session/)
  })

  it("is transaction or session, and nothing else", () => {
    // biome-ignore lint/suspicious/noExplicitAny: what a host without types might pass
    const wrong = { url: url(), schema: "none", pooler: "pgbouncer" as any }
    expect(() => shopWith(wrong)).toThrow('/pooler: must be "transaction" or "session".')
  })
})

/** A process that sells, one schema after the other. */
class Selling {
  readonly #child: ChildProcess
  readonly #answers: AsyncIterator<string>

  constructor(url: string) {
    const program = new URL("./sellingProcess.ts", import.meta.url).pathname
    const child = spawn(process.execPath, ["--conditions=@holdfast/source", program, url], {
      stdio: ["pipe", "pipe", "inherit"],
    })
    this.#child = child
    this.#answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  }

  async sell(schema: string): Promise<unknown> {
    this.#child.stdin?.write(`${schema}\n`)
    const { value, done } = await this.#answers.next()
    return done === true ? "the process ended" : JSON.parse(value)
  }

  async end(): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once("close", resolve))
    this.#child.stdin?.end()
    await ended
  }
}
