/**
 * A backlog of events that goes to Kafka by a shop's relay, the same records sent by a bare client, and what both cost.
 */
import { kafka, kafkajs, platformatic } from "@holdfast/adapters/kafka"
import { postgres } from "@holdfast/adapters/postgres"
import { createHoldfast, type Shop } from "@holdfast/core"
import { Kafka, logLevel } from "kafkajs"
import type { BenchDatabase } from "../postgres/BenchDatabase.ts"

/** The name under which a shop registers its bus. */
export const busName = "event-bus"

/** How fast a backlog went, and what it took of this process. */
export interface Went {
  readonly perSecond: number
  readonly cpuMicros: number
}

const timed = async (events: number, run: () => Promise<void>): Promise<Went> => {
  const began = performance.now()
  const before = process.cpuUsage()
  await run()
  const { user, system } = process.cpuUsage(before)
  return { perSecond: (events * 1_000) / (performance.now() - began), cpuMicros: (user + system) / events }
}

/** The clients that a bus can be given. */
const clients = { kafkajs, platformatic }
export type Client = keyof typeof clients

const shopOnBus = (
  { url, schema }: BenchDatabase,
  broker: string,
  topic: string,
  workers: boolean,
  client: Client = "kafkajs",
) => {
  const transport = clients[client]({ brokers: [broker] })
  const bus = kafka({ kafka: transport, topic, partitions: 3, replication: 1 })
  const shop = createHoldfast({ store: postgres({ url, schema }), bus, workers, logger: () => {} })
  return { shop, transport }
}

/** Lets the bus of a shop be known to its store, so that events wait for it. */
export const registerBus = async (database: BenchDatabase, broker: string, topic: string): Promise<void> => {
  const { shop, transport } = shopOnBus(database, broker, topic, true)
  await shop.start()
  await settled(shop)
  await shop.stop()
  await transport.close()
}

/** Has everything relayed that waits, by a shop of its own. */
export const relay = async (
  database: BenchDatabase,
  broker: string,
  topic: string,
  events: number,
  client: Client,
): Promise<Went> => {
  const { shop, transport } = shopOnBus(database, broker, topic, true, client)
  const went = await timed(events, async () => {
    await shop.start()
    await settled(shop)
  })
  await shop.stop()
  await transport.close()
  return went
}

const settled = (shop: Shop): Promise<void> => shop.events.settled(busName)

/** As many records as the relay has in a batch. */
const together = 500

/** Sends so many events like `sample`, each with an id of its own, with the client alone: in batches of the relay's size, one at a time. */
export const sendBare = async (
  broker: string,
  topic: string,
  events: number,
  ids: string,
  sample: { readonly value: Buffer; readonly headers: Readonly<Record<string, string>> },
): Promise<Went> => {
  const producer = new Kafka({ brokers: [broker], logLevel: logLevel.NOTHING }).producer({ maxInFlightRequests: 1 })
  await producer.connect()
  const went = await timed(events, async () => {
    for (let from = 0; from < events; from += together) {
      const messages = Array.from({ length: Math.min(together, events - from) }, (_, n) => ({
        key: `account-${from + n}`,
        value: sample.value,
        headers: { ...sample.headers, ce_id: `${ids}-${from + n}` },
      }))
      await producer.sendBatch({ acks: -1, topicMessages: [{ topic, messages }] })
    }
  })
  await producer.disconnect()
  return went
}
