/**
 * A shop with its engine behind the surface: how many orders of one product it takes, and what readers notice of a sale.
 */
import { median, quotientsOf, significant, spreadText } from "../statistics.ts"
import type { Heard, Report, Stream } from "./generator.ts"
import { type Generating, type Serving, startGenerator } from "./processes.ts"

export interface SaleSizes {
  readonly rounds: number
  readonly warmMillis: number
  readonly millis: number
}

/** Closed loops, which take all that there is. */
const buyers: Stream = { kind: "order", connections: 64 }
const claimers: Stream = { kind: "claim", connections: 32 }
const readers: Stream = { kind: "read", connections: 32 }

/**
 * Users who come at their own pace, whatever the server does: readers, and a sale with several times the orders that the
 * reference service sells at most (446 per second on a machine like this).
 */
const visitors: Stream = { ...readers, perSecond: 500 }
const sale: ReadonlyArray<Stream> = [
  { ...buyers, perSecond: 1_500 },
  { ...claimers, perSecond: 500 },
]

export const saleRows = async (
  server: Serving,
  core: number | undefined,
  { rounds, warmMillis, millis }: SaleSizes,
  progress: (text: string) => void,
) => {
  // Readers have a generator of their own: they would wait for their turn behind the answers to the sale otherwise.
  const [reading, selling] = [await startGenerator(core), await startGenerator(core)]
  const ask = (generator: Generating, streams: ReadonlyArray<Stream>, warm = 200): Promise<Report> =>
    generator.run({ port: server.port, streams, warmMillis: warm, millis })
  progress("warming up")
  await ask(selling, [buyers, claimers], warmMillis)
  await ask(reading, [readers], warmMillis)
  const samples: Array<Sample> = []
  const turns: Array<number> = []
  for (let round = 0; round < rounds; round++) {
    progress(`round ${round + 1} of ${rounds}`)
    const before = await server.cpuMicros()
    const orders = await ask(selling, [buyers])
    const cpu = (await server.cpuMicros()) - before
    const quiet = await ask(reading, [visitors])
    await server.turns()
    const [besideSale, sold] = await Promise.all([ask(reading, [visitors]), ask(selling, sale)])
    for (const turn of await server.turns()) turns.push(turn)
    const busy = await ask(reading, [readers])
    const [besideAll, soldBeside] = await Promise.all([ask(reading, [readers]), ask(selling, [buyers, claimers])])
    samples.push({
      orders: first(orders),
      orderCpuMicros: cpu / orders.answers,
      quiet: first(quiet),
      besideSale: first(besideSale),
      sold: first(sold),
      busy: first(busy),
      besideAll: first(besideAll),
      soldBeside: first(soldBeside),
    })
  }
  const ok = await server.audit()
  for (const generator of [reading, selling]) generator.stop()
  turns.sort((left, right) => left - right)
  const loopTurnP99Millis = significant(turns[Math.floor(turns.length * 0.99)] ?? Number.NaN, 3)
  return { ...summaryOf(samples, progress), loopTurnP99Millis, ok }
}

interface Sample {
  readonly orders: Heard
  readonly orderCpuMicros: number
  readonly quiet: Heard
  readonly besideSale: Heard
  readonly sold: Heard
  readonly busy: Heard
  readonly besideAll: Heard
  readonly soldBeside: Heard
}

const first = ({ heard: [heard] }: Report): Heard => {
  if (heard === undefined) throw new Error("The generator heard nothing.")
  return heard
}

const summaryOf = (samples: ReadonlyArray<Sample>, progress: (text: string) => void) => {
  const middle = (of: (sample: Sample) => number): number => significant(median(samples.map(of)), 3)
  const p99s = (of: (sample: Sample) => Heard) => samples.map((sample) => of(sample).p99Millis)
  const ratio = (name: string, above: (sample: Sample) => Heard, below: (sample: Sample) => Heard): number => {
    const quotients = quotientsOf(p99s(above), p99s(below))
    progress(`${name}: ${spreadText(quotients)}`)
    return significant(median(quotients), 3)
  }
  return {
    ratios: {
      readP99BesideSale: ratio(
        "p99 of reads beside a sale / alone",
        ({ besideSale }) => besideSale,
        ({ quiet }) => quiet,
      ),
      readP99BesideSaturation: ratio(
        "p99 of reads, everybody in closed loops / readers alone",
        ({ besideAll }) => besideAll,
        ({ busy }) => busy,
      ),
    },
    figures: {
      ordersPerSecond: middle(({ orders }) => orders.perSecond),
      orderP99Millis: middle(({ orders }) => orders.p99Millis),
      orderCpuMicros: middle(({ orderCpuMicros }) => orderCpuMicros),
      readP99Millis: middle(({ quiet }) => quiet.p99Millis),
      readP99MillisBesideSale: middle(({ besideSale }) => besideSale.p99Millis),
      orderP99MillisOfSale: middle(({ sold }) => sold.p99Millis),
      readsPerSecondSaturated: middle(({ busy }) => busy.perSecond),
      readsPerSecondBesideSaturation: middle(({ besideAll }) => besideAll.perSecond),
      ordersPerSecondBesideReads: middle(({ soldBeside }) => soldBeside.perSecond),
    },
  }
}
