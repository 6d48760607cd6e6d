import { describe, expect, test } from "vitest"
import { parseOptions, UsageError } from "../src/options.ts"
import { loadScenarios } from "../src/registry.ts"

describe("the command line", () => {
  test.each([
    [[], { scenario: undefined, quick: false, large: false, json: false, help: false }],
    [["memory"], { scenario: "memory", quick: false, large: false, json: false, help: false }],
    [["--quick", "memory", "--json"], { scenario: "memory", quick: true, large: false, json: true, help: false }],
    [["--large", "popular"], { scenario: "popular", quick: false, large: true, json: false, help: false }],
    [["-h"], { scenario: undefined, quick: false, large: false, json: false, help: true }],
  ])("%j", (args, options) => {
    expect(parseOptions(args)).toEqual(options)
  })

  test.each([
    [["memory", "disk"], 'One scenario at a time: "memory" or "disk"?'],
    [["memory", "--slow"], "Unknown option '--slow'. See --help."],
    [["--quick=yes"], "Option '--quick' does not take an argument. See --help."],
  ])("refuses %j in one sentence", (args, sentence) => {
    expect(() => parseOptions(args)).toThrow(new UsageError(sentence))
  })
})

test("every file of scenarios/ is found under the name it gives itself", async () => {
  const scenarios = await loadScenarios()
  expect(scenarios.get("memory")?.about).toMatch(/memory/)
  for (const [name, scenario] of scenarios) expect(scenario.name).toBe(name)
})
