/**
 * In whose async context a shop works: in that of no caller, however it was started.
 */
import { AsyncLocalStorage } from "node:async_hooks"
import { Effect, Layer } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { type CreateOptions, createHoldfast, type Shop } from "../../src/index.ts"
import { MemoryStore } from "../../src/memory/index.ts"
import { Store, type StoreFault, type StoreShape } from "../../src/ports/index.ts"

const request = new AsyncLocalStorage<string>()

/** A store that notes in whose request it is opened, and asked to change something. */
const watched = () => {
  const seen: Array<string | undefined> = []
  const note = Effect.sync(() => void seen.push(request.getStore()))
  const inner = Effect.runSync(MemoryStore.make)
  const store: StoreShape = {
    ...inner,
    transact: (keys, decide, turn) => Effect.andThen(note, inner.transact(keys, decide, turn)),
  }
  return { seen, store: { name: "watched", layer: Layer.effect(Store, Effect.as(note, store)) } }
}

const callers = ["first", "second", "third"]

/** One call after the other, and all at once, each in a request of its own. */
const callAll = async (shop: () => Shop): Promise<void> => {
  const call = (caller: string, accountId: string) =>
    request.run(caller, async () => {
      await shop().points.open({ accountId })
      // Whoever waits for an answer goes on in the own context.
      expect(request.getStore()).toBe(caller)
    })
  for (const caller of callers) await call(caller, caller)
  await Promise.all(callers.map((caller) => call(caller, `${caller} again`)))
}

const shopOf = (options: CreateOptions): Shop => {
  const shop = createHoldfast(options)
  onTestFinished(() => shop.stop())
  return shop
}

describe("a store is opened and asked in the context of no caller", () => {
  it("when the first call starts the shop", async () => {
    const { seen, store } = watched()
    const shop = shopOf({ store })
    await callAll(() => shop)
    expect(seen.length).toBeGreaterThan(callers.length)
    expect(new Set(seen)).toEqual(new Set([undefined]))
  })

  it("when the first request makes the shop", async () => {
    const { seen, store } = watched()
    let made: Shop | undefined
    await callAll(() => {
      made ??= shopOf({ store })
      return made
    })
    expect(new Set(seen)).toEqual(new Set([undefined]))
  })

  it("when a request starts the shop beside its calls", async () => {
    const { seen, store } = watched()
    const shop = shopOf({ store })
    await request.run("starter", () => shop.start())
    await callAll(() => shop)
    expect(new Set(seen)).toEqual(new Set([undefined]))
  })
})

it("what the shop logs beside a call is logged in the context of no caller", async () => {
  const seen: Array<string | undefined> = []
  const inner = Effect.runSync(MemoryStore.make)
  let isAway = true
  const store: StoreShape = {
    ...inner,
    transact: (keys, decide, turn) =>
      Effect.suspend(() => {
        if (!isAway) return inner.transact(keys, decide, turn)
        isAway = false
        return Effect.fail<StoreFault>({ _tag: "Lost", reason: "away", attempt: "nothing" })
      }),
  }
  const shop = shopOf({
    store: { name: "away", layer: Layer.succeed(Store, store) },
    logger: () => void seen.push(request.getStore()),
  })
  await request.run("first", () => shop.points.open({ accountId: "ada" }))
  expect(seen.length).toBeGreaterThan(0)
  expect(new Set(seen)).toEqual(new Set([undefined]))
})
