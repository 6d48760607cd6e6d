/**
 * Shops for tests of what hosts see: the façade on a memory store that a test can look into, with a clock that stands
 * still until the test moves it.
 */
import { type Furniture, furnish } from "@holdfast/test-services/furnish"
import { Effect, Layer } from "effect"
import { MemoryStore } from "../../src/memory/index.ts"
import { kindNames, Store, type StoreShape } from "../../src/ports/index.ts"
import { createHoldfast } from "../../src/promise/createHoldfast.ts"
import type { CreateOptions } from "../../src/promise/options.ts"
import { testAt } from "../../src/testing/suites/commands.ts"

export type TestShop = Awaited<ReturnType<typeof openShop>>

/** A store as an option of a shop, with the store itself. It outlives the shops that are built on it. */
export const memoryStore = (shape: StoreShape = Effect.runSync(MemoryStore.make)) => ({
  shape,
  option: { name: shape.guarantees.name, layer: Layer.succeed(Store, shape) },
})

/** A shop on a store of its own. `time.now` is what its clock says. */
export const openShop = (options: CreateOptions = {}, store = memoryStore()) => {
  const time = { now: testAt }
  const shop = createHoldfast({ store: store.option, clock: () => time.now, ...options })
  return { ...shop, shop, store: store.shape, time, dump: () => dumpOf(store.shape) }
}

/** A shop with accounts that have points, and products, unless a test says otherwise. */
export const furnishedShop = async (
  { accounts = { ada: 10_000 }, products = { tea: { price: 100, onHand: 10 } }, campaigns = {} }: Furniture = {},
  options: CreateOptions = {},
  store = memoryStore(),
): Promise<TestShop> => {
  const shop = openShop(options, store)
  // However long that takes: a call would wait for it until its deadline.
  await shop.shop.start()
  await furnish(shop, { accounts, products, campaigns })
  return shop
}

/** Everything that a store holds, as one value to compare. */
const dumpOf = (store: StoreShape): Promise<object> =>
  Effect.runPromise(
    Effect.gen(function* () {
      const records: Record<string, unknown> = {}
      for (const kind of kindNames) records[kind] = yield* store.scan(kind, undefined, 100_000)
      records.entry = yield* store.scanLog("entry", undefined, 100_000)
      records.movement = yield* store.scanLog("movement", undefined, 100_000)
      return records
    }),
  )

/** How a call ended: its answer, or the refusal or unavailability that it was answered with. */
export const endOf = async (call: Promise<unknown>): Promise<unknown> => {
  try {
    return await call
  } catch (error) {
    if (error instanceof Error && "refusal" in error && "unavailable" in error)
      return error.refusal ?? error.unavailable
    throw error
  }
}

/** How many calls ended with each tag; `accepted` and `replayed` for answers. */
export const tallyOf = async (calls: ReadonlyArray<Promise<unknown>>): Promise<Record<string, number>> => {
  const counts: Record<string, number> = {}
  for (const end of await Promise.all(calls.map(endOf))) {
    const name = nameOf(end)
    counts[name] = (counts[name] ?? 0) + 1
  }
  return counts
}

const nameOf = (end: unknown): string => {
  if (typeof end !== "object" || end === null) return String(end)
  if ("_tag" in end) return String(end._tag)
  return "replayed" in end && end.replayed === true ? "replayed" : "accepted"
}

export const hours = (count: number): number => count * 3_600_000
export const days = (count: number): number => count * 86_400_000
