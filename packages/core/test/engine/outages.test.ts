/**
 * What the log hears of a store that is away: one line when it begins and one when it ends.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect, Layer, Logger, Scope } from "effect"
import { TestClock } from "effect/testing"
import { watchOutages } from "../../src/engine/outages.ts"
import { createHoldfast } from "../../src/index.ts"
import { MemoryStore } from "../../src/memory/index.ts"
import { Store, type StoreFault, type StoreShape } from "../../src/ports/index.ts"
import { AccountId, SubscriptionName } from "../../src/values.ts"
import { controlledStore, gate, lose, losing, rejecting } from "../support/controlledStore.ts"
import { ask, engineOn, pass, runOn, submitAll } from "../support/submitting.ts"
import { charge, furnish, names } from "./commands.ts"

/** Everything that is logged, as text. */
const listening = () => {
  const lines: Array<string> = []
  return { lines, layer: Logger.layer([Logger.make(({ message }) => lines.push(String(message)))]) }
}

/** A watched store, whose reads and changes fail as told. */
const watched = Effect.gen(function* () {
  const changes = yield* controlledStore()
  yield* Effect.orDie(furnish(changes.shape, { accounts: names(10) }))
  let fault: StoreFault | undefined
  const { shape } = changes
  const store: StoreShape = {
    ...shape,
    reads: {
      ...shape.reads,
      account: (id) =>
        Effect.suspend(() => (fault === undefined ? shape.reads.account(id) : Effect.fail<StoreFault>(fault))),
    },
  }
  const seen = yield* watchOutages(store)
  const engine = yield* engineOn({ ...changes, shape: seen } as typeof changes)
  return {
    changes,
    engine,
    change: ask(engine, charge("a0", 1)),
    changeMany: (count: number) =>
      submitAll(
        engine,
        Array.from({ length: count }, (_, n) => charge(`a${n % 10}`, 1)),
      ),
    read: Effect.exit(seen.reads.account(AccountId.make("a0"))),
    failReads: (as: StoreFault | undefined) => {
      fault = as
    },
    loseChanges: () => {
      changes.behave = () => losing
    },
    takeChanges: () => {
      changes.behave = (_, run) => run
    },
  }
})

const lost: StoreFault = { _tag: "Lost", reason: "connect ECONNREFUSED" }

const began = (reason: string) => `The store fails, and calls are tried again until their deadlines: ${reason}`
const ended = (seconds: string, reason: string, last: string) =>
  `The store works again after ${seconds} s (last failure after ${last} s): ${reason}`

const told = (test: (lines: ReadonlyArray<string>) => Effect.Effect<void, never, Scope.Scope>) => () => {
  const { lines, layer } = listening()
  return Effect.provide(test(lines), layer)
}

describe("an outage", () => {
  it.effect(
    "is one line when it begins and one when it is over, whatever the traffic",
    told((lines) =>
      Effect.gen(function* () {
        const { changeMany, loseChanges, takeChanges, read, failReads } = yield* watched
        loseChanges()
        failReads(lost)
        changeMany(1_000)
        yield* pass(3_000)
        for (let n = 0; n < 100; n++) yield* read
        expect(lines).toEqual([began("the connection was lost")])
        takeChanges()
        failReads(undefined)
        yield* pass(4_000)
        // It has worked for a while, and is not over before nothing was lost for five seconds.
        expect(lines).toHaveLength(1)
        yield* pass(5_000)
        expect(lines).toEqual([
          began("the connection was lost"),
          expect.stringMatching(
            /^The store works again after [34]\.\d s \(last failure after \d\.\d s\): the connection was lost$/,
          ),
        ])
        yield* pass(60_000)
        expect(lines).toHaveLength(2)
      }),
    ),
  )

  it.effect(
    "goes on while every second call is lost",
    told((lines) =>
      Effect.gen(function* () {
        const { read, failReads } = yield* watched
        for (let second = 0; second < 60; second++) {
          failReads(second % 2 === 0 ? lost : undefined)
          yield* read
          yield* TestClock.adjust(1_000)
        }
        expect(lines).toEqual([began("connect ECONNREFUSED")])
        yield* TestClock.adjust(4_000)
        expect(lines[1]).toBe(ended("59.0", "connect ECONNREFUSED", "58.0"))
      }),
    ),
  )

  it.effect(
    "of a store that takes no changes is not over because it can be read",
    told((lines) =>
      Effect.gen(function* () {
        const { changes, change, engine, takeChanges, read } = yield* watched
        // As on a full disk: decided, and never made durable.
        changes.behave = lose("after the commit", Number.POSITIVE_INFINITY)
        yield* Effect.forkScoped(change)
        yield* pass(2_000)
        for (let second = 0; second < 20; second++) {
          yield* read
          yield* TestClock.adjust(1_000)
        }
        expect(lines).toHaveLength(1)
        takeChanges()
        yield* ask(engine, charge("a0", 1, { at: 22_000, deadline: 32_000 }))
        yield* TestClock.adjust(5_000)
        expect(lines).toHaveLength(2)
      }),
    ),
  )

  it.effect(
    "is not over by an answer that was asked for before it",
    told((lines) =>
      Effect.gen(function* () {
        const { changes, change, read, failReads } = yield* watched
        const held = gate()
        changes.behave = held.behave
        yield* Effect.forkScoped(change)
        yield* runOn
        failReads(lost)
        yield* read
        held.open()
        yield* pass(10_000)
        expect(lines).toEqual([began("connect ECONNREFUSED")])
      }),
    ),
  )

  it.effect(
    "is none where the store rejects, refuses or is busy; an error that it throws is one",
    told((lines) =>
      Effect.gen(function* () {
        const { changes, change, read, failReads } = yield* watched
        changes.behave = () => rejecting("permission denied")
        yield* change
        failReads({ _tag: "Rejected", reason: "permission denied" })
        yield* read
        failReads({ _tag: "Busy", keys: [] })
        yield* read
        yield* pass(10_000)
        expect(lines).toEqual([])
        changes.behave = () => Effect.die(new Error("a bug of the adapter"))
        yield* Effect.forkScoped(change)
        yield* pass(100)
        expect(lines).toEqual([began("it threw an error")])
      }),
    ),
  )

  it.effect(
    "is none where a name that is registered waits for a transaction of somebody else",
    told((lines) =>
      Effect.gen(function* () {
        const { shape } = yield* controlledStore()
        const waiting: StoreFault = { _tag: "Lost", reason: "ask again to go on waiting" }
        const outbox = { ...shape.outbox, register: () => Effect.fail(waiting), unregister: () => Effect.fail(waiting) }
        const seen = yield* watchOutages({ ...shape, outbox })
        const name = SubscriptionName.make("projection")
        expect(yield* Effect.orDie(Effect.flip(seen.outbox.register(name)))).toEqual(waiting)
        expect(yield* Effect.orDie(Effect.flip(seen.outbox.unregister(name)))).toEqual(waiting)
        expect(lines).toEqual([])
      }),
    ),
  )

  it.effect(
    "that is over is told of when the shop stops, and one that is not is left open",
    told((lines) =>
      Effect.gen(function* () {
        for (const works of [true, false]) {
          const scope = yield* Scope.make()
          const { read, failReads } = yield* Scope.provide(watched, scope)
          failReads(lost)
          yield* read
          yield* TestClock.adjust(1_500)
          if (works) failReads(undefined)
          yield* read
          yield* Scope.close(scope, { _tag: "Success", value: undefined } as never)
        }
        const begin = began("connect ECONNREFUSED")
        expect(lines).toEqual([begin, ended("1.5", "connect ECONNREFUSED", "0.0"), begin])
      }),
    ),
  )
})

describe("a watched store", () => {
  it.effect("may be written as a class", () =>
    Effect.gen(function* () {
      const inner = yield* MemoryStore.make
      class Reads {
        readonly #inner = inner.reads
        account(id: AccountId) {
          return this.#inner.account(id)
        }
      }
      class OwnStore {
        readonly #secret = { ...inner, reads: new Reads() }
        readonly reads = new Reads()
        get guarantees() {
          return this.#secret.guarantees
        }
        join(handle: unknown) {
          return Effect.succeed([this.#secret.guarantees.name, handle])
        }
        get outbox() {
          return this.#secret.outbox
        }
      }
      const store = yield* watchOutages(new OwnStore() as unknown as StoreShape)
      expect(yield* store.reads.account(AccountId.make("ada"))).toBeUndefined()
      expect(store.guarantees.name).toBe("memory")
      expect(yield* store.join?.("tx") ?? Effect.void).toEqual(["memory", "tx"])
    }),
  )

  it("tells the shop's logger, and subscriptions say nothing of their own", async () => {
    const lines: Array<string> = []
    const inner = await Effect.runPromise(MemoryStore.make)
    let isAway = false
    const whenThere = <A, E>(asked: Effect.Effect<A, E>): Effect.Effect<A, E | StoreFault> =>
      Effect.suspend((): Effect.Effect<A, E | StoreFault> => (isAway ? Effect.fail(lost) : asked))
    const { outbox } = inner
    const store: StoreShape = {
      ...inner,
      guarantees: { ...inner.guarantees, scope: "many machines" },
      transact: (keys, decide) => whenThere(inner.transact(keys, decide)),
      outbox: {
        ...outbox,
        lease: (...input) => whenThere(outbox.lease(...input)),
        claim: (...input) => whenThere(outbox.claim(...input)),
        acknowledge: (...input) => whenThere(outbox.acknowledge(...input)),
      },
    }
    const shop = createHoldfast({
      store: { name: "away", layer: Layer.succeed(Store, store) },
      logger: (level, message) => lines.push(`${level} ${message}`),
      // Long enough for a call that is served on a slow machine.
      deadlineMillis: 3_000,
    })
    const heard: Array<string> = []
    for (const name of ["one", "two", "three"]) await shop.events.subscribe(name, ({ type }) => heard.push(type))
    await shop.points.open({ accountId: "ada" })
    isAway = true
    const calls = Array.from({ length: 50 }, (_, n) =>
      shop.points.charge({ accountId: "ada", amount: 1, key: `k${n}` }).catch(() => {}),
    )
    await Promise.all(calls)
    expect(lines).toEqual([`warn ${began("connect ECONNREFUSED")}`])
    isAway = false
    await shop.points.charge({ accountId: "ada", amount: 1, key: "again" })
    await expect.poll(() => heard.length).toBe(6)
    await shop.stop()
    expect(lines).toHaveLength(2)
    expect(lines[1]).toMatch(/^warn The store works again after \d+\.\d s .*: connect ECONNREFUSED$/)
  })
})
