import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { describe, expect, it } from "@effect/vitest"
import { Effect, Exit, Fiber, Scope } from "effect"
import { makeEngine } from "../../src/engine/Engine.ts"
import { controlledStore, gate } from "../support/controlledStore.ts"
import { ask, endOf, engineOn, inSimulatedTime, pass, runOn, submit, submitAll, tally } from "../support/submitting.ts"
import { balanceOf, charge, furnish, names } from "./commands.ts"

const shop = Effect.gen(function* () {
  const store = yield* controlledStore({ lanes: 1 })
  yield* furnish(store.shape, { accounts: names(50) })
  const held = gate()
  store.behave = held.behave
  return { store, held }
})

describe("stopping", () => {
  it.effect("waits for what was admitted, and answers it as it ended", () =>
    Effect.gen(function* () {
      const { store, held } = yield* shop
      const engine = yield* engineOn(store)
      const admitted = submitAll(
        engine,
        names(20).map((account) => charge(account, 1)),
      )
      yield* runOn
      const stopping = yield* Effect.forkChild(engine.stop(5_000), { startImmediately: true })
      yield* pass(1_000)
      expect(stopping.pollUnsafe()).toBeUndefined()
      held.open()
      yield* inSimulatedTime(Fiber.join(stopping))
      expect(tally(admitted.map(({ outcome }) => outcome()))).toEqual({ Accepted: 20 })
    }),
  )

  it.effect("answers those that are left when the time is over: unknown in hand, nothing happened behind it", () =>
    Effect.gen(function* () {
      const { store } = yield* shop
      const engine = yield* engineOn(store)
      const inHand = submitAll(engine, [charge("a0", 1), charge("a1", 1)])
      yield* runOn
      const behind = submitAll(engine, [charge("a2", 1), charge("a3", 1), charge("a2", 1, { key: "k" })])
      const twin = submit(engine, charge("a2", 1, { key: "k" }))
      yield* inSimulatedTime(engine.stop(500))
      expect(inHand.map(({ outcome }) => outcome())).toMatchObject([
        { unavailable: { _tag: "StoreUnavailable", outcome: "unknown" } },
        { unavailable: { _tag: "StoreUnavailable", outcome: "unknown" } },
      ])
      expect(tally([...behind, twin].map(({ outcome }) => outcome()))).toEqual({ Stopped: 4 })
      expect([...inHand, ...behind, twin].every(({ answers }) => answers() === 1)).toBe(true)
    }),
  )

  it.effect("takes no new command from its first moment on", () =>
    Effect.gen(function* () {
      const { store, held } = yield* shop
      const engine = yield* engineOn(store)
      submit(engine, charge("a0", 1))
      yield* runOn
      const stopping = yield* Effect.forkChild(engine.stop(5_000), { startImmediately: true })
      yield* runOn
      const late = submit(engine, charge("a1", 1))
      expect(late.outcome()).toMatchObject({ unavailable: { _tag: "Stopped", outcome: "nothing-happened" } })
      held.open()
      yield* inSimulatedTime(Fiber.join(stopping))
      expect(yield* balanceOf(store.shape, "a1")).toBe(1_000)
    }),
  )

  it.effect("twice is harmless, and an idle engine stops at once", () =>
    Effect.gen(function* () {
      const { store } = yield* shop
      const engine = yield* engineOn(store)
      yield* engine.stop(5_000)
      yield* engine.stop(0)
      expect(endOf(yield* ask(engine, charge("a0", 1)))).toBe("Stopped")
    }),
  )

  it.effect("by closing the scope answers everybody who still waits", () =>
    Effect.gen(function* () {
      const { store } = yield* shop
      const scope = yield* Scope.make()
      const engine = yield* Scope.provide(makeEngine(store.shape, { queueLimit: 100 }), scope)
      yield* runOn
      const inHand = submit(engine, charge("a0", 1))
      yield* runOn
      const behind = submit(engine, charge("a1", 1))
      yield* Scope.close(scope, Exit.void)
      expect([inHand, behind].map(({ outcome }) => endOf(outcome()))).toEqual(["StoreUnavailable", "Stopped"])
      expect(endOf(yield* ask(engine, charge("a2", 1)))).toBe("Stopped")
    }),
  )
})

describe("settled", () => {
  it.effect("waits for what was admitted before, not for what came later", () =>
    Effect.gen(function* () {
      const { store, held } = yield* shop
      const engine = yield* engineOn(store)
      submit(engine, charge("a0", 1))
      yield* runOn
      const settled = yield* Effect.forkChild(engine.settled, { startImmediately: true })
      submit(engine, charge("a1", 1))
      yield* runOn
      expect(settled.pollUnsafe()).toBeUndefined()
      held.letOne()
      yield* runOn
      expect(settled.pollUnsafe()).toBeDefined()
    }),
  )

  it.effect("holds at once where nothing is on its way", () =>
    Effect.gen(function* () {
      const { store, held } = yield* shop
      held.open()
      const engine = yield* engineOn(store)
      yield* engine.settled
      yield* ask(engine, charge("a0", 1))
      yield* engine.settled
    }),
  )
})

/** Runs a script and gives what it wrote and how it ended. The signal ends one that does not end by itself. */
const run = (script: URL, signal: AbortSignal): Promise<{ readonly code: number | null; readonly output: string }> =>
  new Promise((resolve, reject) => {
    const file = fileURLToPath(script)
    const child = spawn(process.execPath, ["--conditions=@holdfast/source", file], {
      stdio: ["ignore", "pipe", "inherit"],
      signal,
    })
    child.on("error", reject)
    let output = ""
    child.stdout.on("data", (chunk) => {
      output += String(chunk)
    })
    child.on("exit", (code) => resolve({ code, output }))
  })

describe("an idle shop", () => {
  it("runs no timer: a process that forgot to stop it ends by itself", async ({ signal }) => {
    expect(await run(new URL("./idleShop.ts", import.meta.url), signal)).toEqual({ code: 0, output: "paid 2\n" })
  })
})
