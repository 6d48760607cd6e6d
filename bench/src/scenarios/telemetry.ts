/**
 * What spans and metrics cost: CPU of this process per order on PostgreSQL, with and without, in pairs.
 */
import { Buffer } from "node:buffer"
import { openTelemetry } from "@holdfast/adapters/opentelemetry"
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics"
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace"
import { collectYoungGarbage, keepYoungObjectsYoung } from "../heap.ts"
import { closedLoop } from "../load.ts"
import { BenchDatabase, furnishAccounts, plenty } from "../postgres/BenchDatabase.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"
import { meanWithInterval, quotientsOf, significant } from "../statistics.ts"

export const scenario: Scenario = {
  name: "telemetry",
  about: "CPU per order on PostgreSQL with spans and metrics of OpenTelemetry, against without",
  run,
}

const callers = 64
/** The halves of a pair are measured in so many parts, in turns: what the machine does meanwhile is then done to both. */
const parts = 10

async function run(context: Context): Promise<Result> {
  const { quick, tiny, progress } = context
  keepYoungObjectsYoung()
  const pairs = tiny ? 2 : quick ? 10 : 60
  const orders = tiny ? 64 : quick ? 400 : 1_000
  const database = await BenchDatabase.open(context)
  const exported = { spans: 0 }
  const providers = { on: provide(exported, context), calls: provide(exported, context) }
  const shops = {
    off: await database.openShop(),
    on: await database.openShop({ telemetry: openTelemetry(providers.on) }),
    calls: await database.openShop({ telemetry: openTelemetry(providers.calls), spans: "calls" }),
  }
  const accounts = tiny ? 20 : 2_000
  await furnishAccounts(shops.off, "account-", accounts)
  await shops.off.stock.register({ productId: "hot", name: "Thing", price: 10, onHand: plenty })
  const acknowledged = new Acknowledged()
  let next = 0
  // The host passes the trace of its caller in either case, as it would to whatever it calls.
  // In one piece, as it comes out of a header.
  const traceparent = (n: number): string => Buffer.from(`00-${hex(n + 1, 32)}-${hex(n + 1, 16)}-01`).toString("latin1")
  const cpuPerOrder = async (name: keyof typeof shops, collects: boolean): Promise<number> => {
    const shop = shops[name]
    const began = process.cpuUsage()
    await closedLoop(callers, orders, async () => {
      const n = next++
      const order = {
        accountId: `account-${n % accounts}`,
        lines: [{ productId: "hot", quantity: 1 }],
        key: `key-${n}`,
      }
      const { orderId } = await shop.orders.place(order, { traceparent: traceparent(n) })
      acknowledged.orders.push([order.key, orderId])
    })
    if (collects && name !== "off") await providers[name].meterProvider.forceFlush()
    // Each part pays for what it leaves.
    collectYoungGarbage()
    const { user, system } = process.cpuUsage(began)
    return (user + system) / orders
  }
  /** CPU per order with the shops of two names, by pair. */
  const inPairs = async (name: keyof typeof providers, count: number) => {
    const micros: { off: Array<number>; on: Array<number> } = { off: [], on: [] }
    for (let pair = -1; pair < count; pair++) {
      if (pair % 10 === 0) progress(`${name}: pair ${pair} of ${count}`)
      const sums = { off: 0, on: 0 }
      // Who comes first changes from part to part; the first pair only warms up.
      for (let part = 0; part < parts; part++) {
        const names = part % 2 === 0 ? (["off", "on"] as const) : (["on", "off"] as const)
        for (const each of names) sums[each] += await cpuPerOrder(each === "on" ? name : "off", part === parts - 1)
      }
      if (pair >= 0) for (const each of ["off", "on"] as const) micros[each].push(sums[each] / parts)
    }
    return micros
  }
  const batches = await inPairs("on", pairs)
  const calls = await inPairs("calls", Math.ceil(pairs / 6))
  for (const { tracerProvider } of Object.values(providers)) await tracerProvider.forceFlush()
  const { mean, low, high } = meanWithInterval(quotientsOf(batches.on, batches.off))
  const perCall = meanWithInterval(quotientsOf(calls.on, calls.off))
  return {
    ratios: { telemetryCpuToOff: significant(mean, 3), callSpansCpuToOff: significant(perCall.mean, 3) },
    figures: {
      telemetryCpuToOffLow: significant(low, 3),
      telemetryCpuToOffHigh: significant(high, 3),
      pairs,
      ordersOfAHalf: orders * parts,
      offMicros: significant(meanWithInterval(batches.off).mean, 3),
      onMicros: significant(meanWithInterval(batches.on).mean, 3),
      spansExported: exported.spans,
    },
    audit: { ok: exported.spans > 0 && (await addsUp(database, shops.off, acknowledged, context)) },
    plots: [
      {
        type: "bars",
        title: "CPU of the shop's process per order",
        caption: `Geometric means. Every call names the trace of its caller; spans are exported in batches, metrics once in ${orders * parts} orders.`,
        yLabel: "microseconds",
        bars: [
          { name: "without", value: meanWithInterval(batches.off).mean },
          { name: "a span for each batch, and metrics", value: meanWithInterval(batches.on).mean },
          { name: "a span for each call as well", value: meanWithInterval(calls.on).mean },
        ],
      },
    ],
    notes: {
      telemetryCpuToOff: "CPU per order with spans and metrics / without; the upper bound must be 1.05",
      telemetryCpuToOffHigh: "upper bound of its 95 % interval over the pairs",
      callSpansCpuToOff: "the same with a span for each call as well",
    },
  }
}

const hex = (n: number, digits: number): string => n.toString(16).padStart(digits, "0")

/** The SDK as a host sets it up, but for exporters that throw away what they get. */
const provide = (exported: { spans: number }, { atEnd }: Context) => {
  const exporter: SpanExporter = {
    export: (spans, done) => {
      exported.spans += spans.length
      done({ code: 0 })
    },
    shutdown: () => Promise.resolve(),
    forceFlush: () => Promise.resolve(),
  }
  const tracerProvider = new TracerProvider({ spanProcessors: [new BatchSpanProcessor({ exporter })] })
  const metrics = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE)
  // It collects when it is told to, so that whoever has no metrics pays for none.
  const reader = new PeriodicExportingMetricReader({ exporter: metrics, exportIntervalMillis: 3_600_000 })
  const meterProvider = new MeterProvider({ readers: [reader] })
  atEnd(async () => {
    await meterProvider.shutdown()
    await tracerProvider.shutdown()
  })
  return { tracerProvider, meterProvider }
}
