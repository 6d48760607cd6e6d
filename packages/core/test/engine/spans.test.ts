import { type Context, Effect, Exit, Layer, Tracer } from "effect"
import { describe, expect, it } from "vitest"
import { Holdfast, Points, spanOfTraceparent } from "../../src/index.ts"
import { MemoryStore } from "../../src/memory/index.ts"
import { Store } from "../../src/ports/index.ts"

/** A tracer that keeps what it is given, as a program in Effect would provide one of `effect/observability`. */
const keeping = () => {
  const spans: Array<Tracer.NativeSpan> = []
  const tracer = Tracer.make({
    span: (options) => {
      const span = new Tracer.NativeSpan(options)
      spans.push(span)
      return span
    },
  })
  return { spans, layer: Layer.succeed(Tracer.Tracer, tracer) }
}

const points = <A, E>(use: (points: Context.Service.Shape<typeof Points>) => Effect.Effect<A, E>) =>
  Effect.flatMap(Points, use)

describe("spans of a program in Effect", () => {
  it("go to its own tracer: one for each batch, linked to the spans that its calls were made in", async () => {
    const { spans, layer } = keeping()
    const calls = points((service) =>
      Effect.gen(function* () {
        yield* service.open({ accountId: "ada" })
        yield* Effect.forEach(["1", "2", "3"], (key) => service.charge({ accountId: "ada", amount: 1, key }), {
          concurrency: "unbounded",
        }).pipe(Effect.withSpan("checkout"))
      }),
    )
    const shop = Holdfast.layer.pipe(Layer.provide(MemoryStore.layer))
    await Effect.runPromise(calls.pipe(Effect.provide(Layer.provideMerge(shop, layer))))
    const checkout = spans.find(({ name }) => name === "checkout")
    const charged = spans.filter(({ name }) => name === "BATCH points.charge")
    expect(charged.length).toBeGreaterThan(0)
    expect(charged.length).toBeLessThanOrEqual(3)
    for (const batch of charged) {
      expect(batch.kind).toBe("client")
      expect(batch.links.map(({ span }) => span.spanId)).toEqual([checkout?.spanId])
      expect(batch.status._tag).toBe("Ended")
    }
    expect(
      charged.reduce((sum, { attributes }) => sum + Number(attributes.get("db.operation.batch.size") ?? 1), 0),
    ).toBe(3)
  })

  it("fail where the store lost a batch, with an event for each time", async () => {
    const { spans, layer } = keeping()
    const store = await Effect.runPromise(MemoryStore.make)
    let losses = 2
    const lossy = Layer.succeed(Store, {
      ...store,
      transact: (keys, decide) =>
        losses-- > 0 ? Effect.fail({ _tag: "Lost", reason: "cut" } as const) : store.transact(keys, decide),
    })
    const shop = Holdfast.layer.pipe(Layer.provide(lossy))
    await Effect.runPromise(
      points((service) => service.open({ accountId: "ada" })).pipe(Effect.provide(Layer.provideMerge(shop, layer))),
    )
    const [batch] = spans
    const noted = batch?.events.map(([name]) => name).filter((name) => name.startsWith("holdfast."))
    expect(noted).toEqual(["holdfast.lost", "holdfast.lost"])
    expect(batch?.attributes.get("error.type")).toBe("Lost")
    expect(batch?.status._tag === "Ended" && Exit.isFailure(batch.status.exit)).toBe(true)
  })

  it("are none where the program has no tracer of its own", async () => {
    let seen: Tracer.AnySpan | undefined
    const store = await Effect.runPromise(MemoryStore.make)
    const looking = Layer.succeed(Store, {
      ...store,
      transact: (keys, decide) =>
        Effect.flatMap(Effect.option(Effect.currentParentSpan), (span) => {
          seen = span._tag === "Some" ? span.value : undefined
          return store.transact(keys, decide)
        }),
    })
    await Effect.runPromise(
      points((service) => service.open({ accountId: "ada" })).pipe(
        Effect.provide(Holdfast.layer.pipe(Layer.provide(looking))),
      ),
    )
    expect(seen).toBeUndefined()
  })
})

describe("a traceparent", () => {
  it.each([
    ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", true],
    ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-00", false],
    ["cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more", true],
  ])("%s is a span of another process, sampled %s", (text, sampled) => {
    expect(spanOfTraceparent(text)).toMatchObject({
      traceId: "0af7651916cd43dd8448eb211c80319c",
      spanId: "b7ad6b7169203331",
      sampled,
    })
  })

  it.each([
    undefined,
    "",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
  ])("%s is none", (text) => {
    expect(spanOfTraceparent(text)).toBeUndefined()
  })
})
