import { type Context, Effect, Exit, Layer, Tracer } from "effect"
import { describe, expect, it } from "vitest"
import { createHoldfast, Holdfast, Points, spanOfTraceparent } from "../../src/index.ts"
import { MemoryStore } from "../../src/memory/index.ts"
import { Store, type StoreFault, type StoreShape } from "../../src/ports/index.ts"

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

/** A tracer of which one part throws. */
const throwing = (part: "span" | "attribute" | "event" | "end"): Tracer.Tracer =>
  Tracer.make({
    span: (options) => {
      if (part === "span") throw new Error("no span")
      return Object.assign(new Tracer.NativeSpan(options), {
        [part]: () => {
          throw new Error(`no ${part}`)
        },
      })
    },
  })

describe("given a host's own code that throws while it looks on, calls are answered", () => {
  const lossy = async (losses: number, before: Effect.Effect<void>) => {
    const store = await Effect.runPromise(MemoryStore.make)
    const lost = Effect.fail({ _tag: "Lost", reason: "cut" } as const)
    const transact: StoreShape["transact"] = (keys, decide) =>
      losses-- > 0 ? Effect.andThen(before, lost) : store.transact(keys, decide)
    return { name: "lossy", layer: Layer.succeed(Store, { ...store, transact }) }
  }

  it.for(["span", "attribute", "event", "end"] as const)("where its tracer does: %s", async (part) => {
    const shop = createHoldfast({
      store: await lossy(1, Effect.void),
      spans: "calls",
      telemetry: {
        name: "throwing",
        tracer: throwing(part),
        activeSpan: () => {
          throw new Error("no context")
        },
        observe: () => () => {},
      },
    })
    await shop.points.open({ accountId: "ada" })
    expect(await shop.points.charge({ accountId: "ada", amount: 5, key: "1" })).toMatchObject({ balance: 5 })
    await shop.stop()
  })

  it("where its logger does", async () => {
    let heard = 0
    const shop = createHoldfast({
      store: await lossy(1, Effect.logWarning("cut")),
      logger: () => {
        heard++
        throw new Error("no disk")
      },
    })
    expect(await shop.points.open({ accountId: "ada" })).toMatchObject({ state: "open" })
    expect(heard).toBeGreaterThan(0)
    await shop.stop()
  })
})

describe("given a store that fails with what is no fault", () => {
  it("its batch is answered as unknown, and the lane goes on", async () => {
    const store = await Effect.runPromise(MemoryStore.make)
    let failures = 1
    const transact: StoreShape["transact"] = (keys, decide) =>
      failures-- > 0 ? Effect.fail({ _tag: "Busy" } as unknown as StoreFault) : store.transact(keys, decide)
    const shop = createHoldfast({ store: { name: "odd", layer: Layer.succeed(Store, { ...store, transact }) } })
    const ada = await shop.safe.points.open({ accountId: "ada" })
    expect(ada).toMatchObject({ ok: false, error: { code: "STORE_UNAVAILABLE", outcome: "unknown" } })
    expect(await shop.points.open({ accountId: "bob" })).toMatchObject({ state: "open" })
    await shop.stop()
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

  it("is sampled where the last bit of its flags is set", () => {
    const sampled = (flags: number) =>
      spanOfTraceparent(`00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-${flags.toString(16).padStart(2, "0")}`)
        ?.sampled
    for (let flags = 0; flags < 256; flags++) expect(sampled(flags), `flags ${flags}`).toBe(flags % 2 === 1)
  })

  it.each([
    undefined,
    "",
    "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-00000000000000000000000000000000-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
    "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-what-the-future-will-be-like",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-",
    "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.",
    "cc-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01.what",
  ])("%s is none", (text) => {
    expect(spanOfTraceparent(text)).toBeUndefined()
  })
})
