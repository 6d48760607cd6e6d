/**
 * Many fibers on one store: what must hold whoever comes first, and in every interleaving that is drawn.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Fiber } from "effect"
import type { Decision } from "../../src/decision/Command.ts"
import { registerCall } from "../../src/decision/stockCalls.ts"
import { InterleavingStore, MemoryStore } from "../../src/memory/index.ts"
import { Holder, Locks } from "../../src/memory/Locks.ts"
import { kinds, type StoreShape } from "../../src/ports/index.ts"
import { StoreSuites } from "../../src/testing/index.ts"
import { command, transact } from "../../src/testing/suites/commands.ts"
import { broken } from "../../src/testing/suites/contents.ts"
import { charge, furnish, issue, place, restock } from "../../src/testing/suites/shop.ts"
import { describeStoreSuite } from "../../src/testing/vitest.ts"
import { ProductId } from "../../src/values.ts"
import { failureOf, interleaving, runSeeded, suiteStores } from "./world.ts"

const tagOf = (decision: Decision | undefined): string =>
  decision?._tag === "Refused" ? decision.refusal._tag : (decision?._tag ?? "nothing")

const alone = (store: StoreShape, each: Parameters<typeof transact>[1][number]) =>
  Effect.map(transact(store, [each]), ([decision]) => decision)

const together = { concurrency: "unbounded" } as const

for (const store of suiteStores) describeStoreSuite(StoreSuites.concurrency(store))

describe.each(interleaving)("%s, with a caller who leaves", (_name, make) => {
  it("releases every lock, whenever its caller is interrupted", () => {
    let interrupted = 0
    for (let seed = 0; seed < 300; seed++) {
      const exit = runSeeded(
        Effect.gen(function* () {
          const store = yield* make
          yield* furnish(store, { accounts: ["ada", "bob"], points: 100, products: { tea: 9 } })
          const holder = yield* Effect.forkChild(alone(store, place("ada", "tea", 1)))
          const waiter = yield* Effect.forkChild(alone(store, place("bob", "tea", 1)))
          for (let turn = 0; turn < seed % 12; turn++) yield* Effect.yieldNow
          yield* Effect.forEach([holder, waiter], Fiber.interrupt, { concurrency: 2 })
          const orders = yield* store.scan("order", undefined, 9)
          expect(tagOf(yield* alone(store, place("ada", "tea", 1)))).toBe("Accepted")
          expect(tagOf(yield* alone(store, place("bob", "tea", 1)))).toBe("Accepted")
          const [tea] = yield* store.reads.products([ProductId.make("tea")])
          expect(tea?.onHand).toBe(9 - 2 - orders.length)
          expect(yield* broken(store)).toEqual([])
          return 2 - orders.length
        }),
        seed,
      )
      expect(failureOf(exit), `seed ${seed}`).toBeUndefined()
      if (exit._tag === "Success") interrupted += exit.value
    }
    expect(interrupted).toBeGreaterThan(50)
  })
})

describe("locks", () => {
  it.effect("are given in the order in which they were asked for, and only to those who still wait", () =>
    Effect.gen(function* () {
      const locks = new Locks()
      const [first, second, third] = [new Holder(), new Holder(), new Holder()]
      const got: Array<string> = []
      const wait = (holder: Holder, name: string) =>
        Effect.forkChild(
          Effect.andThen(
            locks.acquire(holder, "product", ["tea"]),
            Effect.sync(() => got.push(name)),
          ),
        )
      yield* locks.acquire(first, "product", ["tea"])
      yield* locks.acquire(first, "product", ["tea"])
      const leaves = yield* wait(second, "second")
      yield* Effect.yieldNow
      const stays = yield* wait(third, "third")
      yield* Effect.yieldNow
      yield* Effect.yieldNow
      expect(got).toEqual([])
      yield* Fiber.interrupt(leaves)
      locks.release(first)
      yield* Fiber.join(stays)
      expect(got).toEqual(["third"])
    }),
  )

  it.effect("are a conflict and never a deadlock for one who asks out of order", () =>
    Effect.gen(function* () {
      const locks = new Locks()
      const [first, second] = [new Holder(), new Holder()]
      yield* locks.acquire(first, "account", ["ada"])
      yield* locks.acquire(second, "product", ["tea"])
      // A key that is free may be taken in any order.
      yield* locks.acquire(second, "order", ["o1"])
      const refused = yield* Effect.flip(locks.acquire(second, "account", ["ada"]))
      expect(refused).toEqual({ _tag: "Conflict" })
      locks.release(first)
      yield* locks.acquire(second, "account", ["ada"])
    }),
  )
})

/** Four fibers that cross each other on one product, one campaign and one account. */
const crossing = (make: Effect.Effect<StoreShape>) =>
  Effect.gen(function* () {
    const store = yield* make
    yield* furnish(store, {
      accounts: ["ada", "bob"],
      points: 30,
      products: { tea: 2, cup: 1 },
      campaigns: { spring: 1 },
    })
    const fibers = [
      [place("ada", "tea", 2), issue("ada")],
      [place("ada", "cup", 1), charge("ada", 5), place("bob", "tea", 1)],
      [restock("tea", 1), issue("bob"), place("bob", "cup", 1)],
      [issue("ada"), place("bob", "tea", 1)],
    ]
    yield* Effect.forEach(
      fibers,
      (commands, n) =>
        n % 2 === 0
          ? Effect.forEach(commands, (each) => transact(store, [each]))
          : Effect.map(transact(store, commands), (decisions) => [decisions]),
      together,
    )
    return yield* broken(store)
  })

/** A store that reads and writes in two steps and checks nothing in between: what the others must not be. */
const careless: Effect.Effect<StoreShape> = Effect.map(MemoryStore.make, (store) => ({
  ...store,
  transact: (keys, decide) =>
    Effect.gen(function* () {
      const decided = yield* store.transact(keys, (records) => ({
        answer: decide(records),
        changes: undefined,
        again: () => undefined,
      }))
      yield* Effect.yieldNow
      return yield* store.transact(keys, () => decided)
    }),
}))

describe("under a scheduler that draws the next step", () => {
  it.each(interleaving)(
    "%s breaks no promise and never gets stuck in any of hundreds of interleavings",
    (_name, make) => {
      for (let seed = 0; seed < 400; seed++) {
        const exit = runSeeded(crossing(make), seed)
        expect(failureOf(exit) ?? (exit._tag === "Success" ? exit.value : []), `seed ${seed}`).toEqual([])
      }
    },
  )

  it("finds what a store does that reads and writes in two steps", () => {
    let caught = 0
    for (let seed = 0; seed < 50; seed++) {
      const failure = failureOf(runSeeded(crossing(careless), seed))
      if (failure?.includes("not from its current value") || failure?.includes("which exists")) caught++
    }
    expect(caught).toBeGreaterThan(25)
  })

  it("plays the same interleaving for the same seed", () => {
    const ordersOf = (seed: number) =>
      runSeeded(
        Effect.gen(function* () {
          const store = yield* InterleavingStore.make()
          yield* furnish(store, { accounts: ["ada", "bob"], points: 100, products: { tea: 3 } })
          const commands = [
            command(registerCall, { productId: "a", name: "A", price: 1 }, { id: "x" }),
            command(registerCall, { productId: "a", name: "B", price: 1 }, { id: "y" }),
          ]
          yield* Effect.forEach(commands, (each) => alone(store, each), together)
          return (yield* store.scan("product", undefined, 1)).map((product) => [
            kinds.product.keyOf(product),
            product.name,
          ])
        }),
        seed,
      )
    const runs = Array.from({ length: 30 }, (_, seed) => JSON.stringify(ordersOf(seed)))
    expect(Array.from({ length: 30 }, (_, seed) => JSON.stringify(ordersOf(seed)))).toEqual(runs)
    expect(new Set(runs).size).toBeGreaterThan(1)
  })
})
