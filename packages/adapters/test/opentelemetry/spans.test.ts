import { type CreateOptions, createHoldfast, HoldfastError, type Shop } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"
import { context, createTraceState, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api"
import {
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
  StackContextManager,
  TracerProvider,
} from "@opentelemetry/sdk-trace"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { openTelemetry } from "../../src/opentelemetry/index.ts"

beforeAll(() => {
  context.setGlobalContextManager(new StackContextManager().enable())
})
afterAll(() => {
  context.disable()
})

const traced = async (options: Omit<CreateOptions, "store" | "telemetry"> = {}) => {
  const exporter = new InMemorySpanExporter()
  const tracerProvider = new TracerProvider({ spanProcessors: [new SimpleSpanProcessor({ exporter })] })
  const shop = createHoldfast({ ...options, store: memory(), telemetry: openTelemetry({ tracerProvider }) })
  await shop.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 2 })
  await shop.points.open({ accountId: "ann" })
  await shop.points.charge({ accountId: "ann", amount: 1_000, key: "opening" })
  exporter.reset()
  return { shop, exporter, host: tracerProvider.getTracer("host") }
}

const buy = (shop: Shop, key: string, quantity = 1, traceparent?: string) =>
  shop.orders.place({ accountId: "ann", lines: [{ productId: "tee", quantity }], key }, { traceparent })

const batchesOf = (spans: ReadonlyArray<ReadableSpan>) => spans.filter(({ kind }) => kind === SpanKind.CLIENT)

describe("spans of a host without Effect", () => {
  it("are one for each batch, linked to the spans of its calls, named by the conventions for databases", async () => {
    const { shop, exporter, host } = await traced()
    const callers = ["a", "b"].map((name) => host.startSpan(name))
    const charged = callers.map((span, index) =>
      context.with(trace.setSpan(context.active(), span), () =>
        shop.points.charge({ accountId: "ann", amount: 1, key: `c${index}` }),
      ),
    )
    await Promise.all(charged)
    await shop.stop()
    const batches = batchesOf(exporter.getFinishedSpans())
    const linked = batches.flatMap(({ links }) => links.map((link) => link.context.spanId))
    expect(linked.sort()).toEqual(callers.map((span) => span.spanContext().spanId).sort())
    for (const batch of batches) {
      expect(batch.name).toBe("BATCH points.charge")
      expect(batch.status.code).toBe(SpanStatusCode.UNSET)
      expect(batch.attributes).toMatchObject({ "db.system.name": "memory", "db.query.summary": "BATCH points.charge" })
    }
    expect(exporter.getFinishedSpans()).toHaveLength(batches.length)
  })

  it("are linked once to a caller that asks for much in one go", async () => {
    const { shop, exporter, host } = await traced()
    const callers = ["a", "b"].map((name) => host.startSpan(name))
    const charged = callers.flatMap((span, caller) =>
      context.with(trace.setSpan(context.active(), span), () =>
        Array.from({ length: 200 }, (_, n) =>
          shop.points.charge({ accountId: "ann", amount: 1, key: `${caller} ${n}` }),
        ),
      ),
    )
    await Promise.all(charged)
    await shop.stop()
    const batches = batchesOf(exporter.getFinishedSpans())
    const linked = batches.map(({ links }) => links.map((link) => link.context.spanId))
    for (const ids of linked) expect(ids).toEqual([...new Set(ids)])
    expect(new Set(linked.flat())).toEqual(new Set(callers.map((span) => span.spanContext().spanId)))
  })

  it("know of a caller's span that it is of this process, and its trace state", async () => {
    const { shop, exporter, host } = await traced()
    const traceState = createTraceState("vendor=7")
    const remote = {
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      traceFlags: 1,
      traceState,
    }
    const above = trace.setSpanContext(context.active(), { ...remote, isRemote: true })
    const mine = host.startSpan("mine", {}, above)
    await context.with(trace.setSpan(above, mine), () => shop.points.charge({ accountId: "ann", amount: 1, key: "c" }))
    await context.with(above, () => shop.points.charge({ accountId: "ann", amount: 1, key: "d" }))
    await shop.stop()
    const [first, second] = batchesOf(exporter.getFinishedSpans())
    expect(first?.parentSpanContext).toEqual(mine.spanContext())
    expect(first?.parentSpanContext?.isRemote).not.toBe(true)
    expect(second?.parentSpanContext).toEqual({ ...remote, isRemote: true })
    expect(first?.links[0]?.context).toEqual(mine.spanContext())
    expect(first?.spanContext().traceState?.get("vendor")).toBe("7")
  })

  it.each([null, 5, {}, "", "00-1-2-01"])(
    "given %j for a traceparent, the call is answered and linked to nothing",
    async (given) => {
      const { shop, exporter } = await traced()
      const options = JSON.parse(JSON.stringify({ traceparent: given }))
      const charged = await shop.points.charge({ accountId: "ann", amount: 1, key: "c" }, options)
      expect(charged.balance).toBe(1_001)
      expect(await shop.points.balance("ann", options)).toBe(1_001)
      await shop.stop()
      expect(batchesOf(exporter.getFinishedSpans()).map(({ links }) => links)).toEqual([[]])
    },
  )

  it("belong to the trace of an incoming traceparent, where the call is alone in its batch", async () => {
    const { shop, exporter } = await traced()
    await buy(shop, "one", 1, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    await buy(shop, "two", 1, "00-00000000000000000000000000000000-b7ad6b7169203331-01")
    await shop.stop()
    const [one, two] = exporter.getFinishedSpans()
    expect(one?.spanContext().traceId).toBe("0af7651916cd43dd8448eb211c80319c")
    expect(one?.parentSpanContext?.spanId).toBe("b7ad6b7169203331")
    expect(one?.attributes).not.toHaveProperty("db.operation.batch.size")
    expect(two?.parentSpanContext).toBeUndefined()
  })

  it("are one for each call too where that is asked for, with how it ended", async () => {
    const { shop, exporter } = await traced({ spans: "calls" })
    await buy(shop, "one", 1, "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    await expect(buy(shop, "many", 9)).rejects.toThrow(HoldfastError)
    await shop.stop()
    const spans = exporter.getFinishedSpans()
    const [placed, refused] = spans.filter(({ name }) => name === "holdfast.orders.place")
    expect(placed?.attributes).toMatchObject({ "holdfast.operation": "orders.place", "holdfast.outcome": "Accepted" })
    expect(placed?.parentSpanContext?.spanId).toBe("b7ad6b7169203331")
    // A refusal is an answer, and no failure of the shop.
    expect(refused?.attributes).toMatchObject({ "holdfast.outcome": "Refused", "error.type": "OutOfStock" })
    expect(refused?.status.code).toBe(SpanStatusCode.UNSET)
    expect(batchesOf(spans).map(({ links }) => links[0]?.context.spanId)).toEqual(
      [placed, refused].map((span) => span?.spanContext().spanId),
    )
    // Nothing of anybody's is in a span.
    expect(JSON.stringify(spans.map(({ name, attributes }) => [name, attributes]))).not.toMatch(/ann|tee|one/)
  })

  it("are refused by options that are none", () => {
    expect(() => createHoldfast({ telemetry: Object.assign({}, { name: "none" }) as never })).toThrow(/telemetry/)
    expect(() => openTelemetry({ ...({ tracerProvder: 1 } as object) })).toThrow(/tracerProvider/)
    expect(() => openTelemetry({ tracerProvider: Object.assign({}) })).toThrow(/must be a tracer provider/)
  })
})
