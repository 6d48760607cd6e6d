/**
 * The laws of the bus on the bus in this process, and on buses that are wrong in one thing, in simulated time.
 */
import { Effect, Logger } from "effect"
import { describe, expect, it } from "vitest"
import { busLaws } from "../../src/testing/bus/busLaws.ts"
import { busMutants, groundedBuses } from "../../src/testing/bus/busMutants.ts"
import { type BusAdapter, busConformance } from "../../src/testing/index.ts"
import { run } from "../../src/testing/sim/Sim.ts"

const brokenOf = (adapter: BusAdapter, seed = 1) => {
  // A subscriber that keeps failing is warned of.
  const kit = busConformance(adapter, { rounds: 3, seed }).pipe(Effect.provide(Logger.layer([])))
  const { exit, stuck } = run(kit, { seed })
  if (exit?._tag !== "Success") throw new Error(stuck?.message ?? "The kit failed.")
  return exit.value.laws.filter(({ verdict }) => verdict === "broken").map(({ id }) => id)
}

it("the bus in this process keeps the laws of the bus", () => {
  for (let seed = 1; seed <= 10; seed++) expect(brokenOf({ name: "in process", ...groundedBuses() }, seed)).toEqual([])
})

describe("the laws of the bus catch", () => {
  it.each(busMutants.map((mutant) => [mutant.name, mutant] as const))("%s", (_, mutant) => {
    for (let seed = 1; seed <= 5; seed++) expect(brokenOf(mutant, seed)).toContain(mutant.diesBy)
  })

  it("each by a mutant of its own", () => {
    expect(new Set(busMutants.map(({ diesBy }) => diesBy))).toEqual(new Set(busLaws.map(({ id }) => id)))
  })

  it("a bus that never closes, and says so", () => {
    const { open } = groundedBuses()
    const name = "closes never"
    const closing: BusAdapter["open"] = (ground) =>
      Effect.andThen(
        Effect.addFinalizer(() => Effect.never),
        open(ground),
      )
    expect(brokenOf({ name, open: closing })).toEqual(["BUS-05"])
  })
})
