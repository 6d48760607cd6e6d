/**
 * What the memory stores add to the suite of reads: what they refuse to commit, and their layers.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Layer } from "effect"
import { openCall } from "../../src/decision/pointsCalls.ts"
import { registerCall } from "../../src/decision/stockCalls.ts"
import { InterleavingStore, MemoryStore, memory } from "../../src/memory/index.ts"
import { Store, type StoreShape } from "../../src/ports/index.ts"
import { StoreSuites } from "../../src/testing/index.ts"
import { command, transact } from "../../src/testing/suites/commands.ts"
import { furnish, place } from "../../src/testing/suites/shop.ts"
import { describeStoreSuite } from "../../src/testing/vitest.ts"
import { ProductId, type Quantity } from "../../src/values.ts"
import { suiteStores } from "./world.ts"

for (const store of suiteStores) describeStoreSuite(StoreSuites.reads(store))

describe("the plain store defends the port", () => {
  const restockBlindly = (store: StoreShape, change: (product: { readonly onHand: Quantity }) => object) =>
    Effect.gen(function* () {
      const [product] = yield* store.reads.products([ProductId.make("tea")])
      if (product === undefined) throw new Error("There is no tea.")
      yield* transact(store, [place("ada", "tea", 1)])
      const stale = { before: product, guard: "relative", ...change(product) }
      const puts = { account: [], coupon: [], campaign: [], order: [], product: [stale], bucket: [], receipt: [] }
      return yield* store.transact({ of: () => [] }, () => ({
        answer: undefined,
        changes: { puts, appends: { entry: [], movement: [], event: [] } } as never,
        again: () => undefined,
      }))
    })

  const misfits: ReadonlyArray<readonly [name: string, change: (product: object) => object]> = [
    ["a change of an old value", (product: object) => ({ after: { ...product, name: "Tea" } })],
    ["a reliance on an old value", (product: object) => ({ after: product })],
    ["an insert of what exists", (product: object) => ({ before: undefined, after: product })],
  ]
  it.effect.each(misfits)("dies of %s and changes nothing", ([, change]) =>
    Effect.gen(function* () {
      const store = yield* MemoryStore.make
      yield* furnish(store, { accounts: ["ada"], points: 100, products: { tea: 5 } })
      const exit = yield* Effect.exit(restockBlindly(store, change))
      expect(Exit.hasDies(exit)).toBe(true)
      expect((yield* store.reads.products([ProductId.make("tea")]))[0]).toMatchObject({ onHand: 4, name: "tea" })
    }),
  )
})

describe("layers", () => {
  const openAda = Effect.gen(function* () {
    const store = yield* Store
    yield* transact(store, [command(openCall, { accountId: "ada" })])
    return (yield* store.scan("account", undefined, 9)).length
  })

  it.effect.each([
    ["MemoryStore", () => MemoryStore.layer],
    ["InterleavingStore", () => InterleavingStore.layer()],
    ["memory()", () => memory().layer],
  ] as const)("%s builds a store of its own each time", ([, layer]) =>
    Effect.gen(function* () {
      const same = layer()
      expect(yield* Effect.provide(openAda, same)).toBe(1)
      expect(yield* Effect.provide(openAda, same)).toBe(1)
      expect(yield* Effect.provide(openAda, layer().pipe(Layer.provideMerge(layer())))).toBe(1)
    }),
  )

  it.effect("a made store outlives the layers that are built on it", () =>
    Effect.gen(function* () {
      const layer = Layer.succeed(Store, yield* MemoryStore.make)
      yield* Effect.provide(openAda, layer)
      yield* Effect.provide(
        Effect.gen(function* () {
          const store = yield* Store
          yield* transact(store, [command(registerCall, { productId: "tea", name: "Tea", price: 1 })])
          expect((yield* store.scan("account", undefined, 9)).length).toBe(1)
        }),
        layer,
      )
    }),
  )
})
