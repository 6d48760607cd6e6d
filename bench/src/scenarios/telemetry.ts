/**
 * What spans and metrics cost: CPU of this process per order on PostgreSQL, with and without, in pairs.
 */
import { Buffer } from "node:buffer"
import { openTelemetry } from "@holdfast/adapters/opentelemetry"
import type { Shop } from "@holdfast/core"
import {
  AggregationTemporality,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
} from "@opentelemetry/sdk-metrics"
import { BatchSpanProcessor, type SpanExporter, TracerProvider } from "@opentelemetry/sdk-trace"
import { collectGarbage } from "../heap.ts"
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

async function run(context: Context): Promise<Result> {
  const { quick, tiny, progress } = context
  const pairs = tiny ? 2 : quick ? 10 : 60
  const orders = tiny ? 64 : quick ? 1_500 : 5_000
  const database = await BenchDatabase.open(context)
  const exported = { spans: 0 }
  const { tracerProvider, meterProvider } = providers(exported, context)
  const shops = {
    off: await database.openShop(),
    on: await database.openShop({ telemetry: openTelemetry({ tracerProvider, meterProvider }) }),
    calls: await database.openShop({ telemetry: openTelemetry({ tracerProvider, meterProvider }), spans: "calls" }),
  }
  const accounts = tiny ? 20 : 2_000
  await furnishAccounts(shops.off, "account-", accounts)
  await shops.off.stock.register({ productId: "hot", name: "Thing", price: 10, onHand: plenty })
  const acknowledged = new Acknowledged()
  let next = 0
  // The host passes the trace of its caller in either case, as it would to whatever it calls.
  // In one piece, as it comes out of a header.
  const traceparent = (n: number): string => Buffer.from(`00-${hex(n + 1, 32)}-${hex(n + 1, 16)}-01`).toString("latin1")
  const cpuPerOrder = async (shop: Shop): Promise<number> => {
    collectGarbage()
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
    const { user, system } = process.cpuUsage(began)
    return (user + system) / orders
  }
  const micros: Record<keyof typeof shops, Array<number>> = { off: [], on: [], calls: [] }
  for (let pair = -1; pair < pairs; pair++) {
    if (pair % 10 === 0) progress(`pair ${pair} of ${pairs}`)
    // Who comes first changes from pair to pair; the first one only warms up.
    const names = ["off", "on", ...(pair % 6 === 0 ? ["calls" as const] : [])] as const
    for (const name of pair % 2 === 0 ? names : names.toReversed()) {
      const measured = await cpuPerOrder(shops[name])
      if (pair >= 0) micros[name].push(measured)
    }
  }
  await tracerProvider.forceFlush()
  const { mean, low, high } = meanWithInterval(quotientsOf(micros.on, micros.off))
  const everySixth = micros.off.filter((_, pair) => pair % 6 === 0)
  const perCall = meanWithInterval(quotientsOf(micros.calls, everySixth))
  return {
    ratios: { telemetryCpuToOff: significant(mean, 3), callSpansCpuToOff: significant(perCall.mean, 3) },
    figures: {
      telemetryCpuToOffLow: significant(low, 3),
      telemetryCpuToOffHigh: significant(high, 3),
      pairs,
      ordersOfAHalf: orders,
      offMicros: significant(meanWithInterval(micros.off).mean, 3),
      onMicros: significant(meanWithInterval(micros.on).mean, 3),
      spansExported: exported.spans,
    },
    audit: { ok: exported.spans > 0 && (await addsUp(database, shops.off, acknowledged, context)) },
    plots: [
      {
        type: "bars",
        title: "CPU of the shop's process per order",
        caption:
          "Geometric means. Every call names the trace of its caller; spans are exported in batches, metrics each second.",
        yLabel: "microseconds",
        bars: [
          { name: "without", value: meanWithInterval(micros.off).mean },
          { name: "a span for each batch, and metrics", value: meanWithInterval(micros.on).mean },
          { name: "a span for each call as well", value: meanWithInterval(micros.calls).mean },
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
const providers = (exported: { spans: number }, { atEnd }: Context) => {
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
  const collecting = setInterval(() => metrics.reset(), 5_000)
  const reader = new PeriodicExportingMetricReader({
    exporter: metrics,
    exportIntervalMillis: 1_000,
    exportTimeoutMillis: 900,
  })
  const meterProvider = new MeterProvider({ readers: [reader] })
  atEnd(async () => {
    clearInterval(collecting)
    await meterProvider.shutdown()
    await tracerProvider.shutdown()
  })
  return { tracerProvider, meterProvider }
}
