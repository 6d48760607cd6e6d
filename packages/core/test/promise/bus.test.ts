import { Effect, Layer } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { type BusOption, type CreateOptions, createHoldfast, EventBus, inProcessBus } from "../../src/index.ts"
import { memory } from "../../src/memory/index.ts"

const shopWith = (options: CreateOptions) => {
  const shop = createHoldfast(options)
  onTestFinished(() => shop.stop())
  return shop
}

/** A bus that is away until it is mended, and keeps what it takes. */
const breakable = () => {
  const taken: Array<string> = []
  const state = { away: false }
  const service = EventBus.of({
    publish: (events) =>
      Effect.suspend(() =>
        state.away
          ? Effect.fail({ _tag: "BusFault", reason: "no broker" } as const)
          : Effect.sync(() => void taken.push(...events.map(({ type, key }) => `${type} ${key}`))),
      ),
    subscribe: () => Effect.void,
  })
  const bus: BusOption = { name: "breakable", layer: Layer.succeed(EventBus, service) }
  return { bus, taken, state }
}

describe("the bus of a shop", () => {
  it("given a bus in process → its subscribers get what is committed, in order", async () => {
    const bus = inProcessBus()
    const heard: Array<string> = []
    const shop = shopWith({ bus })
    await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const subscribe = bus.service.subscribe
          yield* subscribe("mail" as never, (events) =>
            Effect.sync(() => void heard.push(...events.map(({ type }) => type))),
          )
          yield* Effect.promise(() => shop.points.open({ accountId: "ann" }))
          yield* Effect.promise(() => shop.points.charge({ accountId: "ann", amount: 5, key: "k" }))
          yield* Effect.promise(() => expect.poll(() => heard).toEqual(["points.opened", "points.charged"]))
        }),
      ),
    )
    const { bus: health } = await shop.health()
    expect(health).toMatchObject({ name: "in process", reachable: true, published: 2, failures: 0, oldestMillis: 0 })
  })

  it("given a bus that is away → sales go on, their age shows, and everything comes in order once it is back", async () => {
    const { bus, taken, state } = breakable()
    state.away = true
    let now = 1_000_000
    const shop = shopWith({ bus, clock: () => now })
    await shop.points.open({ accountId: "ann" })
    await expect.poll(async () => (await shop.health()).bus?.reachable).toBe(false)
    now += 60_000
    await shop.points.charge({ accountId: "ann", amount: 5, key: "k" })
    const health = await shop.health()
    expect(health.status).toBe("ok")
    expect(health.bus?.oldestMillis).toBe(60_000)
    expect(health.bus?.failures).toBeGreaterThan(0)
    expect(await shop.events.depth("event-bus")).toMatchObject({ waiting: 2 })
    state.away = false
    await shop.events.settled("event-bus")
    expect(taken).toEqual(["points.opened ann", "points.charged ann"])
  })

  it("given a process without workers → what it commits waits for one that has them", async () => {
    const { bus, taken } = breakable()
    const store = memory()
    const seller = shopWith({ bus, store, workers: false })
    await seller.points.open({ accountId: "ann" })
    expect(await seller.events.depth("event-bus")).toMatchObject({ waiting: 1 })
    expect(taken).toEqual([])
    await seller.stop()
    const worker = shopWith({ bus, store })
    await worker.points.open({ accountId: "bob" })
    await worker.events.settled("event-bus")
    expect(taken).toContain("points.opened bob")
  })

  it("given something that is no bus → is refused before anything happens", () => {
    expect(() => createHoldfast({ bus: "kafka" as never })).toThrow(
      expect.objectContaining({
        message:
          "The input is not valid: /bus: must be a bus, such as inProcessBus() or kafka({ kafka, topic, source }).",
      }),
    )
  })
})
