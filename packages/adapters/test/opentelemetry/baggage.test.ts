/**
 * Whose baggage is with which span, for a host whose contexts go with promises, timers and sockets: what processors of spans
 * copy from there into attributes is somebody's.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { type CreateOptions, createHoldfast } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"
import { type Context, type ContextManager, context, propagation, ROOT_CONTEXT } from "@opentelemetry/api"
import { type SpanProcessor, TracerProvider } from "@opentelemetry/sdk-trace"
import { Context as EffectContext, Option, type Tracer } from "effect"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { openTelemetry } from "../../src/opentelemetry/index.ts"
import { tracerOn } from "../../src/opentelemetry/spans.ts"

const active = new AsyncLocalStorage<Context>()
const manager: ContextManager = {
  active: () => active.getStore() ?? ROOT_CONTEXT,
  with: (inner, run, self, ...args) => active.run(inner, () => Reflect.apply(run, self, args)),
  bind: (_, target) => target,
  enable: () => manager,
  disable: () => manager,
}

beforeAll(() => void context.setGlobalContextManager(manager))
afterAll(() => context.disable())

/** A provider that notes the baggage that each span is begun with. */
const noting = () => {
  const seen: Array<readonly [name: string, user: string | undefined]> = []
  const processor: SpanProcessor = {
    onStart: (span, parent) => void seen.push([span.name, propagation.getBaggage(parent)?.getEntry("user")?.value]),
    onEnd: () => {},
    forceFlush: async () => {},
    shutdown: async () => {},
  }
  return { seen, tracerProvider: new TracerProvider({ spanProcessors: [processor] }) }
}

const as = <A>(user: string, run: () => A): A =>
  context.with(propagation.setBaggage(ROOT_CONTEXT, propagation.createBaggage({ user: { value: user } })), run)

const seenOf = async (options: CreateOptions) => {
  const { seen, tracerProvider } = noting()
  const shop = createHoldfast({ ...options, store: memory(), telemetry: openTelemetry({ tracerProvider }) })
  for (const user of ["ann", "bob"]) await as(user, () => shop.points.open({ accountId: user }))
  await shop.stop()
  return seen
}

describe("the baggage of a caller", () => {
  it("is with no batch, whoever started the shop", async () => {
    expect(await seenOf({})).toEqual([
      ["BATCH points.open", undefined],
      ["BATCH points.open", undefined],
    ])
  })

  it("is with the own calls, where each has a span", async () => {
    const calls = (await seenOf({ spans: "calls" })).filter(([name]) => name === "holdfast.points.open")
    expect(calls.map(([, user]) => user)).toEqual(["ann", "bob"])
  })

  it("is with no batch either where a lane has to run in it", () => {
    const { seen, tracerProvider } = noting()
    const tracer = tracerOn(() => tracerProvider.getTracer("test"))
    for (const kind of ["client", "internal"] as const) as("ann", () => tracer.span(spanOptions(kind)))
    expect(seen).toEqual([
      ["client", undefined],
      ["internal", "ann"],
    ])
  })
})

const spanOptions = (kind: "client" | "internal"): Parameters<Tracer.Tracer["span"]>[0] => ({
  name: kind,
  kind,
  parent: Option.none(),
  annotations: EffectContext.empty(),
  links: [],
  startTime: 0n,
  root: true,
  sampled: true,
})
