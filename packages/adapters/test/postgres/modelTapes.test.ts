/**
 * The same tapes on a real server and on the simulated one: the moves that come of a tape, and what every call is answered,
 * are the same. Where they are not, the model is wrong.
 */
import type { Path } from "@holdfast/core/ports"
import { Sim, Tapes } from "@holdfast/core/testing"
import { Effect } from "effect"
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest"
import { PostgresStore } from "../../src/postgres/PostgresStore.ts"
import { postgresStages } from "../../src/testing/index.ts"
import { freshSchema, query, serverForFile } from "../support/stores.ts"

describe("the simulated server", () => {
  const { url, server } = serverForFile("the model's tapes")
  const schema = freshSchema()
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))
  beforeAll(async () => {
    if (server() === undefined) return
    await Effect.runPromise(Effect.scoped(PostgresStore.make({ url: url(), schema })))
  })
  afterAll(async () => {
    if (server() !== undefined) await Effect.runPromise(query(url(), `drop schema ${schema} cascade`))
  })

  /** Plays tapes on the real server, and each again on the simulated one. */
  const onBoth = (
    plan: Tapes.TapePlan,
    options: Tapes.TapesOptions,
    path: Path = "any",
    simulatedPath: Path = path,
  ): Promise<Tapes.TapesReport> => {
    const shops = plan.engines
    const open = (at: string) => PostgresStore.make({ url: at, schema, migrate: "off", path })
    const beside = { open: Tapes.simulatedStages({ shops, path: simulatedPath }), inWords: inFrames }
    return Effect.runPromise(
      Effect.scoped(
        Effect.flatMap(postgresStages({ url: url(), shops, open }), (stages) =>
          Tapes.play(plan, stages, { ...options, beside }),
        ),
      ),
    )
  }
  const atOnce = (plan: Tapes.TapePlan): Tapes.TapePlan => ({ ...plan, replies: "at once" })

  it("comes to the same moves and answers as a real one in every order of two shops' frames", async () => {
    const report = await onBoth(atOnce(Tapes.plans.charges), {})
    expect(report).toMatchObject({ failures: [], divergences: [], complete: true })
    expect(report.waited).toBeGreaterThan(0)
  })

  for (const path of ["blind", "snapshot", "locked"] as const) {
    it(`comes to the same whichever path batches take: ${path}`, async () => {
      const report = await onBoth(crossed, { strategy: Sim.random(12), runs: 5 }, path)
      expect(report).toMatchObject({ failures: [], divergences: [], runs: 5 })
    })
  }

  it("lets go of the locks of a transaction as soon as one of its statements has failed", async () => {
    // The order waits for the product and has the account, for which the third shop waits. It gives up; the third goes on.
    const { divergences } = await onBoth(crossed, { strategy: Sim.replay([1, 0, 0, 1, 2]) }, "locked")
    expect(divergences).toEqual([])
  })

  it("checks what a row would become before it waits for it", async () => {
    // The second order cannot be paid for any more, and the first shop has the account locked when its changes come.
    const tape = [1, 0, 0, 0, 1, 0, 2, 1, 0, 1, 1, 1, 1, 0, 1, 1]
    const { divergences } = await onBoth(Tapes.plans.purchases, { strategy: Sim.replay(tape) })
    expect(divergences).toEqual([])
  })

  it("is told from one whose batches go another way", async () => {
    const { divergences } = await onBoth(crossed, { runs: 1 }, "locked", "snapshot")
    expect(divergences).toMatchObject([{ first: "send 0.0: lock", second: "send 0.0: snapshot" }])
  })

  for (const [name, plan] of Object.entries(Tapes.plans)) {
    it(`comes to the same where connections are cut and replies are lost: ${name}`, async () => {
      const report = await onBoth({ ...plan, cuts: 2 }, { strategy: Sim.random(13), runs: 5 })
      expect(report).toMatchObject({ failures: [], divergences: [], runs: 5 })
      expect(report.cuts).toBeGreaterThan(0)
    })

    it(`comes to the same in orders of frames, replies and time-outs that are drawn: ${name}`, async () => {
      const report = await onBoth(plan, { strategy: Sim.random(11), runs: 5 })
      expect(report).toMatchObject({ failures: [], divergences: [], runs: 5 })
    })
  }
})

/** Three shops that wait for one another: whoever gives up has the first of two rows by then. */
const crossed: Tapes.TapePlan = {
  way: "store",
  faults: [],
  engines: 3,
  setup: [
    { call: "points.open", input: { accountId: "ada" } },
    { call: "points.charge", input: { accountId: "ada", amount: 9 } },
    { call: "stock.register", input: { productId: "pen", name: "pen", price: 2, onHand: 3 } },
  ],
  clients: [
    [
      {
        do: "call",
        calls: [{ call: "orders.place", input: { accountId: "ada", lines: [{ productId: "pen", quantity: 2 }] } }],
      },
    ],
    [{ do: "call", calls: [{ call: "stock.adjust", input: { productId: "pen", change: -2 } }] }],
    [{ do: "call", calls: [{ call: "points.adjust", input: { accountId: "ada", change: -6 } }] }],
  ],
}

/** A move at a real server in the words of the simulated one: what its statements are, and what their errors mean. */
const inFrames = (move: string): string => {
  const [, start, statements = "", codes] = /^(\w+ [\d.]+: )(.*?)(?: failed: (.*))?$/.exec(move) ?? []
  if (start === undefined) return move
  return `${start}${frameOf(statements.split("; "))}${codes === undefined ? "" : ` failed: ${meaningOf(codes)}`}`
}

const frameOf = (all: ReadonlyArray<string>): string => {
  // What only tidies a session up goes with the frame before it.
  const statements = all.filter((statement) => !statement.startsWith("discard"))
  const begins = statements[0]?.startsWith("begin") === true
  const [first, ...others] = begins ? statements.slice(1) : statements
  const last = others.at(-1) ?? first
  if (!begins) return last === "commit" ? "apply" : last === "rollback" ? "rollback" : "snapshot"
  if (last === "rollback") return first?.startsWith("set") ? "await" : "suspects"
  if (last !== "commit") return "lock"
  return first?.startsWith("select") ? "confirm" : "begin apply"
}

/** The first error is the reason of those that follow. */
const meaningOf = (codes: string): string => (codes.startsWith("55P03") ? "not given" : "conflict")
