/**
 * The shop in memory, where nothing but our own code takes time: what the engine and its promises cost on top of the
 * rules and the store, how dear a refusal and a coupon are beside an order, and what many orders do to it.
 */
import { inTurns } from "../load.ts"
import { BareFold } from "../memory/bareFold.ts"
import { claimCoupons, placeOrders, refuseByRejecting, refuseSafely, uniformly } from "../memory/facade.ts"
import { type Growth, grow } from "../memory/growth.ts"
import { hotProduct, openWorld, type World } from "../memory/World.ts"
import type { Plot } from "../plot.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"
import { median, quotientsOf, significant, spreadText } from "../statistics.ts"

export const scenario: Scenario = {
  name: "memory",
  about:
    "the Promise façade in memory against the bare rules and store: orders, refusals, coupons, and memory per order",
  heapMegabytes: ({ quick }) => (quick ? 1_024 : 6_144),
  run,
}

interface Sizes {
  readonly accounts: number
  readonly products: number
  /** Calls of each kind per round. */
  readonly calls: number
  readonly rounds: number
  readonly held: number
  readonly slices: number
}

const fullSize: Sizes = { accounts: 20_000, products: 10_000, calls: 40_000, rounds: 5, held: 1_000_000, slices: 20 }
const quickSize: Sizes = { accounts: 10_000, products: 10_000, calls: 20_000, rounds: 5, held: 100_000, slices: 10 }

async function run(context: Context): Promise<Result> {
  const sizes = context.quick ? quickSize : fullSize
  const measured = await measure(sizes, context)
  const growth = await grow(sizes, sizes.held, sizes.slices, context)
  const { rates, ok } = measured
  const rate = (name: keyof typeof rates): number => Math.round(median(rates[name]))
  const ratio = (above: keyof typeof rates, below: keyof typeof rates): number => {
    const quotients = quotientsOf(rates[above], rates[below])
    context.progress(`${above} / ${below}: ${spreadText(quotients)}`)
    return significant(median(quotients), 3)
  }
  const figures = {
    ordersPerSecond: rate("hot64"),
    ordersPerSecond512Callers: rate("hot512"),
    uniformOrdersPerSecond: rate("uniform64"),
    uniformOrdersPerSecond512Callers: rate("uniform512"),
    bareFoldOrdersPerSecond: rate("bareHot"),
    bareFoldUniformOrdersPerSecond: rate("bareUniform"),
    bareFoldPreparedOrdersPerSecond: rate("barePrepared"),
    bareFoldPreparedUniformOrdersPerSecond: rate("barePreparedUniform"),
    safeRefusalsPerSecond: rate("safeRefusals"),
    rejectedRefusalsPerSecond: rate("rejectedRefusals"),
    couponClaimsPerSecond: rate("coupons64"),
    couponClaimsPerSecond512Callers: rate("coupons512"),
    bytesPerOrderHeld: Math.round(growth.bytesPerOrder),
    ordersPerSecondAtTheEnd: Math.round(growth.ordersPerSecond.at(-1)?.[1] ?? 0),
    auditSecondsAtTheEnd: significant(growth.auditSeconds, 3),
  }
  return {
    ratios: {
      facadeToBareFold: ratio("hot64", "bareHot"),
      facadeToBareFoldUniform: ratio("uniform64", "bareUniform"),
      refusalsToAccepts: ratio("safeRefusals", "hot64"),
      rejectionsToAccepts: ratio("rejectedRefusals", "hot64"),
      couponsToAccepts: ratio("coupons64", "hot64"),
    },
    figures,
    audit: { ok: ok && growth.ok },
    plots: plotsOf(figures, growth),
    notes,
  }
}

const measure = async ({ calls, rounds, ...size }: Sizes, { progress }: Context) => {
  // One pair of shops for all rounds, as a host has one: code that is compiled for many shops is slower than any host's.
  const facade = await openWorld(size)
  const bare = await openWorld(size)
  const sides = contestantsOf(facade, bare, calls)
  const rates = await inTurns(sides, rounds, progress)
  let ok = true
  for (const { shop } of [facade, bare]) {
    ok = (await shop.audit.run()).ok && ok
    await shop.stop()
  }
  return { rates, ok }
}

const contestantsOf = (facade: World, bare: World, calls: number) => {
  const fold = new BareFold(bare)
  const hot = (): string => hotProduct
  // A memory store is slower the more it holds, so both shops are sold as many orders: four times `calls` in each round.
  return {
    // What is compared with each other stands close together.
    uniform64: () => placeOrders(facade, 64, calls, uniformly(facade)),
    bareUniform: () => fold.place(calls, uniformly(bare)),
    barePreparedUniform: () => fold.placePrepared(calls, uniformly(bare)),
    barePrepared: () => fold.placePrepared(calls, hot),
    bareHot: () => fold.place(calls, hot),
    hot64: () => placeOrders(facade, 64, calls, hot),
    // Refusals keep nothing, so their windows may be as long as those of the slower orders.
    safeRefusals: () => refuseSafely(facade, 64, calls * 4),
    coupons64: () => claimCoupons(facade, 64, calls),
    rejectedRefusals: () => refuseByRejecting(facade, 64, calls * 4),
    hot512: () => placeOrders(facade, 512, calls, hot),
    uniform512: () => placeOrders(facade, 512, calls, uniformly(facade)),
    coupons512: () => claimCoupons(facade, 512, calls),
  }
}

const plotsOf = (figures: Readonly<Record<string, number>>, growth: Growth): ReadonlyArray<Plot> => [
  {
    type: "bars",
    title: "How fast",
    caption: "Medians of rounds in turns. One hot product unless it says otherwise.",
    yLabel: "calls per second",
    bars: Object.entries(barNames).map(([figure, name]) => ({ name, value: figures[figure] ?? 0 })),
  },
  {
    type: "lines",
    title: "Speed against orders held",
    caption: "64 callers, one hot product. Each point is the rate of one slice of orders.",
    xLabel: "orders held",
    yLabel: "orders per second",
    series: [{ name: "façade", points: growth.ordersPerSecond }],
  },
  {
    type: "lines",
    title: "Memory against orders held",
    caption: "JavaScript heap after a full garbage collection.",
    xLabel: "orders held",
    yLabel: "heap in MiB",
    series: [{ name: "heap in use", points: growth.megabytes }],
  },
]

const barNames: Readonly<Record<string, string>> = {
  ordersPerSecond: "orders, 64 callers",
  ordersPerSecond512Callers: "orders, 512 callers",
  uniformOrdersPerSecond: "orders, 10,000 products",
  bareFoldOrdersPerSecond: "bare fold, orders",
  bareFoldPreparedOrdersPerSecond: "bare fold, commands prepared",
  safeRefusalsPerSecond: "sold out, as values",
  rejectedRefusalsPerSecond: "sold out, as rejections",
  couponClaimsPerSecond: "coupon claims, 64 callers",
}

const notes: Readonly<Record<string, string>> = {
  facadeToBareFold: "accepted orders: Promise façade, 64 callers / the same work without engine; aim 0.8 or more",
  facadeToBareFoldUniform: "the same over 10,000 products",
  refusalsToAccepts: "sold-out answers of shop.safe / accepted orders; aim 2.5 or more",
  rejectionsToAccepts: "sold-out rejections / accepted orders",
  couponsToAccepts: "coupon claims / accepted orders",
  ordersPerSecond: "64 callers, one line, one hot product",
  ordersPerSecond512Callers: "the same with 512 callers",
  uniformOrdersPerSecond: "64 callers, one line, one of 10,000 products",
  uniformOrdersPerSecond512Callers: "the same with 512 callers",
  bareFoldOrdersPerSecond: "decode, normalise, stamp, fold in batches of 64, commit: no engine, no promises, no lanes",
  bareFoldUniformOrdersPerSecond: "the same over 10,000 products",
  bareFoldPreparedOrdersPerSecond: "fold and commit alone: commands were made beforehand",
  bareFoldPreparedUniformOrdersPerSecond: "the same over 10,000 products",
  safeRefusalsPerSecond: "sold-out answers of shop.safe, 64 callers",
  rejectedRefusalsPerSecond: "sold-out rejections, caught by the caller, 64 callers",
  couponClaimsPerSecond: "one campaign, a new account each time, 64 callers",
  couponClaimsPerSecond512Callers: "the same with 512 callers",
  bytesPerOrderHeld: "heap per order after garbage collection: order, ledger rows, receipt, indexes",
  ordersPerSecondAtTheEnd: "64 callers, when all orders of the growth run are held",
  auditSecondsAtTheEnd: "one audit of everything at the end of the growth run",
}
