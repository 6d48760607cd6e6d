/**
 * A topic in memory, an inbox in PostgreSQL, and consumers of them, for the tests of what a consumer does.
 */
import { leaveOut } from "@holdfast/test-services"
import pg from "pg"
import { afterAll, beforeAll, expect, onTestFinished } from "vitest"
import { envelopeOf } from "../../src/kafka/envelope.ts"
import {
  type ConsumeOptions,
  consumeEvents,
  inboxSql,
  type KafkaTransport,
  memoryKafka,
} from "../../src/kafka/index.ts"
import { partitionOf } from "../../src/kafka/murmur2.ts"
import { freshSchema, serverForFile } from "../support/stores.ts"
import type { events } from "./events.ts"

/** What the tests of one file share: their server, and worlds on it. */
export const inboxWorlds = (what: string) => {
  const { server, url } = serverForFile(what)
  let pool: pg.Pool
  beforeAll(() => {
    if (server() === undefined) return leaveOut(what)
    pool = new pg.Pool({ connectionString: url(), max: 12 })
    pool.on("error", () => {})
  })
  afterAll(() => pool?.end())
  /** A pool of its own, as a host makes one that listens to nothing. It closes no session of itself, as one in steady use. */
  const ownPool = (max = 4): pg.Pool => {
    const own = new pg.Pool({ connectionString: url(), max, idleTimeoutMillis: 0 })
    onTestFinished(() => own.end())
    return own
  }
  return { server, url, rig: () => rigOn(pool), ownPool }
}

const partitions = 3

/** A topic, an inbox and a table of effects, of their own. */
const rigOn = async (pool: pg.Pool) => {
  const schema = freshSchema()
  await pool.query(inboxSql({ schema }))
  await pool.query(
    `create table ${schema}.effect (n bigint generated always as identity, event_id text, event_key text)`,
  )
  onTestFinished(async () => void (await pool.query(`drop schema ${schema} cascade`)))
  const kafka = memoryKafka()
  const topic = "events"
  await kafka.ensureTopics([{ topic, partitions, replication: 1, settings: {} }])
  const publish = (all: ReturnType<typeof events>) =>
    kafka.publish(
      topic,
      all.map((each) => {
        const envelope = envelopeOf(each, "/shop")
        return { ...envelope, partition: partitionOf(envelope.key, partitions) }
      }),
    )
  const effect: ConsumeOptions["handle"] = async (all, tx) => {
    for (const { id, key } of all) {
      await tx.query(`insert into ${schema}.effect (event_id, event_key) values ($1, $2)`, [id, key])
    }
  }
  const consume = async (options: Partial<ConsumeOptions> = {}, transport: KafkaTransport = kafka) => {
    const consumer = await consumeEvents({
      kafka: transport,
      topic,
      group: "billing",
      pool,
      schema,
      handle: effect,
      batch: 10,
      backoffMillis: 1,
      onTrouble: () => {},
      ...options,
    })
    onTestFinished(consumer.close)
    return consumer
  }
  const effects = async (): Promise<ReadonlyArray<{ readonly event_id: string; readonly event_key: string }>> =>
    (await pool.query(`select event_id, event_key from ${schema}.effect order by n`)).rows
  /** Every event once, each key in order. */
  const expectOnce = async (all: ReturnType<typeof events>) => {
    await expect.poll(async () => (await effects()).length).toBeGreaterThanOrEqual(all.length)
    const seen = Map.groupBy(await effects(), (row) => row.event_key)
    for (const [key, ofKey] of Map.groupBy(all, (each) => each.key)) {
      expect(
        seen.get(key)?.map((row) => row.event_id),
        key,
      ).toEqual(ofKey.map(({ id }) => id))
    }
    expect((await effects()).length).toBe(all.length)
  }
  return { pool, schema, kafka, topic, publish, effect, consume, effects, expectOnce }
}
