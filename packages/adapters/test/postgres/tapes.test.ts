/**
 * Several shops on a real server, under every order of their frames, and orders of frames, replies and time-outs that are
 * drawn. A clock decides none of it.
 */
import type { ChangeSet, StoreShape } from "@holdfast/core/ports"
import { Sim, Tapes } from "@holdfast/core/testing"
import { Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { PostgresStore } from "../../src/postgres/PostgresStore.ts"
import { postgresStages } from "../../src/testing/index.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

describe("tapes", () => {
  const { url, server } = serverForFile("tapes")
  const schema = freshSchema()
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))
  beforeAll(async () => {
    if (server() === undefined) return
    await Effect.runPromise(Effect.scoped(PostgresStore.make({ url: url(), schema })))
  })
  afterAll(async () => {
    if (server() !== undefined) await Effect.runPromise(query(url(), `drop schema ${schema} cascade`))
  })

  const openAt = (at: string) => PostgresStore.make({ url: at, schema, migrate: "off" })
  const onStages = <A, E>(
    { engines }: Tapes.TapePlan,
    use: (open: Tapes.OpenStage) => Effect.Effect<A, E>,
    open: typeof openAt = openAt,
  ): Promise<A> =>
    Effect.runPromise(
      Effect.scoped(Effect.flatMap(postgresStages({ url: url(), shops: engines, open }), (stage) => use(stage))),
    )
  const atOnce = (plan: Tapes.TapePlan): Tapes.TapePlan => ({ ...plan, replies: "at once" })

  it("two shops with two batches each keep every law in every order of their frames", () =>
    onStages(atOnce(Tapes.plans.charges), (open) =>
      Effect.gen(function* () {
        const report = yield* Tapes.play(atOnce(Tapes.plans.charges), open)
        expect(report).toMatchObject({ failures: [], complete: true })
        expect(report.runs).toBeGreaterThan(6)
        expect(report.waited).toBeGreaterThan(0)
      }),
    ))

  for (const [name, plan] of Object.entries(Tapes.plans)) {
    it(`an order of frames, replies and time-outs that is drawn keeps every law, and is the same again: ${name}`, () =>
      onStages(plan, (open) =>
        Effect.gen(function* () {
          const report = yield* Tapes.play(plan, open, { strategy: Sim.random(7), runs: 3, twice: true })
          expect(report).toMatchObject({ failures: [], divergences: [], runs: 3 })
        }),
      ))
  }

  it("find a shop that does not look at what others have moved, and play it again from the token", () => {
    const { charges } = Tapes.plans
    const open = (at: string) => Effect.map(openAt(at), withoutExactGuards)
    return onStages(
      charges,
      (stage) =>
        Effect.gen(function* () {
          const { failures } = yield* Tapes.play(atOnce(charges), stage, { runs: 30 })
          const [failure] = failures
          if (failure === undefined) return expect.fail("nobody noticed")
          const again = yield* Tapes.replay(failure.token, stage)
          expect(again?.failure).toMatchObject({ law: failure.law, message: expect.any(String) })
          expect(Tapes.divergenceOf(failure.trace, again?.trace ?? [])).toBeUndefined()
        }),
      open,
    )
  })

  it("say where two runs went apart, and leave no connection behind", async () => {
    expect(Tapes.divergenceOf(["send", "reply"], ["send", "timeout"])).toEqual({
      move: 1,
      first: "reply",
      second: "timeout",
    })
    const left = () =>
      Effect.runPromise(query(url(), "select pid from pg_stat_activity where application_name = 'holdfast'"))
    await expect.poll(left).toEqual([])
  })
})

/** Its changes are right for what it saw, and it does not look whether that is still so. */
const withoutExactGuards = (store: StoreShape): StoreShape => ({
  ...store,
  transact: (keys, decide, turn) =>
    store.transact(
      keys,
      (records) => {
        const decided = decide(records)
        return decided.changes === undefined ? decided : { ...decided, changes: careless(decided.changes) }
      },
      turn,
    ),
})

const careless = (changes: ChangeSet): ChangeSet => ({
  ...changes,
  puts: { ...changes.puts, account: changes.puts.account.map((put) => ({ ...put, guard: "relative" as const })) },
})
