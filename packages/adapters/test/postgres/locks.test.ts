/**
 * Locks end with their session, and not with a lease: a process that is away for long, or dies, changes nothing when it is
 * late, and keeps nobody waiting. Between a decision and its commit nothing but the
 * store stands guard.
 */
import type { StoreShape } from "@holdfast/core/ports"
import { Effect, Fiber, Schedule } from "effect"
import { describe, expect, it } from "vitest"
import { broken, furnish, place, transact } from "../support/core.ts"
import { shopsForFile } from "../support/shops.ts"
import { query, storeOn } from "../support/stores.ts"

type Batch = Parameters<typeof transact>[1]

describe("locks", () => {
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
  )

  it("SB-31: a process that dies holding locks blocks nobody: its locks end with its session", async () => {
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
          // When the server has noticed that the session is gone, one try with the usual patience for locks is enough.
          const sessions = query(
            url(),
            `select distinct pid from pg_locks where pid <> pg_backend_pid() and relation in (
               select oid from pg_class where relnamespace = '${schema}'::regnamespace)`,
          )
          while ((yield* sessions).length > 0) yield* Effect.yieldNow
          const bob = yield* transact(quick, [place("bob", "tea", 1)])
          return [dead._tag, endOf(bob), yield* broken(quick)]
        }),
      ),
    )
    expect(ends).toEqual(["Failure", "Accepted", []])
  })
})
