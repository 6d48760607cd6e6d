import { behind } from "@holdfast/test-services/leaving"
import { Effect, Layer } from "effect"
import { describe, expect, it } from "vitest"
import {
  type CreateOptions,
  createHoldfast,
  Orders,
  Points,
  type Shop,
  Store,
  type StoreFault,
} from "../../src/index.ts"
import { controlledStore, gate } from "../support/controlledStore.ts"
import { endOf, furnishedShop, memoryStore, openShop } from "../support/shop.ts"
import { unprintables } from "../support/unprintables.ts"

/** A store that counts how often it is opened and let go, and can fail to open. */
const countedStore = (failures: ReadonlyArray<StoreFault> = []) => {
  const left = [...failures]
  const seen = { opened: 0, closed: 0 }
  const { shape } = memoryStore()
  const open = Effect.suspend(() => {
    const fault = left.shift()
    if (fault !== undefined) return Effect.fail(fault)
    seen.opened += 1
    return Effect.succeed(shape)
  })
  const close = Effect.sync(() => {
    seen.closed += 1
  })
  return {
    seen,
    option: {
      name: "counted",
      layer: Layer.effect(
        Store,
        Effect.acquireRelease(open, () => close),
      ),
    },
  }
}

describe("starting", () => {
  it("waits for the first call: the constructor opens nothing", async () => {
    const { seen, option } = countedStore()
    const shop = createHoldfast({ store: option })
    // Whatever a constructor might begin would have begun by the next turn of the loop.
    await new Promise((resolve) => setImmediate(resolve))
    expect(seen.opened).toBe(0)
    await shop.points.open({ accountId: "ada" })
    await shop.points.balance("ada")
    expect(seen.opened).toBe(1)
  })

  it("happens once, however many calls come at once", async () => {
    const { seen, option } = countedStore()
    const shop = createHoldfast({ store: option })
    const calls = Array.from({ length: 20 }, (_, index) => shop.points.open({ accountId: `a${index}` }))
    await Promise.all([...calls, shop.start(), shop.start(), shop.health()])
    expect(seen.opened).toBe(1)
  })

  it("can be asked for, and makes the first call find an open store", async () => {
    const { seen, option } = countedStore()
    const shop = createHoldfast({ store: option })
    await shop.start()
    expect(seen.opened).toBe(1)
    await shop.start()
    expect(seen.opened).toBe(1)
  })

  it("that failed rejects with what is wrong, and may be tried again", async () => {
    const { seen, option } = countedStore([
      { _tag: "Lost", reason: "connection refused" },
      { _tag: "Rejected", reason: "the schema is too old" },
    ])
    const shop = createHoldfast({ store: option })
    expect(await endOf(shop.start())).toEqual({
      _tag: "StoreUnavailable",
      outcome: "nothing-happened",
      reason: "connection refused",
    })
    // A call that could not be begun is as certain, and so is that trying again is useless.
    await expect(shop.points.open({ accountId: "ada" })).rejects.toMatchObject({
      code: "STORE_REJECTED",
      retryable: false,
      outcome: "nothing-happened",
      message: "The store rejects it: the schema is too old.",
    })
    expect(await shop.points.open({ accountId: "ada" })).toMatchObject({ accountId: "ada", replayed: false })
    expect(seen.opened).toBe(1)
  })

  it("that hangs is waited for by no call beyond its deadline, and by the start itself", async () => {
    const opened = Promise.withResolvers<void>()
    const { option, seen } = countedStore()
    const layer = Layer.unwrap(
      Effect.as(
        Effect.promise(() => opened.promise),
        option.layer,
      ),
    )
    const shop = createHoldfast({ store: { name: "slow", layer }, deadlineMillis: 20 })
    const started = shop.start()
    const no = { _tag: "StoreUnavailable", outcome: "nothing-happened", reason: "the store was not opened in time" }
    expect(await endOf(shop.points.balance("ada"))).toEqual(no)
    expect(await endOf(shop.points.charge({ accountId: "ada", amount: 1, key: "k" }))).toEqual(no)
    expect(await shop.safe.points.open({ accountId: "ada" })).toMatchObject({ ok: false, error: { unavailable: no } })
    opened.resolve()
    await started
    // What was answered so did not happen, also not later.
    await expect.poll(() => endOf(shop.points.balance("ada"))).toMatchObject({ _tag: "AccountNotFound" })
    expect(seen.opened).toBe(1)
    await shop.stop()
  })

  it("that failed is answered by the safe twin like any other no", async () => {
    const { option } = countedStore([{ _tag: "Lost", reason: "connection refused" }])
    const shop = createHoldfast({ store: option })
    const answered = await shop.safe.points.balance("ada")
    expect(answered).toMatchObject({ ok: false, error: { code: "STORE_UNAVAILABLE", retryable: true } })
  })
})

describe("stopping", () => {
  it("lets the store go once, and twice is harmless", async () => {
    const { seen, option } = countedStore()
    const shop = createHoldfast({ store: option })
    await shop.start()
    await Promise.all([shop.stop(), shop.stop({ drainMillis: 0 })])
    await shop.stop()
    expect(seen).toEqual({ opened: 1, closed: 1 })
  })

  it("is for good: calls are answered Stopped, by the throwing and by the safe twin", async () => {
    const shop = await furnishedShop()
    await shop.shop.stop()
    const stopped = { _tag: "Stopped", outcome: "nothing-happened" }
    expect(await endOf(shop.points.charge({ accountId: "ada", amount: 1, key: "k" }))).toEqual(stopped)
    expect(await endOf(shop.points.balance("ada"))).toEqual(stopped)
    expect(await endOf(shop.shop.start())).toEqual(stopped)
    expect(await endOf(shop.shop.health())).toEqual(stopped)
    expect(await endOf(shop.events.depth("n"))).toEqual(stopped)
    const placed = await shop.safe.orders.place({
      accountId: "ada",
      lines: [{ productId: "tea", quantity: 1 }],
      key: "k",
    })
    expect(placed).toMatchObject({ ok: false, error: { code: "STOPPED" } })
    expect(await shop.safe.points.balance("ada")).toMatchObject({ ok: false, error: { code: "STOPPED" } })
  })

  it("waits for what was begun, up to `drainMillis`", async () => {
    const store = await Effect.runPromise(controlledStore())
    const shop = createHoldfast({ store: store.option })
    await shop.points.open({ accountId: "ada" })
    const held = gate()
    store.behave = held.behave
    const charged = endOf(shop.points.charge({ accountId: "ada", amount: 5, key: "k" }))
    const behind = endOf(shop.points.charge({ accountId: "ada", amount: 5, key: "l" }))
    await expect.poll(() => held.waiting).toBe(1)
    const stopping = shop.stop({ drainMillis: 20_000 })
    held.open()
    await stopping
    expect([await charged, await behind]).toMatchObject([{ balance: 5 }, { balance: 10 }])
  })

  it("answers what is left when the time is over, certain or not", async () => {
    const store = await Effect.runPromise(controlledStore())
    const shop = createHoldfast({ store: store.option })
    await shop.points.open({ accountId: "ada" })
    const held = gate()
    store.behave = held.behave
    const inHand = endOf(shop.points.charge({ accountId: "ada", amount: 5, key: "k" }))
    await expect.poll(() => held.waiting).toBe(1)
    const behind = endOf(shop.points.charge({ accountId: "ada", amount: 5, key: "l" }))
    await shop.stop({ drainMillis: 10 })
    expect([await inHand, await behind]).toMatchObject([
      { _tag: "StoreUnavailable", outcome: "unknown" },
      { _tag: "Stopped", outcome: "nothing-happened" },
    ])
  })

  it("before it was ever started opens nothing", async () => {
    const { seen, option } = countedStore()
    const shop = createHoldfast({ store: option })
    await shop.stop()
    expect(await endOf(shop.start())).toMatchObject({ _tag: "Stopped" })
    expect(seen.opened).toBe(0)
  })

  it("while it starts lets go of what was opened", async () => {
    const { seen, option } = countedStore()
    const slow = { name: "slow", layer: Layer.unwrap(Effect.as(Effect.sleep(20), option.layer)) }
    const shop = createHoldfast({ store: slow })
    const opening = endOf(shop.points.open({ accountId: "ada" }))
    await shop.stop()
    expect(await opening).toMatchObject({ _tag: "Stopped" })
    await expect.poll(() => seen.opened === seen.closed).toBe(true)
  })

  it.each([
    ["lets itself be interrupted", (hanging: Effect.Effect<never>) => hanging, 1],
    ["does not", (hanging: Effect.Effect<never>) => Effect.uninterruptible(hanging), 0],
  ])(
    "while a store that hangs is opened, which %s, ends when its time is over, and so does whoever waits",
    async (_, as, lets) => {
      const begun = Promise.withResolvers<void>()
      let released = 0
      const opened = Effect.acquireRelease(Effect.sync(begun.resolve), () => Effect.sync(() => released++))
      const hanging = Effect.flatMap(opened, () => as(Effect.never))
      const shop = createHoldfast({ store: { name: "hung", layer: Layer.effect(Store, hanging) } })
      const waiting = [endOf(shop.start()), endOf(shop.points.open({ accountId: "ada" }))]
      await begun.promise
      await shop.stop({ drainMillis: 10 })
      expect(await Promise.all(waiting)).toMatchObject([{ _tag: "Stopped" }, { _tag: "Stopped" }])
      // What was opened on the way is let go, where anything can be.
      await expect.poll(() => released).toBe(lets)
    },
  )

  it("in the very turn in which a start is given up lets go of what was opened", async () => {
    /** A shop whose store does so many operations when it is opened. */
    const shopAfter = (operations: number) => {
      const { seen, option } = countedStore()
      const layer = Layer.flatMap(option.layer, (store) =>
        Layer.effectContext(behind(operations, Effect.succeed(store))),
      )
      return { seen, shop: createHoldfast({ store: { name: "counted", layer }, workers: false }) }
    }
    const startsInOneTurn = async (operations: number): Promise<boolean> => {
      const { shop } = shopAfter(operations)
      let hasStarted = false
      const started = shop.start().then(() => {
        hasStarted = true
      })
      for (let turn = 0; turn < 20; turn++) await Promise.resolve()
      const inOneTurn = hasStarted
      await started
      await shop.stop()
      return inOneTurn
    }
    // Effect lets others run after 2,048 operations. With the most that leave a start in one turn, that is just when all is built.
    let most = 0
    for (let step = 1_024; step >= 1; step /= 2) if (await startsInOneTurn(most + step)) most += step
    const held: Array<number> = []
    for (let operations = most; operations < most + 60; operations++) {
      const { seen, shop } = shopAfter(operations)
      const started = shop.start().catch(() => {})
      const stopped = shop.stop({ drainMillis: 1 })
      // So that the time is over in the next turn, before the start goes on.
      for (const since = performance.now(); performance.now() < since + 1.5; );
      await Promise.all([started, stopped])
      await new Promise((resolve) => setImmediate(resolve))
      if (seen.opened !== seen.closed) held.push(operations)
    }
    expect(held).toEqual([])
  })

  it("comes with the end of an `await using` block", async () => {
    const { seen, option } = countedStore()
    {
      await using shop = createHoldfast({ store: option })
      await shop.points.open({ accountId: "ada" })
      expect(seen.closed).toBe(0)
    }
    expect(seen.closed).toBe(1)
  })
})

describe("a shop among others", () => {
  it("shares nothing with its neighbours", async () => {
    const [left, right] = [createHoldfast(), createHoldfast()]
    await left.points.open({ accountId: "ada" })
    await left.points.charge({ accountId: "ada", amount: 5, key: "k" })
    expect(await endOf(right.points.balance("ada"))).toMatchObject({ _tag: "AccountNotFound" })
    await right.points.open({ accountId: "ada" })
    expect(await right.points.charge({ accountId: "ada", amount: 7, key: "k" })).toMatchObject({ replayed: false })
    await left.stop()
    expect(await right.points.balance("ada")).toBe(7)
  })

  it("touches no global: no name, no listener, no environment", async () => {
    const events = ["exit", "beforeExit", "SIGINT", "SIGTERM", "uncaughtException", "unhandledRejection", "warning"]
    const look = () => ({
      globals: Reflect.ownKeys(globalThis).map(String).sort(),
      listeners: events.map((event) => process.listenerCount(event)),
      environment: { ...process.env },
    })
    const before = look()
    const shop = await furnishedShop()
    await shop.events.subscribe("n", () => {})
    await shop.orders.place({ accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], key: "k" })
    expect(look()).toEqual(before)
    await shop.shop.stop()
    expect(look()).toEqual(before)
  })

  it("leaves a store that the host keeps open to the host", async () => {
    const store = memoryStore()
    const first = await furnishedShop({}, {}, store)
    await first.shop.stop()
    const second = openShop({}, store)
    expect(await second.points.balance("ada")).toBe(10_000)
  })
})

describe("what the host brings", () => {
  it("is its clock: for times, windows and ids", async () => {
    const at = new Date("2030-01-02T03:04:05.678Z")
    const shop = createHoldfast({ clock: () => at })
    await shop.points.open({ accountId: "ada" })
    await shop.points.charge({ accountId: "ada", amount: 5, key: "k" })
    const { items } = await shop.points.entries({ accountId: "ada" })
    expect(items[0]?.at).toEqual(at)
    expect((await shop.popularity.top()).asOf).toEqual(at)
  })

  it("and where that tells no time, nothing is changed: every window would be open, and no coupon would expire", async () => {
    let at: Date | number = 1_700_000_000_000
    await using shop = createHoldfast({ clock: () => at })
    await shop.points.open({ accountId: "ada" })
    const charge = { accountId: "ada", amount: 5, key: "k" }
    for (const none of [new Date("31 days"), Number.NaN, 1 / 0, 1.7e18, -1.7e18]) {
      at = none
      await expect(shop.points.charge(charge)).rejects.toThrow(/clock/)
      await expect(shop.safe.points.charge(charge)).rejects.toThrow(/clock/)
      await expect(shop.orders.cancel({ accountId: "ada", orderId: "o", key: "c" })).rejects.toThrow(/clock/)
    }
    at = 1_700_000_000_001
    expect(await shop.points.charge(charge)).toMatchObject({ balance: 5, replayed: false })
  })

  it("whatever throws where a call begins rejects that call, also behind a start or in a transaction of the host", async () => {
    const { shape } = memoryStore()
    const store = { name: "joins any", layer: Layer.succeed(Store, { ...shape, join: () => Effect.succeed(shape) }) }
    const { signal } = new AbortController()
    const open = { accountId: "ada" }
    const timeless: ReadonlyArray<(shop: Shop) => Promise<unknown>> = [
      (shop) => shop.points.open(open),
      (shop) => shop.safe.points.open(open),
      (shop) => shop.points.open(open, { signal }),
      (shop) => shop.within({}).points.open(open),
    ]
    const ownKeys = (): never => {
      throw new Error("no name of a field can be read")
    }
    const metadata = new Proxy({}, { ownKeys })
    const order = { accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], metadata, key: "o" }
    const unreadable: typeof timeless = [
      (shop) => shop.orders.place(order),
      (shop) => shop.safe.orders.place(order),
      (shop) => shop.orders.place(order, { signal }),
      (shop) => shop.within({}).orders.place(order),
    ]
    const rejected = async (call: (shop: Shop) => Promise<unknown>, options: CreateOptions) => {
      for (const isStarted of [false, true]) {
        await using shop = createHoldfast({ store, ...options })
        if (isStarted) await shop.start()
        expect(await call(shop).then(undefined, (defect: unknown) => defect)).toBeInstanceOf(Error)
      }
    }
    for (const call of timeless) await rejected(call, { clock: () => Number.NaN })
    for (const call of unreadable) await rejected(call, {})
  })

  it("and where its random answers no fraction, nothing is changed: ids would be the same, and pauses of no length", async () => {
    const drawn: Array<unknown> = [Number.NaN, 1, -0.1, "0.5", undefined]
    for (const none of drawn) {
      let [random, at]: [unknown, number] = [none, 1_700_000_000_000]
      // Numbers are drawn for the first id of each millisecond.
      await using shop = createHoldfast({ random: () => random as number, clock: () => at++ })
      await expect(shop.start()).rejects.toThrow(/random must answer numbers from 0/)
      random = 0.5
      await shop.start()
      random = none
      await expect(shop.points.open({ accountId: "ada" })).rejects.toThrow(/random must answer numbers from 0/)
      await expect(shop.points.balance("ada")).rejects.toMatchObject({ code: "ACCOUNT_NOT_FOUND" })
    }
  })

  it("and its randomness: the same clock and the same numbers make the same ids", async () => {
    const run = async () => {
      const numbers = [0.1, 0.7, 0.3]
      let drawn = 0
      const shop = createHoldfast({ clock: () => 1_700_000_000_000, random: () => numbers[drawn++ % 3] ?? 0 })
      await shop.points.open({ accountId: "ada" })
      await shop.stock.register({ productId: "tea", name: "Tea", price: 0, onHand: 9 })
      const place = (key: string) =>
        shop.orders.place({ accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], key })
      return [(await place("a")).orderId, (await place("b")).orderId]
    }
    const [first, second] = [await run(), await run()]
    expect(first).toEqual(second)
    expect(new Set(first).size).toBe(2)
    expect(first[0]).toMatch(/^01HF7YAT00/)
  })

  it("and its logger, which gets what the shop has to say", async () => {
    const said: Array<readonly [level: string, message: string]> = []
    const shop = await furnishedShop({}, { logger: (level, message) => said.push([level, message]) })
    await shop.events.subscribe(
      "mail",
      () => {
        throw new Error("no mail today")
      },
      { attempts: 1 },
    )
    await shop.points.charge({ accountId: "ada", amount: 1, key: "k" })
    await shop.events.settled("mail")
    expect(said.some(([level, message]) => level === "warn" && message.includes("mail"))).toBe(true)
  })

  it.each(Object.entries(unprintables))(
    "which is told why an event was parked, also where that is %s",
    async (_, thrown) => {
      const said: Array<string> = []
      const shop = await furnishedShop({}, { logger: (_level, message) => said.push(message) })
      const heard: Array<string> = []
      await shop.events.subscribe(
        "mail",
        (event) => {
          if (event.type === "points.charged" && event.data.amount === 1) throw thrown()
          heard.push(event.key)
        },
        { attempts: 2, backoff: { baseMillis: 1, maxMillis: 1 } },
      )
      await shop.points.open({ accountId: "bob" })
      await shop.points.charge({ accountId: "ada", amount: 1, key: "k" })
      await shop.points.charge({ accountId: "bob", amount: 2, key: "k2" })
      await shop.events.settled("mail")
      const [parked] = (await shop.events.parked({ name: "mail" })).items
      expect(parked?.reason.length).toBeGreaterThan(2)
      expect(said.filter((message) => message.includes("Parked"))).toEqual([
        expect.stringContaining(`"mail": ${parked?.reason}`),
      ])
      expect(heard).toContain("bob")
    },
  )

  it("and its scope of keys, unless a call names another", async () => {
    const store = memoryStore()
    const ours = await furnishedShop({}, { scope: "ours" }, store)
    const theirs = openShop({ scope: "theirs" }, store)
    const charge = (shop: typeof theirs, more: object = {}) =>
      shop.points.charge({ accountId: "ada", amount: 1, key: "same", ...more })
    expect((await charge(ours)).replayed).toBe(false)
    expect((await charge(theirs)).replayed).toBe(false)
    expect((await charge(theirs, { scope: "ours" })).replayed).toBe(true)
    expect(await ours.points.balance("ada")).toBe(10_002)
  })

  it("and its word on accounts: opened on purpose, or by the first charge", async () => {
    const strict = createHoldfast()
    expect(await endOf(strict.points.charge({ accountId: "ada", amount: 5, key: "k" }))).toMatchObject({
      _tag: "AccountNotFound",
    })
    const easy = openShop({ accounts: "open-on-first-charge" })
    expect(await easy.points.charge({ accountId: "ada", amount: 5, key: "k" })).toMatchObject({ balance: 5, seq: 1 })
    expect((await easy.audit.run()).ok).toBe(true)
  })

  it.each([
    { clock: "stands still", deadlineMillis: 200, now: 0 },
    { clock: "is past it, as after a sleep of the machine", deadlineMillis: 60_000, now: 60_001 },
  ])("and its deadline, kept where its own clock $clock", async ({ deadlineMillis, now }) => {
    const store = await Effect.runPromise(controlledStore())
    const time = { now: 0 }
    const shop = createHoldfast({ store: store.option, clock: () => time.now, deadlineMillis })
    // However long that takes: a call would wait for it until its deadline.
    await shop.start()
    await shop.points.open({ accountId: "ada" })
    const held = gate()
    store.behave = held.behave
    const charged = endOf(shop.points.charge({ accountId: "ada", amount: 5, key: "k" }))
    await expect.poll(() => held.waiting).toBe(1)
    time.now = now
    expect(await charged).toMatchObject({ _tag: "StoreUnavailable", outcome: "unknown" })
    await shop.stop({ drainMillis: 0 })
  })
})

describe("the services of a shop", () => {
  it("see the same data from a program in Effect, and start it where it was not started", async () => {
    const { seen, option } = countedStore()
    const shop = createHoldfast({ store: option })
    const program = Effect.gen(function* () {
      const points = yield* Points
      yield* points.open({ accountId: "ada" })
      yield* points.charge({ accountId: "ada", amount: 5, key: "k" })
      const orders = yield* Orders
      return yield* Effect.flip(
        orders.place({ accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], key: "c" }),
      )
    })
    const refusal = await Effect.runPromise(Effect.provide(program, shop.services))
    expect(refusal).toEqual({ _tag: "ProductNotFound", productIds: ["tea"] })
    expect(await shop.points.balance("ada")).toBe(5)
    expect(await shop.points.charge({ accountId: "ada", amount: 5, key: "k" })).toMatchObject({ replayed: true })
    expect(seen).toEqual({ opened: 1, closed: 0 })
  })
})

describe("a store that is away for a moment", () => {
  it("is waited for by a cancel, which reads its order first, as by every other call that moves something", async () => {
    const { shape } = memoryStore()
    let away = 0
    let asked = 0
    const lost = Effect.fail<StoreFault>({ _tag: "Lost", reason: "gone" })
    const order: typeof shape.reads.order = (id) =>
      Effect.suspend(() => {
        asked++
        return away-- > 0 ? lost : shape.reads.order(id)
      })
    const store = { name: "away", layer: Layer.succeed(Store, { ...shape, reads: { ...shape.reads, order } }) }
    const time = { now: 0 }
    await using shop = createHoldfast({ store, clock: () => time.now })
    await shop.stock.register({ productId: "tea", name: "Tea", price: 0, onHand: 1 })
    await shop.points.open({ accountId: "ada" })
    const lines = [{ productId: "tea", quantity: 1 }]
    const { orderId } = await shop.orders.place({ accountId: "ada", lines, key: "k" })
    away = 3
    await expect(shop.orders.get(orderId)).rejects.toMatchObject({ code: "STORE_UNAVAILABLE" })
    expect(await shop.orders.cancel({ accountId: "ada", orderId, key: "c" })).toMatchObject({ state: "cancelled" })
    away = Number.POSITIVE_INFINITY
    asked = 0
    const late = endOf(shop.orders.cancel({ accountId: "ada", orderId, key: "d" }))
    await expect.poll(() => asked).toBeGreaterThan(3)
    // It asks on for as long as its deadline is not over.
    time.now += 60_000
    expect(await late).toMatchObject({ _tag: "StoreUnavailable" })
  })
})

describe("health", () => {
  it("says what the store promises, whether it answers, and what was done", async () => {
    const shop = await furnishedShop()
    await endOf(shop.points.charge({ accountId: "eve", amount: 1, key: "k" }))
    expect(await shop.shop.health()).toMatchObject({
      status: "ok",
      store: { name: "memory", durability: "nothing", reachable: true },
      metrics: { queueDepth: 0, inFlight: 0, operations: { "points.charge": { accepted: 1, refused: 1 } } },
    })
  })

  it("is degraded where the store does not answer", async () => {
    const store = await Effect.runPromise(controlledStore())
    const broken = {
      ...store.shape,
      reads: { ...store.shape.reads, products: () => Effect.fail({ _tag: "Lost", reason: "gone" } as const) },
    }
    const shop = createHoldfast({ store: { name: "broken", layer: Layer.succeed(Store, broken) } })
    expect(await shop.health()).toMatchObject({ status: "degraded", store: { reachable: false } })
  })
})
