/**
 * Events on PostgreSQL: whether a subscriber in the selling process keeps up with the hottest sale, what it costs the sale,
 * and how fast a backlog is taken, also one of the largest orders that there can be.
 */
import type { Shop } from "@holdfast/core"
import { BenchDatabase, furnishAccounts, plenty } from "../postgres/BenchDatabase.ts"
import { type Drained, drain, fill } from "../postgres/backlog.ts"
import { sizesOf } from "../postgres/Comparison.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { Sales } from "../postgres/Sales.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"
import { median, significant } from "../statistics.ts"

export const scenario: Scenario = {
  name: "delivery",
  about: "events on PostgreSQL: a live subscriber beside the hottest sale, a backlog of a million, the largest orders",
  run,
}

const callers = 64
const accounts = 2_000

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const live = await liveSale(database, context)
  const backlog = await backlogs(await BenchDatabase.open({ ...context, url: database.url }), context)
  const largest = await largestOrders(await BenchDatabase.open({ ...context, url: database.url }), context)
  return {
    ratios: { drainToOrders: live.drainToOrders, heardToUnheard: live.heardToUnheard },
    figures: { ...live.figures, ...backlog.figures, ...largest.figures },
    audit: { ok: live.ok && backlog.ok && largest.ok },
    plots: [
      {
        type: "bars",
        title: "Events, a second",
        caption: `Sales of one product by ${callers} callers, with and without somebody who listens; then what a new process takes of a backlog.`,
        yLabel: "per second",
        bars: [
          { name: "sold, not heard", value: live.figures.unheardPerSecond },
          { name: "sold, heard", value: live.figures.soldPerSecond },
          { name: "heard", value: live.figures.heardPerSecond },
          { name: "backlog", value: backlog.figures.backlogPerSecond },
          { name: "backlog, async", value: backlog.figures.backlogAsyncPerSecond },
          { name: "largest orders", value: largest.figures.largestPerSecond },
        ],
      },
    ],
    notes,
  }
}

/** The hottest sale, heard by the process that sells and by nobody, in turns. */
const liveSale = async (database: BenchDatabase, context: Context) => {
  const { millis, rounds } = sizesOf(context, { millis: 4_000, rounds: 5 })
  const silent = await database.openShop()
  await furnishAccounts(silent, "account-", accounts)
  await silent.stock.register({ productId: "hot", name: "Thing", price: 10, onHand: plenty })
  const acknowledged = new Acknowledged()
  const basket = { accounts, lines: () => [{ productId: "hot", quantity: 1 }] }
  const samples: Array<{ readonly sold: number; readonly heard: number; readonly unheard: number }> = []
  let heard = 0
  for (let round = 0; round <= rounds; round++) {
    context.progress(round === 0 ? "warming up" : `round ${round} of ${rounds}`)
    const unheard = await sell(silent, new Sales(acknowledged, basket, `silent-${round}`), millis, () => 0)
    const shop = await database.openShop({ workers: true })
    await shop.events.subscribe("live", () => {
      heard++
    })
    const listened = await sell(shop, new Sales(acknowledged, basket, `live-${round}`), millis, () => heard)
    await shop.events.settled("live")
    await shop.events.unregister("live")
    await shop.stop()
    if (round > 0) samples.push({ sold: listened.sold, heard: listened.heard, unheard: unheard.sold })
  }
  const ratioOf = (of: (sample: (typeof samples)[number]) => number): number => significant(median(samples.map(of)), 3)
  const perSecond = (of: (sample: (typeof samples)[number]) => number): number =>
    Math.round(median(samples.map(of)) / (millis / 1_000))
  const added = await addsUp(database, silent, acknowledged, context)
  const isWhole = heard === acknowledged.orders.filter(([key]) => key.startsWith("live-")).length
  if (!isWhole) context.progress(`RECOUNT: ${heard} events were heard`)
  return {
    drainToOrders: ratioOf(({ heard: some, sold }) => some / sold),
    heardToUnheard: ratioOf(({ sold, unheard }) => sold / unheard),
    figures: {
      soldPerSecond: perSecond(({ sold }) => sold),
      heardPerSecond: perSecond(({ heard: some }) => some),
      unheardPerSecond: perSecond(({ unheard }) => unheard),
    },
    ok: added && isWhole,
  }
}

/** Sells for a time, after a fifth of it that does not count, and says how much was sold and heard in it. */
const sell = async (shop: Shop, sales: Sales, millis: number, heard: () => number) => {
  const call = sales.ours(shop)
  const began = performance.now() + millis / 5
  let sold = 0
  let heardBefore: number | undefined
  let heardAfter: number | undefined
  const caller = async (): Promise<void> => {
    while (heardAfter === undefined) {
      await call()
      const now = performance.now()
      if (now < began) continue
      heardBefore ??= heard()
      if (now < began + millis) sold++
      else heardAfter ??= heard()
    }
  }
  await Promise.all(Array.from({ length: callers }, caller))
  return { sold, heard: (heardAfter ?? 0) - (heardBefore ?? 0) }
}

/** A million events of ordinary orders, taken by handlers that are done at once and by some that are not. */
const backlogs = async (database: BenchDatabase, context: Context) => {
  const { tiny, quick, progress, atEnd } = context
  const events = tiny ? 2_000 : quick ? 100_000 : 1_000_000
  const sold = tiny ? 500 : 20_000
  const shop = await database.openShop()
  await furnishAccounts(shop, "account-", accounts)
  await shop.stock.register({ productId: "hot", name: "Thing", price: 10, onHand: plenty })
  const taken: Array<Drained> = []
  for (const [name, handler] of Object.entries({ sync: () => {}, async: async () => {} })) {
    progress(`a backlog of ${events.toLocaleString("en-US")} events, ${name} handler`)
    await fill(database, name, sold, events, (selling, n) =>
      selling.orders.place({
        accountId: `account-${n % accounts}`,
        lines: [{ productId: "hot", quantity: 1 }],
        key: `${name}-${n}`,
      }),
    )
    taken.push(await drain(database, name, handler, { atEnd }))
    await shop.events.unregister(name)
  }
  const [sync, async] = taken
  return {
    figures: {
      backlogEvents: events,
      backlogPerSecond: Math.round(sync?.perSecond ?? 0),
      backlogGrownMegabytes: Math.round(sync?.grownMegabytes ?? 0),
      backlogAsyncPerSecond: Math.round(async?.perSecond ?? 0),
    },
    ok: taken.every(({ isWhole }) => isWhole),
  }
}

/** Orders of a hundred lines with the longest names. */
const largestOrders = async (database: BenchDatabase, context: Context) => {
  const { tiny, quick, progress, atEnd } = context
  const orders = tiny ? 128 : quick ? 1_280 : 5_120
  const shop = await database.openShop()
  await furnishAccounts(shop, "account-", accounts)
  const lines = Array.from({ length: 100 }, (_, n) => ({ productId: `product-${n}`, quantity: 1 }))
  for (const { productId } of lines) {
    await shop.stock.register({ productId, name: "가".repeat(200), price: 1, onHand: plenty })
  }
  progress(`${orders.toLocaleString("en-US")} orders of 100 lines with names of 200 characters`)
  await fill(database, "large", orders, orders, (selling, n) =>
    selling.orders.place({ accountId: `account-${n % accounts}`, lines, key: `large-${n}` }),
  )
  const { perSecond, megabytesPerSecond, grownMegabytes, isWhole } = await drain(database, "large", () => {}, { atEnd })
  return {
    figures: {
      largestPerSecond: Math.round(perSecond),
      largestMegabytesPerSecond: significant(megabytesPerSecond, 3),
      largestGrownMegabytes: Math.round(grownMegabytes),
    },
    ok: isWhole,
  }
}

const notes: Readonly<Record<string, string>> = {
  drainToOrders: `events handled / orders sold meanwhile, ${callers} callers, one product, empty handler; must 0.8`,
  heardToUnheard: "orders sold while the same process listens / while nobody does",
  backlogPerSecond: "events a second that a new process takes of a backlog; must 20,000 of a million",
  backlogAsyncPerSecond: "the same with a handler that answers a promise",
  backlogGrownMegabytes: "how much the process grew meanwhile, at most",
  largestPerSecond: "the same of orders with 100 lines and names of 200 characters of three bytes",
}
