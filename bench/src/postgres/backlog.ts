/**
 * A backlog: events that wait for a name, as batches of a shop left them, and how fast a process takes them.
 */

import { postgres } from "@holdfast/adapters/postgres"
import { createHoldfast, type PromisedEvents } from "@holdfast/core"
import { closedLoop } from "../load.ts"
import type { Context } from "../Scenario.ts"
import type { BenchDatabase } from "./BenchDatabase.ts"

type Handler = Parameters<PromisedEvents["subscribe"]>[1]

/** How a backlog was taken. */
export interface Drained {
  readonly perSecond: number
  readonly megabytesPerSecond: number
  /** How much more memory the process had than before, at most. */
  readonly grownMegabytes: number
  /** Whether every event was heard, and nothing waits any more. */
  readonly isWhole: boolean
}

/**
 * Makes a name, sells `orders` that wait for it in full batches, then copies the rows of the outbox until there are `events`.
 * Copies are claimed, handled and acknowledged like any other row: only selling them would take much longer.
 */
export const fill = async (
  database: BenchDatabase,
  name: string,
  orders: number,
  events: number,
  place: (shop: Awaited<ReturnType<BenchDatabase["openShop"]>>, n: number) => Promise<unknown>,
): Promise<void> => {
  const { control, schema } = database
  const shop = await database.openShop()
  await shop.events.subscribe(name, () => {})
  await closedLoop(512, orders, (n) => place(shop, n))
  await shop.stop()
  const copy = `with c as (
      select o.events, o.size, o.bytes, sum(o.size) over (order by o.id) as so_far
      from ${schema}.outbox o join ${schema}.delivery d on d.outbox_id = o.id and d.name = $1
    ), o as (
      insert into ${schema}.outbox (events, size, bytes) select events, size, bytes from c where so_far <= $2::int returning id
    )
    insert into ${schema}.delivery (name, outbox_id) select $1, id from o returning 1`
  // Doubled while there is room, and then as many as are missing.
  for (let left = events - (await waiting(database, name)); left > 0; left = events - (await waiting(database, name))) {
    if ((await control.ask(copy, name, String(left))).length === 0) break
  }
  await control.ask(`analyze ${schema}.outbox, ${schema}.delivery`)
}

const waiting = async ({ control, schema }: BenchDatabase, name: string): Promise<number> => {
  const [row] = await control.ask(
    `select coalesce(sum(o.size), 0)::int as n from ${schema}.delivery d join ${schema}.outbox o on o.id = d.outbox_id
     where d.name = $1`,
    name,
  )
  return Number(row?.n)
}

const millisBetweenLooks = 20

/** Lets a process of its own connections take everything that waits for a name. */
export const drain = async (
  database: BenchDatabase,
  name: string,
  handler: Handler,
  { atEnd }: Pick<Context, "atEnd">,
): Promise<Drained> => {
  const { control, schema } = database
  const [row] = await control.ask(`select coalesce(sum(bytes), 0)::float8 as bytes from ${schema}.outbox`)
  const events = await waiting(database, name)
  const shop = createHoldfast({ store: postgres({ url: database.url, schema }) })
  atEnd(() => shop.stop())
  await shop.start()
  let heard = 0
  const done = Promise.withResolvers<void>()
  const before = process.memoryUsage().rss
  let most = before
  const looking = setInterval(() => {
    most = Math.max(most, process.memoryUsage().rss)
  }, millisBetweenLooks)
  const began = performance.now()
  await shop.events.subscribe(name, (event, delivery) => {
    if (++heard === events) done.resolve()
    return handler(event, delivery)
  })
  await done.promise
  const seconds = (performance.now() - began) / 1_000
  await shop.events.settled(name)
  clearInterval(looking)
  const isWhole = heard === events && (await waiting(database, name)) === 0
  await shop.stop()
  return {
    perSecond: events / seconds,
    megabytesPerSecond: Number(row?.bytes) / 2 ** 20 / seconds,
    grownMegabytes: (most - before) / 2 ** 20,
    isWhole,
  }
}
