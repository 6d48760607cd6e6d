/**
 * The suites of stores, put to the test themselves: a case that no broken store fails would prove nothing.
 */
import { Effect, Layer } from "effect"
import { describe, expect, it, onTestFinished, vi } from "vitest"
import { MemoryStore } from "../../src/memory/index.ts"
import { type RecordOf, Store, type StoreShape } from "../../src/ports/index.ts"
import { StoreSuites } from "../../src/testing/index.ts"
import { expect as expecting } from "../../src/testing/suites/expect.ts"
import { suiteMutants } from "../../src/testing/zoo/suiteMutants.ts"
import { SubscriptionName } from "../../src/values.ts"

/** The plain memory store with something changed. */
const storeThat = (
  name: string,
  change: (store: StoreShape) => StoreShape | Effect.Effect<StoreShape, never>,
): StoreSuites.SuiteStore => ({
  name,
  layer: Layer.effect(
    Store,
    Effect.flatMap(MemoryStore.make, (store) => {
      const changed = change(store)
      return Effect.isEffect(changed) ? changed : Effect.succeed(changed)
    }),
  ),
  onSnapshots: false,
})

const brokenStores = [
  storeThat("commits nothing of what it answers", (store) => ({
    ...store,
    transact: (keys, decide) =>
      store.transact(keys, (records) => {
        const { answer } = decide(records)
        return { answer, changes: undefined, again: () => undefined }
      }),
  })),
  storeThat("lets go of no lease, no event and no name", (store) => ({
    ...store,
    outbox: {
      ...store.outbox,
      acknowledge: () => Effect.void,
      release: () => Effect.void,
      unregister: () => Effect.void,
    },
  })),
  storeThat("keeps events before a subscription is registered", (store) =>
    Effect.as(Effect.orDie(store.outbox.register(SubscriptionName.make("mail"))), store),
  ),
]

/** Hides what is retired from scans, which no other case looks for. */
const forgetsRetired = storeThat("hides what is retired", (store) => ({
  ...store,
  scan: (kind, after, limit) =>
    Effect.map(store.scan(kind, after, limit), (records) =>
      kind === "product" ? records.filter((record) => !(record as RecordOf["product"]).retired) : records,
    ),
}))

const failuresOf = async (suites: ReadonlyArray<StoreSuites.StoreSuite>): Promise<ReadonlyMap<string, Error>> => {
  const failures = new Map<string, Error>()
  for (const { cases } of suites) {
    for (const { name, run } of cases) await run().catch((error: Error) => failures.set(name, error))
  }
  return failures
}

describe("the suites of stores", () => {
  it("have no case that all broken stores pass", async () => {
    const failing = new Set<string>()
    for (const store of brokenStores) {
      for (const name of (await failuresOf(StoreSuites.all(store))).keys()) failing.add(name)
    }
    const cases = StoreSuites.all(storeThat("is whole", (store) => store)).flatMap((suite) => suite.cases)
    expect(cases.map(({ name }) => name).filter((name) => !failing.has(name))).toEqual([])
    expect(new Set(cases.map(({ name }) => name)).size).toBe(cases.length)
  })

  it("leave out the cases about seals for a store that has none, and no others", () => {
    const store = storeThat("is whole", (whole) => whole)
    const names = (hasSeals: boolean) =>
      StoreSuites.all({ ...store, hasSeals }).flatMap(({ cases }) => cases.map(({ name }) => name))
    const without = names(false)
    expect(names(true).filter((name) => !without.includes(name))).toEqual([
      "says how a campaign stands for a crowd of claims, and who owns its tickets",
      "takes no other key for a used one, and counts who gave a ticket back among its owners",
    ])
  })

  it("tell a difference from the memory store with its seed and the least that shows it, and again from that seed", async () => {
    const [single] = await failuresOf([StoreSuites.equality(forgetsRetired)]).then((found) => [...found.values()])
    const seed = Number(/^seed (\d+),/.exec(single?.message ?? "")?.[1])
    expect(single?.message).toMatch(
      /shown by these alone \(batch, call, request\):\n {2}1 stock\.retire \{"productId":"\S+"\}\n/,
    )
    expect(single?.message).toMatch(/contents\.records\.product.*: expected .*, found /)
    expect(single).toMatchObject({ expected: { broken: [] }, actual: { broken: [] } })
    const again = await failuresOf([StoreSuites.equality(forgetsRetired, { seed })])
    expect([...again.values()][0]?.message).toBe(single?.message)
  })

  it.each(suiteMutants.map((each) => [each.name, each] as const))("catch %s", async (_, { name, adapter, diesBy }) => {
    const cases = StoreSuites.all({ name, layer: adapter.layer })
      .flatMap((suite) => suite.cases)
      .filter((each) => each.name.startsWith(diesBy))
    expect(cases.length).toBe(1)
    expect((await failuresOf([{ title: name, cases }])).size).toBe(1)
  })

  it("end where a store hangs, and say so", async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const hanging = storeThat("hangs", (store) => ({ ...store, transact: () => Effect.uninterruptible(Effect.never) }))
    const [first] = StoreSuites.reads(hanging).cases
    const ended = first?.run().then(
      () => "well",
      ({ message }: Error) => message,
    )
    await vi.advanceTimersByTimeAsync(300_000)
    expect(await ended).toContain(
      "had not ended after 300000 ms: a call hangs, is Busy for ever, or the store does not close",
    )
  })

  it("tell a fault of the store by what it says", async () => {
    const rejecting = storeThat("rejects everything", (store) => ({
      ...store,
      transact: () => Effect.fail({ _tag: "Rejected", reason: "no such table", cause: undefined }),
    }))
    const [failure] = (await failuresOf([StoreSuites.reads(rejecting)])).values()
    expect(failure).toBeInstanceOf(Error)
    expect(failure?.message).toContain("no such table")
  })
})

describe("what the cases expect", () => {
  const list = [1, { a: undefined, b: [2] }]
  it.each<[what: string, holds: () => void]>([
    ["equal fields, an undefined one as if it were absent", () => expecting(list).toEqual([1, { b: [2] }])],
    ["a part of the fields, however deep", () => expecting({ a: { b: 1, c: 2 }, d: 3 }).toMatchObject({ a: { b: 1 } })],
    ["all of some elements", () => expecting([3, 1, 2]).toContainAll([1, 3])],
    ["the same value", () => expecting(Number.NaN).toBe(Number.NaN)],
    ["nothing", () => expecting(undefined).toBeUndefined()],
    ["a number within its limits", () => expecting(2).toBeGreaterThanOrEqual(2)],
    ["a number below its limit", () => expecting(2).toBeLessThanOrEqual(2)],
  ])("takes %s", (_what, holds) => expect(holds).not.toThrow())

  it.each<[said: string, breaks: () => void]>([
    ["[1].b[0]: expected 3, found 2", () => expecting(list).toEqual([1, { b: [3] }])],
    ["[1]: expected 2, found undefined", () => expecting([1]).toEqual([1, 2])],
    ["expected undefined, found 1", () => expecting(1).toBeUndefined()],
    ["expected the very same object", () => expecting([]).toBe([])],
    ["a.b: expected 2, found 1", () => expecting({ a: { b: 1, c: 2 } }).toMatchObject({ a: { b: 2 } })],
    ["b: expected 1, found undefined", () => expecting({ a: 1 }).toMatchObject({ b: 1 })],
    ["[0]: expected {a:1}, found undefined", () => expecting([]).toMatchObject([{ a: 1 }])],
    ["expected {a:1}, found undefined", () => expecting(undefined).toMatchObject({ a: 1 })],
    ["missing: [4]", () => expecting([3, 1, 2]).toContainAll([1, 4])],
    ["expected a number > 2, found 2", () => expecting(2).toBeGreaterThan(2)],
    ["expected a number >= 3, found 2", () => expecting(2).toBeGreaterThanOrEqual(3)],
    ["expected a number < 2, found 2", () => expecting(2).toBeLessThan(2)],
    ["expected a number <= 1, found 2", () => expecting(2).toBeLessThanOrEqual(1)],
    ["expected a number > 0, found undefined", () => expecting(undefined).toBeGreaterThan(0)],
  ])("says %s", (said, breaks) => expect(breaks).toThrow(expect.objectContaining({ message: said })))
})
