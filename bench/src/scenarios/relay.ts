/**
 * Events to Kafka: a backlog relayed by a shop against the same backlog given to an empty handler in the process, what it costs
 * against a bare client, and a consumer with an inbox against one without. One broker on this machine, on both sides.
 */
import { kafkajs } from "@holdfast/adapters/kafka"
import { privateKafka } from "@holdfast/test-services"
import { consume, prepareEffects } from "../kafka/consuming.ts"
import { busName, registerBus, relay, sendBare } from "../kafka/relaying.ts"
import { BenchDatabase, furnishAccounts, plenty } from "../postgres/BenchDatabase.ts"
import { drain, fill } from "../postgres/backlog.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"
import { median, significant } from "../statistics.ts"

export const scenario: Scenario = {
  name: "relay",
  about:
    "events on PostgreSQL, to Kafka: a backlog relayed, against handled in process; a consumer with an inbox, against one without",
  run,
}

const accounts = 2_000

async function run(context: Context): Promise<Result> {
  const { tiny = false, quick, progress, atEnd } = context
  const cluster = await privateKafka("bench relay")
  const broker = cluster?.brokers[0]?.address
  if (cluster === undefined || broker === undefined) {
    progress("LEFT OUT: everything, because there is no Kafka here")
    return leftOut
  }
  atEnd(cluster.stop)
  const events = tiny ? 500 : quick ? 50_000 : 200_000
  const rounds = tiny ? 1 : 3
  const database = await BenchDatabase.open(context)
  const topic = `bench-${database.schema}`
  const shop = await database.openShop()
  await furnishAccounts(shop, "account-", accounts)
  await shop.stock.register({ productId: "hot", name: "Thing", price: 10, onHand: plenty })
  await registerBus(database, broker, topic)
  const client = kafkajs({ brokers: [broker] })
  atEnd(client.close)
  await client.ensureTopics([{ topic: `${topic}-bare`, partitions: 3, replication: 1, settings: {} }])
  const sample = { value: Buffer.from(JSON.stringify(data)), headers }

  const [relayed, second, drained, bare] = [[], [], [], []] as [Array<Run>, Array<Run>, Array<Run>, Array<Run>]
  let isWhole = true
  // The first round warms up and does not count.
  for (let round = tiny ? 1 : 0; round <= rounds; round++) {
    progress(round === 0 ? "warming up" : `round ${round} of ${rounds}: ${events.toLocaleString("en-US")} events`)
    const name = `drain-${round}`
    await fill(database, name, Math.min(events, 2_000), events, (selling, n) =>
      selling.orders.place({
        accountId: `account-${n % accounts}`,
        lines: [{ productId: "hot", quantity: 1 }],
        key: `${name}-${n}`,
      }),
    )
    await sameFor(database, name, busName)
    const relaying = await relay(database, broker, topic, events, "kafkajs")
    await sameFor(database, name, busName)
    const withSecond = await relay(database, broker, topic, events, "platformatic")
    const draining = await drain(database, name, () => {}, { atEnd })
    await shop.events.unregister(name)
    const sending = await sendBare(broker, `${topic}-bare`, events, name, sample)
    isWhole &&= draining.isWhole
    if (round === 0) continue
    relayed.push(relaying)
    second.push(withSecond)
    drained.push({ perSecond: draining.perSecond, cpuMicros: 0 })
    bare.push(sending)
  }

  const published = events * (tiny ? rounds : rounds + 1)
  await prepareEffects(database)
  const [once, plain] = [[], []] as [Array<number>, Array<number>]
  for (let round = 1; round <= rounds; round++) {
    for (const inbox of round % 2 === 1 ? [true, false] : [false, true]) {
      progress(`reading ${published.toLocaleString("en-US")} events ${inbox ? "with" : "without"} an inbox`)
      const read = await consume(database, client, `${topic}-bare`, `${topic}-${inbox}-${round}`, published, inbox)
      ;(inbox ? once : plain).push(read.perSecond)
      isWhole &&= read.isWhole
      await database.control.ask(`truncate ${database.ownSchema}.handled`)
    }
  }
  const ratio = (over: ReadonlyArray<number>, under: ReadonlyArray<number>): number =>
    significant(median(over.map((each, n) => each / (under[n] ?? Number.NaN))), 3)
  const speed = (runs: ReadonlyArray<Run>) => runs.map(({ perSecond }) => perSecond)
  const cost = (runs: ReadonlyArray<Run>) => runs.map(({ cpuMicros }) => cpuMicros)
  return {
    ratios: {
      relayToDrain: ratio(speed(relayed), speed(drained)),
      relayToDrainPlatformatic: ratio(speed(second), speed(drained)),
      relayCpuToBare: ratio(cost(relayed), cost(bare)),
      inboxToBare: ratio(once, plain),
    },
    figures: {
      events,
      relayedPerSecond: Math.round(median(speed(relayed))),
      relayedPerSecondPlatformatic: Math.round(median(speed(second))),
      drainedPerSecond: Math.round(median(speed(drained))),
      barePerSecond: Math.round(median(speed(bare))),
      relayCpuMicros: significant(median(cost(relayed)), 3),
      relayCpuMicrosPlatformatic: significant(median(cost(second)), 3),
      bareCpuMicros: significant(median(cost(bare)), 3),
      inboxPerSecond: Math.round(median(once)),
      plainPerSecond: Math.round(median(plain)),
    },
    audit: { ok: (await shop.audit.run()).ok && isWhole },
    plots: [
      {
        type: "bars",
        title: "Events, a second",
        caption: `A backlog of ${events.toLocaleString("en-US")} events, then a topic of ${published.toLocaleString("en-US")}. Medians of ${rounds} rounds.`,
        yLabel: "per second",
        bars: [
          { name: "handled in process", value: median(speed(drained)) },
          { name: "relayed, kafkajs", value: median(speed(relayed)) },
          { name: "relayed, platformatic", value: median(speed(second)) },
          { name: "kafkajs alone", value: median(speed(bare)) },
          { name: "read, inbox", value: median(once) },
          { name: "read, no inbox", value: median(plain) },
        ],
      },
    ],
    notes,
  }
}

interface Run {
  readonly perSecond: number
  readonly cpuMicros: number
}

const leftOut: Result = {
  ratios: { relayToDrain: null, relayToDrainPlatformatic: null, relayCpuToBare: null, inboxToBare: null },
  figures: {},
  audit: { ok: true },
  plots: [{ type: "bars", title: "Events, a second", caption: "No Kafka here.", yLabel: "per second", bars: [] }],
}

/** What waits for one name waits for another one as well, and nothing else does. */
const sameFor = async ({ control, schema }: BenchDatabase, name: string, other: string): Promise<void> => {
  await control.ask(`delete from ${schema}.delivery where name = $1`, other)
  await control.ask(
    `insert into ${schema}.delivery (name, outbox_id) select $2, outbox_id from ${schema}.delivery where name = $1`,
    name,
    other,
  )
}

/** As long as those of an order. */
const data = {
  orderId: "01KDWCJ2M00AHT1ZAW0AHT1ZBE",
  accountId: "account-1999",
  lines: [
    {
      lineId: "01KDWCJ2M00AHT1ZAW0AHT1ZBE-1",
      productId: "hot",
      name: "Thing",
      unitPrice: 10,
      quantity: 1,
      discount: 0,
      paid: 10,
    },
  ],
  total: 10,
  discount: 0,
  paid: 10,
}
const headers = {
  ce_specversion: "1.0",
  ce_type: "holdfast.orders.placed",
  ce_source: "/holdfast",
  ce_time: "2026-11-29T12:00:00.000Z",
  ce_subject: "order/01KDWCJ2M00AHT1ZAW0AHT1ZBE",
  ce_partitionkey: "account-1999",
  ce_dataversion: "1",
  "content-type": "application/json",
}

const notes: Readonly<Record<string, string>> = {
  relayToDrain:
    "events relayed, acknowledged by the broker / handled by an empty handler in process; must 0.5, aim 0.8",
  relayToDrainPlatformatic: "the same over the second client",
  relayCpuToBare: "CPU of the process per event relayed / per record that kafkajs sends alone; must at most 3, aim 2",
  inboxToBare: "one row an event: with an inbox / without; must 0.5, aim 0.7",
}
