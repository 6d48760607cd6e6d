import { afterEach, describe, expect, it, vi } from "vitest"
import { fromEnvironment } from "../../src/testing/vitest/environment.ts"

const names = ["PROFILE", "SEED", "BUDGET", "LAWS", "REPLAY"]
const set = (values: Readonly<Record<string, string>>): void => {
  for (const name of names) vi.stubEnv(`CONFORM_${name}`, values[name] ?? "")
}
afterEach(() => {
  vi.unstubAllEnvs()
})

describe("a conformance run", () => {
  it("takes from the environment what is set there, and nothing else", () => {
    set({})
    expect(fromEnvironment()).toEqual({})
    set({ PROFILE: "soak", SEED: "7", BUDGET: "60000", LAWS: "STK-*", REPLAY: "STK-01.abc" })
    expect(fromEnvironment()).toEqual({
      profile: "soak",
      seed: 7,
      budgetMillis: 60_000,
      laws: "STK-*",
      replay: "STK-01.abc",
    })
  })

  it("refuses what cannot be meant", () => {
    set({ PROFILE: "thorough" })
    expect(fromEnvironment).toThrow(/CONFORM_PROFILE must be quick, standard, soak/)
    set({ SEED: "1e9" })
    expect(fromEnvironment).toThrow(/CONFORM_SEED must be a whole number/)
  })
})
