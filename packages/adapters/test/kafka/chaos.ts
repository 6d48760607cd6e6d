/**
 * A trial of everything between a sale and its effect in another database: a shop on PostgreSQL, a broker behind a proxy, two
 * consumers with an inbox, and what goes wrong with each of them meanwhile. A seed fixes what is sold, what goes wrong and in
 * which order; when it hits is the machine's to say.
 */
import { createHoldfast } from "@holdfast/core"
import type { KafkaBroker, KafkaProxy } from "@holdfast/test-services"
import pg from "pg"
import { consumeEvents, type EventConsumer, inboxSql, kafka, kafkajs, platformatic } from "../../src/kafka/index.ts"
import { postgres } from "../../src/postgres/index.ts"
import { freshSchema } from "../support/stores.ts"

/** A broker that several trials share, and the proxy before it. */
export interface BrokerInTurn {
  readonly broker: KafkaBroker
  readonly proxy: KafkaProxy
  /** Does one thing at a time to the broker. */
  readonly toBroker: (act: () => Promise<void>) => Promise<void>
  /** The addresses of the whole cluster, and how many of its brokers keep a topic. */
  readonly bootstrap: ReadonlyArray<string>
  readonly replication: number
}

/** `all` are the brokers of the cluster, of which this is one. */
export const inTurn = (
  broker: KafkaBroker,
  proxy: KafkaProxy,
  all: ReadonlyArray<KafkaBroker> = [broker],
): BrokerInTurn => {
  let last: Promise<void> = Promise.resolve()
  return {
    broker,
    proxy,
    bootstrap: all.map(({ address }) => address),
    replication: Math.min(3, all.length),
    toBroker: (act) => {
      last = last.then(act)
      return last
    },
  }
}

export interface World extends BrokerInTurn {
  readonly url: string
}

export interface Verdict {
  readonly seed: number
  /** What went wrong on purpose. */
  readonly faults: ReadonlyArray<string>
  /** How many events, or requests, were accepted. */
  readonly events: number
  /** What was found wrong; empty where every promise was kept. */
  readonly wrong: ReadonlyArray<string>
}

/** How long the last event may take to have its effect: a session that is over, a broker that comes back, and much patience. */
export const patienceMillis = 180_000

/** Park and Miller's minimal generator. */
export const numbersOf = (seed: number) => {
  let state = (seed * 48_271) % 2_147_483_647 || 1
  return (below: number): number => {
    state = (state * 48_271) % 2_147_483_647
    return Math.floor((state / 2_147_483_647) * below)
  }
}

/** What goes wrong with the broker, or on the way to it. */
export const brokerFaults = ["broker killed", "broker frozen", "reply lost", "connections cut"] as const

export const disturbBroker = async (
  { broker, proxy, toBroker }: BrokerInTurn,
  fault: (typeof brokerFaults)[number],
  below: (below: number) => number,
): Promise<void> => {
  switch (fault) {
    case "broker killed":
      return toBroker(async () => {
        await broker.kill()
        await broker.restart()
      })
    case "broker frozen":
      return toBroker(async () => {
        broker.freeze()
        await pause(500 + below(1_000))
        broker.thaw()
      })
    case "reply lost":
      // It may never come to pass: nothing may be sent any more.
      void proxy.loseProduce()
      return
    case "connections cut":
      proxy.cut()
      await pause(below(300))
      return proxy.mend()
  }
}

const faults = [...brokerFaults, "consumer joins", "consumer leaves"] as const

export const pause = (millis: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, millis))

export const chaosTrial = async (world: World, seed: number): Promise<Verdict> => {
  const { broker, proxy, url } = world
  const below = numbersOf(seed)
  const schema = freshSchema()
  const topic = `chaos-${schema}`
  const [first, second] = seed % 2 === 0 ? [kafkajs, platformatic] : [platformatic, kafkajs]
  const pool = new pg.Pool({ connectionString: url, max: 12 })
  pool.on("error", () => {})
  await pool.query(inboxSql({ schema: `${schema}_inbox` }))
  await pool.query(
    `create table ${schema}_inbox.effect (n bigint generated always as identity, event_id text, type text, key text, data jsonb)`,
  )
  const publisher = first({ brokers: [proxy.address] })
  const shop = createHoldfast({
    store: postgres({ url, schema }),
    bus: kafka({ kafka: publisher, topic, partitions: 3, replication: 1 }),
    logger: () => {},
    // The store is not what is disturbed, and a machine may be as slow as it likes.
    deadlineMillis: 300_000,
  })
  const reader = second({ brokers: [broker.address] })
  const consumers: Array<EventConsumer> = []
  const join = async () => {
    consumers.push(
      await consumeEvents({
        kafka: reader,
        topic,
        group: `${topic}.mirror`,
        pool,
        schema: `${schema}_inbox`,
        batch: 1 + below(30),
        attempts: 100,
        backoffMillis: 1,
        replication: 1,
        onTrouble: () => {},
        handle: async (events, tx) => {
          for (const { id, type, key, data } of events) {
            await tx.query(`insert into ${schema}_inbox.effect (event_id, type, key, data) values ($1, $2, $3, $4)`, [
              id,
              type,
              key,
              JSON.stringify(data),
            ])
          }
          if (below(20) === 0) throw new Error("a handler that fails")
        },
      }),
    )
  }
  const met: Array<string> = []
  const disturb = async (fault: (typeof faults)[number]): Promise<void> => {
    met.push(fault)
    switch (fault) {
      case "consumer joins":
        return join()
      case "consumer leaves":
        return consumers.length > 1 ? consumers.pop()?.close() : undefined
      default:
        return disturbBroker(world, fault, below)
    }
  }
  try {
    const accounts = Array.from({ length: 12 }, (_, n) => `account-${n}`)
    for (const accountId of accounts) await shop.points.open({ accountId })
    await shop.coupons.createCampaign({
      campaignId: "rush",
      name: "Rush",
      discount: { type: "flat", amount: 1 },
      limit: 8,
      opensAt: new Date(0),
      closesAt: new Date("2099-01-01T00:00:00Z"),
    })
    await shop.events.settled("event-bus")
    await join()
    await join()
    let accepted = accounts.length + 1
    const disturbed: Array<Promise<void>> = []
    const charges = 240
    const at = new Map(
      Array.from({ length: 2 + below(2) }, () => [below(charges), faults[below(faults.length)] ?? "reply lost"]),
    )
    for (let n = 0; n < charges; n += 12) {
      for (let here = n; here < n + 12; here++) {
        const fault = at.get(here)
        if (fault !== undefined) disturbed.push(disturb(fault))
      }
      const calls = accounts.map((accountId) => shop.points.charge({ accountId, amount: 1, key: `${accountId}-${n}` }))
      const issue = shop.coupons.issue({ campaignId: "rush", accountId: accounts[(n / 12) % 12] ?? "" }).catch(() => {})
      accepted += (await Promise.all(calls)).length
      if ((await issue) !== undefined && n / 12 < 8) accepted += 1
      await pause(below(30))
    }
    await shop.events.settled("event-bus")
    const effects = async () => Number((await pool.query(`select count(*) as n from ${schema}_inbox.effect`)).rows[0].n)
    const until = performance.now() + patienceMillis
    while ((await effects()) < accepted && performance.now() < until) await pause(50)
    await Promise.all(disturbed)
    const { rows } = await pool.query(`select event_id, type, key, data from ${schema}_inbox.effect order by n`)
    const audit = await shop.audit.run()
    return { seed, faults: met, events: accepted, wrong: wrongWith(rows, accepted, audit.ok) }
  } finally {
    await Promise.all(consumers.map((consumer) => consumer.close()))
    await shop.stop()
    await Promise.all([publisher.close(), reader.close()])
    await pool.query(`drop schema if exists ${schema} cascade`)
    await pool.query(`drop schema if exists ${schema}_inbox cascade`)
    await pool.end()
  }
}

interface Row {
  readonly event_id: string
  readonly type: string
  readonly key: string
  readonly data: { readonly balance?: number; readonly ticket?: number }
}

const wrongWith = (rows: ReadonlyArray<Row>, accepted: number, auditIsOk: boolean): ReadonlyArray<string> => {
  const wrong: Array<string> = []
  const ids = new Set(rows.map((row) => row.event_id))
  if (ids.size !== accepted) wrong.push(`${accepted} calls were accepted, ${ids.size} events had an effect`)
  if (ids.size !== rows.length) wrong.push(`${rows.length - ids.size} effects happened twice`)
  for (const [key, ofKey] of Map.groupBy(rows, (row) => row.key)) {
    const numbers = ofKey.flatMap(({ data }) => data.balance ?? data.ticket ?? [])
    if (numbers.some((number, index) => index > 0 && number <= (numbers[index - 1] ?? 0))) {
      wrong.push(`effects of ${key} came in this order: ${numbers.join(" ")}`)
    }
  }
  const tickets = rows.filter(({ type }) => type === "coupons.issued").map(({ data }) => data.ticket)
  if (tickets.join() !== "1,2,3,4,5,6,7,8") wrong.push(`tickets ${tickets.join()}`)
  if (!auditIsOk) wrong.push("the audit found something")
  return wrong
}
