/** What failed once is kept in a real folder, and run first from then on. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Effect, Layer } from "effect"
import { afterAll, describe, expect, it } from "vitest"
import { Store } from "../../src/ports/index.ts"
import type { Adapter } from "../../src/testing/conformance/Adapter.ts"
import { bind, type Report, type SuiteOptions, Zoo } from "../../src/testing/index.ts"
import { folderOf, regressionsIn } from "../../src/testing/vitest/regressions.ts"

const root = mkdtempSync(join(tmpdir(), "holdfast-regressions-"))
afterAll(() => rmSync(root, { recursive: true, force: true }))

const [memory] = Zoo.controls
const lostUpdate = Zoo.mutants.find(({ name }) => name === "lost update on stock")?.adapter
if (memory === undefined || lostUpdate === undefined) throw new Error("there is no such store")

/** Runs a bound suite as a runner would: its hook, then its tests. Answers the report and the tests that failed. */
const runSuite = async (adapter: Adapter, options: SuiteOptions) => {
  const hooks: Array<() => Promise<void>> = []
  const tests: Array<{ readonly name: string; readonly test: () => Promise<void> }> = []
  let report: Report | undefined
  bind({
    describe: (_name, suite) => suite(),
    it: (name, test) => tests.push({ name, test }),
    beforeAll: (run) => hooks.push(run),
  })(adapter, {
    ...options,
    onReport: (made) => {
      report = made
    },
  })
  for (const hook of hooks) await hook()
  const failed: Array<string> = []
  const said: Array<string> = []
  for (const { name, test } of tests) {
    await test().catch(({ message }: Error) => {
      failed.push(name)
      said.push(message)
    })
  }
  if (report === undefined) throw new Error("there is no report")
  return { report, failed, said, names: tests.map(({ name }) => name) }
}

describe("a bound suite", () => {
  it("has a test for each law that is put to the test, and for no other", async () => {
    const { names, report } = await runSuite(memory, { profile: "quick", laws: "PRC-*,STK-01", rounds: 1 })
    expect(names.map((name) => name.slice(0, 6))).toEqual(["STK-01", "comes "])
    expect(report.disclaims).toContain(
      "untested here: processes with connections of their own (PRC-01, PRC-02, PRC-03, PRC-04)",
    )
  })

  it("given a store of which no trial ends → accuses the law that stands for it alone, and says that no other was judged", async () => {
    const layer = Layer.effect(Store, Effect.never)
    const written: Array<string> = []
    const regressions = {
      read: () => [],
      write: (found: ReadonlyArray<{ readonly law: string }>) => void written.push(...found.map(({ law }) => law)),
    }
    const { report, said } = await runSuite(
      { ...memory, layer },
      { profile: "quick", laws: "PTS-01,STK-07", rounds: 3, regressions },
    )
    expect(report.failures.map(({ law }) => law)).toEqual(["STK-07"])
    expect(written).toEqual(["STK-07"])
    expect(said[0]).toBe("PTS-01 was not judged: no trial came to an end")
  })
})

describe("a folder of regressions", () => {
  it("gets the tokens of what failed, which run first, once, and stay when all is well again", async () => {
    const regressions = regressionsIn(join(root, "deep", "regressions"))
    const options: SuiteOptions = { profile: "quick", laws: "STK-0*", rounds: 2, regressions }
    expect(await regressions.read()).toEqual([])

    const first = await runSuite(lostUpdate, options)
    expect(first.failed.some((name) => name.startsWith("STK-01"))).toBe(true)
    const files = readdirSync(join(root, "deep", "regressions")).sort()
    expect(files.filter((file) => /^STK-01-[0-9a-f]{8}\.txt$/.test(file))).toHaveLength(1)
    const page = files.find((file) => file.startsWith("STK-01") && file.endsWith(".html")) ?? ""
    expect(readFileSync(join(root, "deep", "regressions", page), "utf8")).toContain("<svg")
    const tokens = await regressions.read()
    expect(tokens).toContain(first.report.failures.find(({ law }) => law === "STK-01")?.token)

    // Without any round, the known tokens alone find it again, and nothing new is written.
    const second = await runSuite(lostUpdate, { ...options, rounds: 0 })
    expect(second.report.trials).toBe(tokens.length)
    const known = second.report.failures.find(({ law }) => law === "STK-01")
    expect(known).toMatchObject({ known: true })
    expect(tokens).toContain(known?.token)
    expect(readdirSync(join(root, "deep", "regressions")).sort()).toEqual(files)

    // A store that is whole passes them, and they stay.
    const fixed = await runSuite(memory, { ...options, rounds: 0 })
    expect(fixed.report).toMatchObject({ ok: true, trials: tokens.length })
    expect(fixed.failed).toEqual([])
    expect(await regressions.read()).toEqual(tokens)
  })

  it("stands beside the nearest package.json above the test file", () => {
    expect(folderOf(import.meta.filename)).toBe(join(import.meta.dirname, "../../conformance/regressions"))
  })
})
