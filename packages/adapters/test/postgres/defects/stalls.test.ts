/**
 * Defects of locks with a lease that cannot happen here: whoever is away for longer than a lock lasts, or dies with it,
 * neither changes anything when it is late nor keeps anybody waiting. Between a decision and its commit nothing but the
 * store stands guard.
 */
import type { StoreShape } from "@holdfast/core"
import { Effect, Fiber, Schedule } from "effect"
import { describe, expect, it } from "vitest"
import { broken, furnish, place, transact } from "../../support/core.ts"
import { shopsForFile } from "../../support/shops.ts"
import { storeOn } from "../../support/stores.ts"

type Batch = Parameters<typeof transact>[1]

describe("defects of locks that cannot happen here", () => {
  const { url, proxied } = shopsForFile("defects of locks")

  /** The store, and something that happens right after it let its first batch decide. */
  const afterDeciding = (store: StoreShape, happens: () => void): StoreShape => {
    let decided = false
    return {
      ...store,
      transact: (keys, decide) =>
        store.transact(keys, (records) => {
          const answer = decide(records)
          if (!decided) happens()
          decided = true
          return answer
        }),
    }
  }

  /** As the engine does: the same commands again where a reply was lost or keys are busy. */
  const insist = (store: StoreShape, batch: Batch) =>
    Effect.retry(transact(store, batch), {
      times: 200,
      schedule: Schedule.spaced("100 millis"),
      while: (fault) => fault._tag !== "Rejected",
    })

  const endOf = ([decision]: Effect.Success<ReturnType<typeof transact>>): string | undefined =>
    decision?._tag === "Refused" ? decision.refusal._tag : decision?._tag

  it.each(["any", "locked"] as const)(
    "SB-31: who stalls between deciding and committing sells nothing that was sold meanwhile (path: %s)",
    async (path) => {
      const proxy = await proxied()
      const schema = `stalls_${process.pid}_${path}`
      const ends = await Effect.runPromise(
        Effect.scoped(
          Effect.gen(function* () {
            const quick = yield* storeOn(url(), "any", schema)
            const slow = yield* storeOn(proxy.url, path, schema)
            yield* furnish(quick, { accounts: ["ada", "bob"], points: 100, products: { tea: 1 } })
            let stalled = false
            const late = afterDeciding(slow, () => {
              stalled = true
              proxy.stall(true)
            })
            const ada = yield* Effect.forkChild(insist(late, [place("ada", "tea", 1)]))
            while (!stalled) yield* Effect.sleep(1)
            // Under locks this has to wait until the server ends the session that is silent in its transaction.
            const bob = yield* insist(quick, [place("bob", "tea", 1)])
            proxy.stall(false)
            return [endOf(bob), endOf(yield* Fiber.join(ada)), yield* broken(quick)]
          }),
        ),
      )
      expect(ends).toEqual(["Accepted", "OutOfStock", []])
    },
    60_000,
  )

  it("SB-31: who dies while holding locks keeps nobody waiting, for no lease has to run out", async () => {
    const proxy = await proxied()
    const schema = `deaths_${process.pid}`
    const ends = await Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const quick = yield* storeOn(url(), "any", schema)
          const dying = yield* storeOn(proxy.url, "locked", schema)
          yield* furnish(quick, { accounts: ["ada", "bob"], points: 100, products: { tea: 1 } })
          const dead = yield* Effect.exit(
            transact(
              afterDeciding(dying, () => proxy.cut()),
              [place("ada", "tea", 1)],
            ),
          )
          // One try with the usual patience for locks, a tenth of a second.
          const bob = yield* transact(quick, [place("bob", "tea", 1)])
          return [dead._tag, endOf(bob), yield* broken(quick)]
        }),
      ),
    )
    expect(ends).toEqual(["Failure", "Accepted", []])
  }, 30_000)
})
