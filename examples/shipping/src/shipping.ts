/**
 * A shipping service with a PostgreSQL database of its own, which knows nothing of the shop but its events.
 *
 * **Inbox.** `consumeEvents` commits the ids of the events with what the handler does: each order is looked at once.
 *
 * **Outbox.** The verdict is a row of the same transaction. It is published afterwards, and removed when the broker has it:
 * whoever dies in between publishes it again, and the same verdict comes twice.
 */
import { consumeEvents, type InboxClient, inboxSql, type KafkaTransport } from "@holdfast/adapters/kafka"
import type pg from "pg"
import type { At, Topics, Verdict } from "./topics.ts"

export interface ShippingOptions {
  readonly kafka: KafkaTransport
  readonly topics: Topics
  readonly pool: pg.Pool
  readonly schema: string
  readonly at?: At
}

export interface Shipping {
  readonly close: () => Promise<void>
}

/** The tables of the service, with room for so many parcels. What is there stays. */
export const shippingSql = (schema: string, room: number): string => `${inboxSql({ schema })}
begin;
create table if not exists ${schema}.van (room int not null check (room >= 0));
insert into ${schema}.van select ${room} where not exists (select from ${schema}.van);
create table if not exists ${schema}.parcel (order_id text primary key, verdict text not null);
create table if not exists ${schema}.outbox (position bigint generated always as identity primary key, verdict jsonb not null);
commit;
`

/** How often the outbox is looked at, and how many verdicts go at once. */
const pollMillis = 20
const mostAtOnce = 100

export const startShipping = async (options: ShippingOptions): Promise<Shipping> => {
  const { kafka, topics, pool, schema, at = () => {} } = options

  const decide = async ({ orderId, accountId }: Omit<Verdict, "verdict">, tx: InboxClient) => {
    const taken = await tx.query(`update ${schema}.van set room = room - 1 where room > 0`)
    const verdict = taken.rowCount === 1 ? "shipped" : "declined"
    await tx.query(`insert into ${schema}.parcel (order_id, verdict) values ($1, $2)`, [orderId, verdict])
    const said: Verdict = { orderId, accountId, verdict }
    await tx.query(`insert into ${schema}.outbox (verdict) values ($1)`, [JSON.stringify(said)])
  }

  const consumer = await consumeEvents({
    kafka: afterEachSlice(kafka, () => at("the verdict is committed")),
    topic: topics.orders,
    group: `${schema}.shipping`,
    pool,
    schema,
    batch: 10,
    replication: 1,
    handle: async (events, tx) => {
      for (const event of events) if (event.type === "orders.placed") await decide(event.data, tx)
      at("the verdict is written")
    },
  })

  // Locked until they are gone, so that a second process of the service sends others. Orders do not wait for each other.
  const send = async (): Promise<void> => {
    const client = await pool.connect()
    // The pool does not listen while it lends the connection, and the event without a listener would end the process.
    client.on("error", ignore)
    try {
      await client.query("begin")
      const rows = await client.query(
        `select position, verdict from ${schema}.outbox order by position limit ${mostAtOnce} for update skip locked`,
      )
      if (rows.rows.length > 0) {
        await kafka.publish(
          topics.verdicts,
          rows.rows.map(({ verdict }) => ({
            partition: 0,
            key: verdict.orderId,
            value: Buffer.from(JSON.stringify(verdict)),
            headers: {},
          })),
        )
        at("the verdict is published")
        await client.query(`delete from ${schema}.outbox where position = any($1)`, [
          rows.rows.map(({ position }) => position),
        ])
      }
      await client.query("commit")
      client.release()
    } catch {
      // The rows are still there, and are sent the next time. The connection may be in the middle of anything.
      client.release(true)
    } finally {
      client.removeListener("error", ignore)
    }
  }

  const stop = new AbortController()
  const sending = (async () => {
    while (!stop.signal.aborted) {
      await send().catch(() => {})
      await new Promise((resolve) => setTimeout(resolve, pollMillis))
    }
  })()
  return {
    close: async () => {
      stop.abort()
      await Promise.all([sending, consumer.close()])
    },
  }
}

const ignore = (): void => {}

/** The same client, which says when a slice was handled and its offset is not committed yet. */
const afterEachSlice = (kafka: KafkaTransport, then: () => void): KafkaTransport => ({
  ...kafka,
  subscribe: (to, handle) =>
    kafka.subscribe(to, async (slice, signal) => {
      await handle(slice, signal)
      then()
    }),
})
