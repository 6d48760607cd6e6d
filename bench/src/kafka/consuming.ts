/**
 * A topic read by consumers that write one row an event, with the inbox that makes it once and without.
 */
import { consumeEvents, inboxSql, type KafkaTransport } from "@holdfast/adapters/kafka"
import pg from "pg"
import type { BenchDatabase } from "../postgres/BenchDatabase.ts"

const insert = (schema: string) => `insert into ${schema}.effect select * from unnest($1::text[])`

/** As many events as a consumer has in a transaction. */
const slice = 500
/** Somebody who never gets an end is told. */
const mostMillis = 600_000

interface Reading {
  readonly perSecond: number
  /** Whether each event had its effect once. */
  readonly isWhole: boolean
}

/** Tables of effects, and of the inbox, beside those of the shop. */
export const prepareEffects = async ({ control, ownSchema }: BenchDatabase): Promise<void> => {
  await control.ask(`create table ${ownSchema}.effect (event_id text)`)
  for (const statement of inboxSql({ schema: ownSchema }).split(";")) {
    if (!/^\s*(begin|commit)?\s*$/.test(statement.replaceAll(/--.*$/gm, ""))) await control.ask(statement)
  }
}

/** Reads the whole topic once, by a group that is new. */
export const consume = async (
  database: BenchDatabase,
  kafka: KafkaTransport,
  topic: string,
  group: string,
  events: number,
  inbox: boolean,
): Promise<Reading> => {
  const { control, ownSchema, url } = database
  await control.ask(`truncate ${ownSchema}.effect`)
  const pool = new pg.Pool({ connectionString: url, max: 4 })
  const done = Promise.withResolvers<void>()
  let handled = 0
  let began: number | undefined
  const came = (count: number): void => {
    handled += count
    if (handled >= events) done.resolve()
  }
  const opened = inbox
    ? await consumeEvents({
        kafka,
        topic,
        group,
        pool,
        schema: ownSchema,
        batch: slice,
        replication: 1,
        handle: async (all, tx) => {
          began ??= performance.now()
          await tx.query(insert(ownSchema), [all.map(({ id }) => id)])
          came(all.length)
        },
      })
    : await kafka.subscribe({ topic, group, maxSlice: slice, onTrouble: () => {} }, async ({ records }) => {
        began ??= performance.now()
        const client = await pool.connect()
        await client.query("begin")
        await client.query(insert(ownSchema), [records.map(({ headers }) => headers.ce_id)])
        await client.query("commit")
        client.release()
        came(records.length)
      })
  const late = setTimeout(() => done.reject(new Error(`${handled} of ${events} events were read.`)), mostMillis)
  await done.promise
  clearTimeout(late)
  const seconds = (performance.now() - (began ?? 0)) / 1_000
  await opened.close()
  await pool.end()
  const [row] = await control.ask(`select count(*)::int as n from ${ownSchema}.effect`)
  return { perSecond: events / seconds, isWhole: Number(row?.n) === events }
}
