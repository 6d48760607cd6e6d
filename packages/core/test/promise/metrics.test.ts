import { Effect, Layer } from "effect"
import { describe, expect, it } from "vitest"
import { createHoldfast, type LogFields, measurementsOf, prometheusName } from "../../src/index.ts"
import { InterleavingStore, MemoryStore, memory } from "../../src/memory/index.ts"
import { Store } from "../../src/ports/index.ts"
import { controlledStore, gate } from "../support/controlledStore.ts"

/** A shop whose store joins every transaction: there is nothing to join, and the calls take the way inside all the same. */
const joinableShop = async () => {
  const store = await Effect.runPromise(controlledStore())
  const layer = Layer.succeed(Store, { ...store.shape, join: () => Effect.succeed(store.shape) })
  const shop = createHoldfast({ store: { name: "joinable", layer } })
  await shop.points.open({ accountId: "ada" })
  await shop.stock.register({ productId: "tea", name: "Tea", price: 1, onHand: 3 })
  await shop.points.charge({ accountId: "ada", amount: 9, key: "first" })
  return { shop, store }
}

const lines = [{ productId: "tea", quantity: 1 }]

describe("the counts of operations", () => {
  it("given calls inside a host's transaction, have them like all others", async () => {
    const { shop } = await joinableShop()
    const inside = shop.within({})
    for (const key of ["1", "2", "2"]) await inside.orders.place({ accountId: "ada", lines, key })
    await shop.orders.place({ accountId: "ada", lines, key: "3" })
    await inside.orders.place({ accountId: "ada", lines, key: "4" }).catch(() => {})
    await inside.orders.place({ accountId: "eve", lines, key: "5" }).catch(() => {})
    const { operations } = (await shop.health()).metrics
    expect(operations["orders.place"]).toEqual({ accepted: 3, replayed: 1, refused: 2, unavailable: 0, defects: 0 })
  })

  it("given a caller who left, have what was decided all the same, and once", async () => {
    const { shop, store } = await joinableShop()
    const held = gate()
    store.behave = held.behave
    const controller = new AbortController()
    const left = shop.orders.place({ accountId: "ada", lines, key: "1" }, { signal: controller.signal })
    await expect.poll(() => held.waiting).toBe(1)
    controller.abort("gone")
    await expect(left).rejects.toBe("gone")
    held.open()
    expect(await shop.orders.place({ accountId: "ada", lines, key: "1" })).toMatchObject({ replayed: true })
    const { operations } = (await shop.health()).metrics
    expect(operations["orders.place"]).toEqual({ accepted: 1, replayed: 1, refused: 0, unavailable: 0, defects: 0 })
  })
})

describe("the time with a batch in hand", () => {
  it("only grows, also where the clock is set back meanwhile", async () => {
    const store = await Effect.runPromise(controlledStore())
    let now = 3_600_000
    store.behave = (_, run) => {
      now -= 60_000
      return Effect.delay(run, 20)
    }
    const shop = createHoldfast({ store: store.option, clock: () => now })
    let before = 0
    for (const accountId of ["ada", "eve"]) {
      await shop.points.open({ accountId })
      const { laneBusyMillis } = (await shop.health()).metrics
      expect(laneBusyMillis - before).toBeGreaterThan(15)
      before = laneBusyMillis
    }
    await shop.stop()
  })
})

describe("the backlog of a subscription", () => {
  it("is told by the process that has the lease: what waits, how old it is, and what was parked", async () => {
    let time = 1_000_000
    const said: Array<readonly [string, LogFields]> = []
    const shop = createHoldfast({
      store: memory(),
      clock: () => time,
      logger: (_level, message, fields) => said.push([message, fields]),
    })
    await shop.points.open({ accountId: "ada" })
    let refuse = true
    const parkNext = { attempts: 1, concurrency: 1 }
    await shop.events.subscribe(
      "mail",
      () => (refuse ? Promise.reject(new Error("no letterbox")) : undefined),
      parkNext,
    )
    await shop.points.charge({ accountId: "ada", amount: 1, key: "1" })
    await shop.events.settled("mail")
    const [mail] = (await shop.health()).subscriptions
    expect(mail).toEqual({
      name: "mail",
      hasLease: true,
      takeovers: 1,
      backlog: { waiting: 0, parked: 1, oldestAgeMillis: 0 },
    })
    expect(said.find(([message]) => message.startsWith("Parked"))?.[1]).toMatchObject({
      subscription: "mail",
      type: "points.charged",
      event: expect.any(String),
      stack: expect.stringMatching(/no letterbox\n +at /),
    })
    refuse = false
    await shop.stop()
    time += 1
  })

  it("given an event that no handler takes, grows older with the clock", async () => {
    let time = 1_000_000
    const shop = createHoldfast({ store: memory(), clock: () => time })
    await shop.points.open({ accountId: "ada" })
    const begun = Promise.withResolvers<void>()
    await shop.events.subscribe("slow", () => {
      begun.resolve()
      return new Promise(() => {})
    })
    await shop.points.charge({ accountId: "ada", amount: 1, key: "1" })
    await begun.promise
    time += 30_000
    const [slow] = (await shop.health()).subscriptions
    expect(slow?.backlog).toEqual({ waiting: 1, parked: 0, oldestAgeMillis: 30_000 })
    await shop.stop()
  })

  it("given one that takes longer to count than a report may, is told as soon as it is known", async () => {
    const store = await Effect.runPromise(MemoryStore.make)
    let looks = 0
    const depth: typeof store.outbox.depth = (name) =>
      Effect.suspend(() => {
        looks++
        return Effect.delay(store.outbox.depth(name), 1_200)
      })
    const layer = Layer.succeed(Store, { ...store, outbox: { ...store.outbox, depth } })
    const shop = createHoldfast({ store: { name: "deep", layer } })
    await shop.points.open({ accountId: "ada" })
    await shop.events.subscribe("slow", () => new Promise(() => {}))
    await shop.points.charge({ accountId: "ada", amount: 1, key: "1" })
    const backlog = async () => (await shop.health()).subscriptions[0]?.backlog?.waiting
    await expect.poll(backlog).toBe(1)
    // It was looked at once, and a look that took long is not repeated at once.
    expect([await backlog(), looks]).toEqual([1, 1])
    await shop.stop()
  })

  it("is nobody's where this process serves nothing", async () => {
    const shop = createHoldfast({ store: memory(), workers: false })
    await shop.start()
    await shop.events.subscribe("mail", () => {})
    expect((await shop.health()).subscriptions).toEqual([])
    await shop.stop()
  })
})

describe("the metrics of a shop", () => {
  it("count decisions that others were in the way of, and the batches that locked first", async () => {
    const store = await Effect.runPromise(InterleavingStore.make())
    const shops = ["a", "b"].map(() => createHoldfast({ store: { name: "one", layer: Layer.succeed(Store, store) } }))
    const [first, second] = shops
    await first?.points.open({ accountId: "ada" })
    await Promise.all(
      Array.from({ length: 40 }, (_, index) =>
        (index % 2 === 0 ? first : second)?.points.charge({ accountId: "ada", amount: 1, key: `k${index}` }),
      ),
    )
    const metrics = (await first?.health())?.metrics
    expect(metrics?.conflicts).toBeGreaterThan(0)
    expect(metrics?.lockedBatches).toBeGreaterThan(0)
    for (const shop of shops) await shop.stop()
  })

  it("have the same names in every report, each once, as Prometheus writes them", async () => {
    const shop = createHoldfast({ store: memory() })
    await shop.start()
    const before = measurementsOf(await shop.health()).map(prometheusName)
    await shop.points.open({ accountId: "ada" })
    await shop.events.subscribe("mail", () => {})
    const after = measurementsOf(await shop.health()).map(prometheusName)
    expect(after).toEqual(before)
    expect(new Set(after).size).toBe(after.length)
    for (const name of after) expect(name).toMatch(/^holdfast_[a-z_]+$/)
    await shop.stop()
  })
})
