/** A simulated server: what it does to those who wait, to those who are cut off, and to what no standby has. */
import { Context, Effect, Exit, Fiber, Layer } from "effect"
import { describe, expect, it } from "vitest"
import type { Command } from "../../src/decision/Command.ts"
import { fold, keysOfCommands } from "../../src/decision/fold.ts"
import { Store, type StoreShape } from "../../src/ports/index.ts"
import { RowLocks } from "../../src/testing/server/RowLocks.ts"
import { SimulatedCluster } from "../../src/testing/server/SimulatedCluster.ts"
import type { Setting } from "../../src/testing/server/simulatedStore.ts"
import { run } from "../../src/testing/sim/Sim.ts"
import { commandOf } from "../../src/testing/trial/commands.ts"
import type { FrameFault } from "../../src/testing/trial/Plan.ts"
import { simulatedServer } from "../../src/testing/zoo/simulatedServer.ts"
import { AccountId, IdempotencyKey, Scope } from "../../src/values.ts"

let made = 0
const command = (name: string, input: object): Command => {
  const id = `c${String(made++).padStart(25, "0")}`
  return commandOf(name, { ...input }, { id, at: 0, deadline: Number.MAX_SAFE_INTEGER, scope: "s", key: id }, false)
}
const ask = (store: StoreShape, ...commands: ReadonlyArray<Command>) =>
  store.transact(keysOfCommands(commands), (records) => fold(commands, records, 0))
const ada = AccountId.make("ada")

/** Runs something with two processes at one server, under the schedule without switches. */
const withTwo = <A>(
  use: (base: StoreShape, one: StoreShape, other: StoreShape, met: ReadonlyArray<string>) => Effect.Effect<A, unknown>,
  faults: ReadonlyArray<FrameFault> = [],
  setting: Partial<Setting> = {},
): A => {
  const adapter = simulatedServer("simulated server", setting)
  const { exit, stuck } = run(
    Effect.gen(function* () {
      const base = Context.get(yield* Layer.build(adapter.layer), Store)
      const processes = adapter.processes?.(base)
      if (processes === undefined) throw new Error("it brings no processes along")
      const [one, other] = [yield* processes.connect, yield* processes.connect]
      const met: Array<string> = []
      processes.disturb({ faults, prefix: "x", met: (what) => met.push(what) })
      yield* ask(base, command("points.open", { accountId: "ada" }))
      return yield* use(base, one.store, other.store, met)
    }),
    { preempt: "yields" },
  )
  if (exit === undefined || Exit.isFailure(exit)) throw new Error(stuck?.message ?? String(exit))
  return exit.value
}
const balance = (store: StoreShape) => Effect.map(store.reads.account(ada), (account) => account?.balance)
const charge = (amount: number) => command("points.charge", { accountId: "ada", amount })

describe("a standby that takes over", () => {
  // A process that knows nothing reads (1) and applies (2).
  const promoted: ReadonlyArray<FrameFault> = [{ fault: "promote", at: 3 }]
  const chargedAndLookedAt = (setting: Partial<Setting>, faults = promoted) =>
    withTwo(
      (base, one, other) =>
        Effect.gen(function* () {
          const first = yield* Effect.result(ask(one, charge(5)))
          const before = yield* balance(base)
          const second = yield* Effect.result(ask(other, charge(2)))
          return [first._tag, before, second._tag, yield* balance(base)]
        }),
      faults,
      setting,
    )

  it("has everything that was acknowledged where commits wait for it, and cuts off who sends meanwhile", () => {
    expect(chargedAndLookedAt({ standby: "synchronous" })).toEqual(["Success", 5, "Failure", 5])
  })

  it("has nothing of it where they do not", () => {
    expect(chargedAndLookedAt({ standby: "asynchronous" })).toEqual(["Success", 5, "Failure", undefined])
  })

  it("does not have what stopped waiting for it: its client never heard that it was done", () => {
    const faults: ReadonlyArray<FrameFault> = [{ fault: "cancel-wait", at: 2 }, ...promoted]
    expect(chargedAndLookedAt({ standby: "synchronous" }, faults)).toEqual(["Failure", 5, "Failure", 0])
  })

  it("has what stopped waiting, once anybody was told of its receipt", () => {
    const first = charge(5)
    const found = withTwo(
      (base, one, other) =>
        Effect.gen(function* () {
          yield* Effect.result(ask(one, first))
          const receipt = yield* base.reads.receipt(Scope.make("s"), "points.charge", IdempotencyKey.make(first.key))
          yield* Effect.result(ask(other, charge(2)))
          return [receipt?.commandId, yield* balance(base)]
        }),
      [{ fault: "cancel-wait", at: 2 }, ...promoted],
    )
    expect(found).toEqual([first.id, 5])
  })
})

describe("a session", () => {
  it("goes on without its client, until it is settled", () => {
    const outlived = (settles: boolean) =>
      withTwo(
        (base, one) =>
          Effect.gen(function* () {
            const first = yield* Effect.result(ask(one, charge(5)))
            const fault = first._tag === "Failure" ? first.failure : undefined
            if (fault?._tag !== "Lost" || typeof fault.attempt !== "object") throw new Error("nothing was lost")
            const isSettled = settles ? yield* one.settle?.(fault.attempt) ?? Effect.succeed(false) : undefined
            yield* Effect.sleep(500)
            return [isSettled, yield* balance(base)]
          }),
        [{ fault: "cut-frame", at: 2, fate: "outlived" }],
      )
    expect(outlived(false)).toEqual([undefined, 5])
    expect(outlived(true)).toEqual([true, 0])
  })

  it("that was cut off before its frame got there did nothing", () => {
    const [tag, found] = withTwo(
      (base, one) =>
        Effect.gen(function* () {
          const first = yield* Effect.result(ask(one, charge(5)))
          yield* Effect.sleep(500)
          return [first._tag, yield* balance(base)] as const
        }),
      [{ fault: "cut-frame", at: 2, fate: "lost" }],
    )
    expect([tag, found]).toEqual(["Failure", 0])
  })

  it("works through its frames one after the other: none begins before the one before it has ended", () => {
    const opening = [command("points.open", { accountId: "ada" })]
    const { exit } = run(
      Effect.gen(function* () {
        const cluster = yield* SimulatedCluster.make()
        const session = cluster.connect(false)
        const { changes } = fold(opening, cluster.primary.tables.records, 0)
        if (changes === undefined) throw new Error("nothing is to be applied")
        const first = yield* Effect.forkChild(session.send({ _tag: "Apply", changes, begins: true, heard: true }), {
          startImmediately: true,
        })
        // The server is at work with the first one when the second one comes.
        while (cluster.primary.active.size === 0) yield* Effect.yieldNow
        yield* Effect.yieldNow
        const second = yield* session.send({ _tag: "Lock", keys: keysOfCommands(opening) })
        const applied = yield* Fiber.join(first)
        yield* session.send({ _tag: "Rollback" })
        const balanceSeen = "records" in second ? second.records.account(ada)?.balance : undefined
        return [applied._tag, balanceSeen, cluster.primary.active.size]
      }),
      { preempt: "yields" },
    )
    expect(exit).toEqual(Exit.succeed(["Applied", 0, 0]))
  })
})

describe("row locks", () => {
  const locked = <A>(use: (locks: RowLocks) => Effect.Effect<A>): A => {
    const { exit } = run(
      Effect.suspend(() => use(new RowLocks())),
      { preempt: "yields" },
    )
    if (exit === undefined || Exit.isFailure(exit)) throw new Error("it did not come to its end")
    return exit.value
  }
  const holder = () => ({ locks: new Set<string>() })

  it("are given in the order in which they were asked for, and shared by those who only look", () => {
    const order = locked((locks) =>
      Effect.gen(function* () {
        const [owner, first, second, third] = [holder(), holder(), holder(), holder()]
        const given: Array<number> = []
        const take = (who: { readonly locks: Set<string> }, mode: "shared" | "exclusive", number: number) =>
          Effect.forkChild(Effect.map(locks.take(who, "row", mode, 100), (isGiven) => isGiven && given.push(number)))
        yield* locks.take(owner, "row", "exclusive", 100)
        const waiting = [
          yield* take(first, "shared", 1),
          yield* take(second, "shared", 2),
          yield* take(third, "exclusive", 3),
        ]
        yield* Effect.sleep(10)
        locks.release(owner)
        yield* Effect.sleep(10)
        const shared = [...given]
        locks.release(first)
        locks.release(second)
        yield* Fiber.awaitAll(waiting)
        return [shared, given]
      }),
    )
    expect(order).toEqual([
      [1, 2],
      [1, 2, 3],
    ])
  })

  it("are shared with those who waited behind one that gives up", () => {
    const given = locked((locks) =>
      Effect.gen(function* () {
        const [owner, first, second, third] = [holder(), holder(), holder(), holder()]
        yield* locks.take(owner, "row", "exclusive", 100)
        const sharing = yield* Effect.forkChild(locks.take(first, "row", "shared", 100))
        yield* Effect.sleep(1)
        const late = yield* Effect.forkChild(locks.take(second, "row", "exclusive", 30))
        yield* Effect.sleep(1)
        const behind = yield* Effect.forkChild(locks.take(third, "row", "shared", 100))
        yield* Effect.sleep(1)
        locks.release(owner)
        return [yield* Fiber.join(sharing), yield* Fiber.join(late), yield* Fiber.join(behind)]
      }),
    )
    expect(given).toEqual([true, false, true])
  })

  it("are not given to those who have given up, nor to two at once", () => {
    const [late, next, held] = locked((locks) =>
      Effect.gen(function* () {
        const [owner, first, second] = [holder(), holder(), holder()]
        yield* locks.take(owner, "row", "exclusive", 100)
        const isLate = yield* locks.take(first, "row", "exclusive", 30)
        locks.release(owner)
        const isNext = yield* locks.take(second, "row", "exclusive", 30)
        return [isLate, isNext, locks.isHeld("row")] as const
      }),
    )
    expect([late, next, held]).toEqual([false, true, true])
  })
})
