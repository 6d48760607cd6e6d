import { Effect, Layer } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { makeReadCache } from "../../src/cache/ReadCache.ts"
import { createHoldfast } from "../../src/index.ts"
import { MemoryStore, makeMemoryCache } from "../../src/memory/index.ts"
import { type Reads, SharedCache, type SharedCacheShape, Store, type StoreShape } from "../../src/ports/index.ts"

/** A store whose reads are counted and may be held up, for any number of processes. */
class Counted {
  products = 0
  tops = 0
  /** What a read of products waits for. */
  gate: Promise<void> = Promise.resolve()
  /** What a read of what was sold most waits for when it has it. */
  afterTop: () => Promise<unknown> = () => Promise.resolve()
  readonly #store = Effect.runSync(MemoryStore.make)

  get option() {
    const { reads } = this.#store
    const counted: Reads = {
      ...reads,
      products: (ids) =>
        Effect.suspend(() => {
          this.products++
          return Effect.tap(reads.products(ids), () => Effect.promise(() => this.gate))
        }),
      top: (window) =>
        Effect.suspend(() => {
          this.tops++
          return Effect.tap(reads.top(window), () => Effect.promise(this.afterTop))
        }),
    }
    const store: StoreShape = { ...this.#store, reads: counted }
    return { name: "counted", layer: Layer.succeed(Store, store) }
  }
}

const shopOn = (store: Counted, cache?: SharedCacheShape) => {
  const shop = createHoldfast({
    store: store.option,
    ...(cache && { cache: { name: "shared", layer: Layer.succeed(SharedCache, cache) } }),
  })
  onTestFinished(() => shop.stop())
  return shop
}

const hour = 3_600_000
const old = { maxAgeMillis: hour }

describe("a read whose caller says how old it may be", () => {
  /** A shop with something to sell. */
  const sellingOn = async (store: Counted) => {
    const shop = shopOn(store)
    await shop.points.open({ accountId: "ann" })
    await shop.points.charge({ accountId: "ann", amount: 1_000, key: "top-up" })
    for (const productId of ["tee", "cap"]) await shop.stock.register({ productId, name: "Some", price: 1, onHand: 50 })
    return shop
  }
  const order = (key: string) =>
    ({ accountId: "ann", lines: ["tee", "cap"].map((productId) => ({ productId, quantity: 2 })), key }) as const

  it("is answered from memory beside a sale, whose orders show when the age is over; changes of stock show at once", async () => {
    const store = new Counted()
    const shop = await sellingOn(store)
    await shop.stock.product("tee", old)
    const before = store.products
    for (const key of ["first", "second"]) {
      await shop.orders.place(order(key))
      expect((await shop.stock.product("tee", old)).onHand).toBe(50)
    }
    expect(store.products).toBe(before)
    expect((await shop.stock.product("tee")).onHand).toBe(46)
    await shop.stock.restock({ productId: "tee", quantity: 1, key: "delivery" })
    expect((await shop.stock.product("tee", old)).onHand).toBe(47)
  })

  it("gives each caller a product of his own, counts it, and refuses in words what is no id and no age", async () => {
    const store = new Counted()
    const shop = await sellingOn(store)
    const first = await shop.stock.product("tee", old)
    const before = store.products
    const ages: Array<number> = []
    const onAge = (age: number): void => {
      ages.push(age)
      throw new Error("a host's own")
    }
    Object.assign(await shop.stock.product("tee", { ...old, onAge }), { onHand: 0 })
    expect(await shop.stock.product("tee", old)).toEqual(first)
    expect(await shop.safe.stock.product("tee", old)).toEqual({ ok: true, value: first })
    expect(store.products).toBe(before)
    expect((await shop.health()).reads.hits).toBe(3)
    expect(ages).toEqual([expect.any(Number)])
    // @ts-expect-error: as hosts in JavaScript may
    await expect(shop.stock.product(["tee"], old)).rejects.toMatchObject({ code: "INVALID_INPUT" })
    for (const maxAgeMillis of [Number.NaN, -1, hour + 1, "3600000"]) {
      // @ts-expect-error: likewise
      await expect(shop.stock.product("tee", { maxAgeMillis })).rejects.toMatchObject({ code: "INVALID_INPUT" })
    }
    const left = AbortSignal.abort(new Error("left"))
    await expect(shop.stock.product("tee", { ...old, signal: left })).rejects.toThrow("left")
    await shop.stop()
    await expect(shop.stock.product("tee", old)).rejects.toMatchObject({ code: "STOPPED" })
  })

  it("of a list that took long is told to be as old as its call, and no older than was allowed", async () => {
    const store = new Counted()
    const shop = await sellingOn(store)
    store.afterTop = () => new Promise((resolve) => setTimeout(resolve, 300))
    const calledAt = Date.now()
    for (const options of [{ maxAgeMillis: 200 }, undefined]) {
      const { asOf } = await shop.popularity.top({}, options)
      expect(asOf.getTime()).toBeGreaterThanOrEqual(calledAt - 5)
    }
  })

  it("of a list leaves out what was retired while it was read", async () => {
    const store = new Counted()
    const shop = await sellingOn(store)
    await shop.orders.place(order("first"))
    store.afterTop = () => shop.stock.retire({ productId: "cap" })
    expect((await shop.popularity.top()).products.map(({ productId }) => productId)).toEqual(["tee"])
  })

  it("SB-55: one read of a product serves all who come while it lasts, and those who say nothing get the exact one", async () => {
    const store = new Counted()
    const shop = shopOn(store)
    await shop.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 5 })
    const before = store.products
    const products = await Promise.all(Array.from({ length: 100 }, () => shop.stock.product("tee", old)))
    expect(store.products - before).toBe(1)
    expect(new Set(products.map(({ onHand }) => onHand))).toEqual(new Set([5]))
    await shop.stock.product("tee")
    await shop.stock.product("tee", { maxAgeMillis: 0 })
    expect(store.products - before).toBe(3)
  })

  it("shows a change that was committed after its caller had given it up, once its outcome was told", async () => {
    const store = new Counted()
    const [shop, other] = [shopOn(store), shopOn(store)]
    await shop.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 5 })
    await shop.stock.product("tee", old)
    // For this process it is one whose answer came too late: what its reads found meanwhile is from before the commit.
    await other.stock.changePrice({ productId: "tee", price: 20, key: "late" })
    expect((await shop.stock.product("tee", old)).price).toBe(10)
    const told = await shop.outcome({ operation: "stock.changePrice", key: "late" })
    expect(told).toMatchObject({ status: "accepted", answer: { price: 20 } })
    expect((await shop.stock.product("tee", old)).price).toBe(20)
  })

  it("shows its own process's change after it was answered, also where a read was under way", async () => {
    const store = new Counted()
    const shop = shopOn(store)
    await shop.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 5 })
    await shop.stock.product("tee", old)
    await shop.stock.changePrice({ productId: "tee", price: 20 })
    const gate = Promise.withResolvers<void>()
    store.gate = gate.promise
    const early = shop.stock.product("tee", old)
    await expect.poll(() => store.products).toBeGreaterThan(1)
    await shop.stock.restock({ productId: "tee", quantity: 3, key: "delivery" })
    store.gate = Promise.resolve()
    const late = await shop.stock.product("tee", old)
    gate.resolve()
    expect([(await early).price, late.onHand]).toEqual([20, 8])
    expect((await shop.stock.product("tee", old)).onHand).toBe(8)
    for (const change of [
      () => shop.stock.rename({ productId: "tee", name: "Shirt" }),
      () => shop.stock.adjust({ productId: "tee", change: -1, key: "count" }),
      () => shop.stock.retire({ productId: "tee" }),
    ]) {
      await change()
      expect(await shop.stock.product("tee", old)).toEqual(await shop.stock.product("tee"))
    }
  })

  it("keeps no refusal", async () => {
    const shop = shopOn(new Counted())
    for (let time = 0; time < 2; time++) {
      expect(await shop.safe.stock.product("tee", old)).toMatchObject({
        ok: false,
        error: { code: "PRODUCT_NOT_FOUND" },
      })
    }
    await shop.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 5 })
    expect((await shop.stock.product("tee", old)).onHand).toBe(5)
  })

  it("SB-48: an answer is older than the store by no more than its caller allows, and says how old it is", async () => {
    const store = new Counted()
    const [left, right] = [shopOn(store), shopOn(store)]
    await left.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 5 })
    await right.stock.product("tee", { maxAgeMillis: 200 })
    await left.stock.changePrice({ productId: "tee", price: 20 })
    const changedAt = performance.now()
    const ages: Array<number> = []
    for (;;) {
      const calledAt = performance.now()
      const { price } = await right.stock.product("tee", { maxAgeMillis: 200, onAge: (age) => ages.push(age) })
      if (price === 20) break
      expect(calledAt - changedAt).toBeLessThan(200)
    }
    expect(Math.max(...ages)).toBeLessThanOrEqual(200)
  })

  it("answers lists of what its own process changed, and each caller with objects of its own", async () => {
    const store = new Counted()
    const shop = shopOn(store)
    await shop.points.open({ accountId: "ann" })
    await shop.points.charge({ accountId: "ann", amount: 1_000, key: "top-up" })
    for (const productId of ["tee", "cap"]) {
      await shop.stock.register({ productId, name: productId, price: 10, onHand: 50 })
      await shop.orders.place({ accountId: "ann", lines: [{ productId, quantity: 2 }], key: productId })
    }
    const first = await shop.popularity.top({}, old)
    expect(first.products.map(({ productId }) => productId)).toEqual(["cap", "tee"])
    Object.assign(first.products[0] ?? {}, { name: "mine" })
    const again = await shop.popularity.top({}, old)
    expect(again.products[0]?.name).toBe("cap")
    expect(store.tops).toBe(1)
    expect(again.asOf.getTime()).toBeLessThanOrEqual(Date.now())
    await shop.stock.retire({ productId: "cap" })
    expect((await shop.popularity.top({}, old)).products.map(({ productId }) => productId)).toEqual(["tee"])
    const page = await shop.stock.products({ limit: 1 }, old)
    await shop.stock.changePrice({ productId: "tee", price: 11 })
    expect(page.items[0]?.productId).toBe("cap")
    expect((await shop.stock.products({ productIds: ["tee"] }, old)).items[0]?.price).toBe(11)
  })

  it("given a list that one caller keeps for long → is still read once for all who allow less", async () => {
    const store = new Counted()
    const cache = Effect.runSync(makeMemoryCache())
    const shops = Array.from({ length: 4 }, () => shopOn(store, cache))
    await shops[0]?.popularity.top({}, old)
    const before = store.tops
    for (let round = 1; round <= 3; round++) {
      await new Promise((resolve) => setTimeout(resolve, 110))
      for (const shop of shops) await shop.popularity.top({}, { maxAgeMillis: 100 })
      // A refresh before its time may come on top.
      expect(store.tops - before).toBeLessThanOrEqual(2 * round)
    }
  })

  it("given a slow cache in which another process reads it → is not waited for longer than one that is quick", async () => {
    const inner = Effect.runSync(makeMemoryCache())
    const get = () => Effect.delay(Effect.succeed({ _tag: "Awaited" } as const), 90)
    const shop = shopOn(new Counted(), { ...inner, get })
    await shop.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 5 })
    const askedAt = performance.now()
    expect((await shop.stock.product("tee", old)).onHand).toBe(5)
    // It took 1.2 s where only the pauses were counted.
    expect(performance.now() - askedAt).toBeLessThan(800)
  })

  it("serves a fleet by one read, and hides from no process what it changed itself", async () => {
    const store = new Counted()
    const cache = Effect.runSync(makeMemoryCache())
    const [left, right] = [shopOn(store, cache), shopOn(store, cache)]
    await left.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 5 })
    await Promise.all([left, right].map((shop) => shop.popularity.top({}, old)))
    expect(store.tops).toBe(1)
    await right.stock.product("tee", old)
    const before = store.products
    await left.stock.product("tee", old)
    expect(store.products).toBe(before)
    await left.stock.changePrice({ productId: "tee", price: 20 })
    expect((await left.stock.product("tee", old)).price).toBe(20)
    await left.popularity.top({}, old)
    expect(store.tops).toBe(2)
  })

  it("goes on where the shared cache is away, and believes nothing from before a change that it did not hear of", async () => {
    const store = new Counted()
    const cache = Effect.runSync(makeMemoryCache())
    const [left, right] = [shopOn(store, { ...cache, forget: () => Effect.fail(away) }), shopOn(store, cache)]
    await left.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 5 })
    await right.stock.product("tee", old)
    await left.stock.changePrice({ productId: "tee", price: 20 })
    expect((await left.stock.product("tee", old)).price).toBe(20)
    const alone = shopOn(store, {
      ...cache,
      get: () => Effect.fail(away),
      put: () => Effect.die("a client that throws"),
      forget: () => Effect.fail(away),
    })
    expect((await alone.stock.product("tee", old)).price).toBe(20)
  })

  /** A cache that says of everything that it holds this, good for so long of a second. */
  const holding = (value: string, forMillis: number): SharedCacheShape => {
    const cache = Effect.runSync(makeMemoryCache())
    const text = new TextEncoder().encode(value)
    const bytes = Uint8Array.from([0, 0, 3, 232, ...text])
    return {
      ...cache,
      guarantees: { ...cache.guarantees, products: true },
      get: () => Effect.succeed({ _tag: "Value", bytes, forMillis }),
    }
  }
  const record = { productId: "tee", name: "Tee", price: 1, onHand: 5, revision: 1, retired: false, version: 1 }
  const kept = { ...record, registered: { name: "Tee", price: 1, onHand: 5 } }

  it("shows no product of another shop, whose processes share the cache by mistake", async () => {
    const inner = Effect.runSync(makeMemoryCache())
    const cache: SharedCacheShape = { ...inner, guarantees: { ...inner.guarantees, products: true } }
    // One process registers what another one shows: that believes what others have read.
    const showing = async (namespace: string) => {
      const store: StoreShape = { ...Effect.runSync(MemoryStore.make), database: { system: "postgresql", namespace } }
      const process = () => {
        const shop = createHoldfast({
          store: { name: namespace, layer: Layer.succeed(Store, store) },
          cache: { name: "shared", layer: Layer.succeed(SharedCache, cache) },
        })
        onTestFinished(() => shop.stop())
        return shop
      }
      await process().stock.register({ productId: "tee", name: namespace, price: 1, onHand: 1 })
      return process()
    }
    const shops = [await showing("shops|seoul"), await showing("shops|busan")]
    const seen: Array<string> = []
    for (const shop of shops) {
      const { items } = await shop.stock.products({}, old)
      seen.push(...items.map(({ name }) => name), (await shop.stock.product("tee", old)).name)
    }
    expect(seen).toEqual(["shops|seoul", "shops|seoul", "shops|busan", "shops|busan"])
  })

  it("believes a shared value for as long as it was good when it was read, and no longer", async () => {
    const prices: Array<number> = []
    // More than all of it is left after a failover to a server whose clock is behind.
    for (const forMillis of [1_000, 1, 0, 1_001, 61_000, Number.NaN]) {
      const shop = shopOn(new Counted(), holding(JSON.stringify(kept), forMillis))
      prices.push((await shop.stock.product("tee", old).catch(() => ({ price: Number.NaN }))).price)
    }
    expect(prices).toEqual([1, 1, Number.NaN, Number.NaN, Number.NaN, Number.NaN])
  })

  it.each(["null", "{}", "[null]", "[1]", '[{"productId":"tee"}]', JSON.stringify({ ...kept, price: "1" }), "no JSON"])(
    "takes no value from the shared cache that is %s",
    async (value) => {
      const store = new Counted()
      const shop = shopOn(store, holding(value, 1_000))
      await shop.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 5 })
      expect((await shop.stock.product("tee", old)).price).toBe(10)
      expect((await shop.stock.products({}, old)).items.map(({ price }) => price)).toEqual([10])
      expect((await shop.popularity.top({}, old)).products).toEqual([])
      expect(store.tops).toBe(1)
    },
  )

  it("takes no quicker answer that says to be from the future, or nothing of its age", async () => {
    const read = (ageMillis: number) =>
      Effect.scoped(
        Effect.flatMap(makeReadCache(), (cache) =>
          cache.read(
            { key: ["list"], source: Effect.succeed("store"), quicker: Effect.succeed({ value: "quick", ageMillis }) },
            1_000,
          ),
        ),
      )
    const answers = [0, 999, -1, Number.NaN, 1_001].map((age) => Effect.runSync(read(age)).value)
    expect(answers).toEqual(["quick", "quick", "store", "store", "store"])
  })

  it("given a shared cache that ends nothing → asks it to end all keys at once, answers a change, and believes none of them", async () => {
    const store = new Counted()
    const cache = Effect.runSync(makeMemoryCache())
    let ended = 0
    const held: SharedCacheShape = {
      ...cache,
      guarantees: { ...cache.guarantees, products: true },
      forget: () =>
        Effect.suspend(() => {
          ended++
          return Effect.never
        }),
    }
    const shop = shopOn(store, held)
    await shop.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 5 })
    await shop.stock.product("tee", old)
    for (let limit = 1; limit <= 10; limit++) await shop.stock.products({ limit }, old)
    ended = 0
    await shop.stock.changePrice({ productId: "tee", price: 20 })
    expect(ended).toBe(11)
    const page = await shop.stock.products({ limit: 3 }, old)
    expect([(await shop.stock.product("tee", old)).price, page.items[0]?.price]).toEqual([20, 20])
  })

  it("given a stop while a read is under way → those who wait for it are told what the store tells anybody", async () => {
    const store = new Counted()
    const shop = shopOn(store)
    await shop.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 5 })
    const before = store.products
    store.gate = new Promise(() => {})
    const [first, joined] = [shop.stock.product("tee", old), shop.stock.product("tee", old)]
    await expect.poll(() => store.products - before).toBe(1)
    store.gate = Promise.resolve()
    await shop.stop()
    expect([(await first).price, (await joined).price]).toEqual([10, 10])
    expect(store.products - before).toBe(3)
  })

  it("given a shared cache that throws → reads the store", async () => {
    const cache = Effect.runSync(makeMemoryCache())
    const thrown = (): never => {
      throw new Error("a client that throws")
    }
    const shop = shopOn(new Counted(), { ...cache, get: thrown })
    expect((await shop.popularity.top({}, old)).products).toEqual([])
  })

  it.each([-1, Number.NaN, hour + 1, "500"])("refuses the age %s", async (maxAgeMillis) => {
    const shop = shopOn(new Counted())
    const asked = Reflect.apply(shop.safe.stock.product, undefined, ["tee", { maxAgeMillis }])
    expect(await asked).toMatchObject({ ok: false, error: { refusal: { issues: [{ pointer: "/maxAgeMillis" }] } } })
  })

  it("refuses what is no cache", () => {
    expect(() => Reflect.apply(createHoldfast, undefined, [{ cache: {} }])).toThrow("such as redis({ client })")
  })
})

const away = { _tag: "CacheFault", reason: "away" } as const
