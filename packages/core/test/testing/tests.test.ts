import { spawnSync } from "node:child_process"
import { existsSync, globSync, readFileSync } from "node:fs"
import { resolve } from "node:path"
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { issueCall } from "../../src/decision/couponCalls.ts"
import { placeCall } from "../../src/decision/orderCalls.ts"
import { adjustStockCall } from "../../src/decision/stockCalls.ts"
import { InterleavingStore } from "../../src/memory/index.ts"
import type { StoreShape } from "../../src/ports/index.ts"
import { commandMaker, transact } from "../../src/testing/suites/commands.ts"
import { ProductId } from "../../src/values.ts"
import { furnish, names } from "../engine/commands.ts"

const root = resolve(import.meta.dirname, "../../../..")
const core = resolve(root, "packages/core")

/** The same store, with a count of what overlapped: transactions open at once, and decisions made again. */
const watched = (store: StoreShape) => {
  const seen = { open: 0, mostOpen: 0, transacts: 0, decisions: 0 }
  const shape: StoreShape = {
    ...store,
    transact: (keys, decide) =>
      Effect.suspend(() => {
        seen.transacts += 1
        seen.open += 1
        seen.mostOpen = Math.max(seen.mostOpen, seen.open)
        return Effect.ensuring(
          store.transact(keys, (records) => {
            seen.decisions += 1
            return decide(records)
          }),
          Effect.sync(() => {
            seen.open -= 1
          }),
        )
      }),
  }
  return { shape, seen }
}

describe("the tests themselves", () => {
  it.effect.each(["optimistic", "locked"] as const)(
    "SB-56: ten buyers of two units, %s, are really at it at once, and two of them get one",
    (mode) =>
      Effect.gen(function* () {
        const make = commandMaker()
        const { shape, seen } = watched(yield* InterleavingStore.make({ optimistic: mode === "optimistic" }))
        yield* furnish(shape, { accounts: names(10), products: ["tea"], campaigns: ["spring"] })
        yield* transact(shape, [make(adjustStockCall, { productId: "tea", change: -998 })])
        const before = { ...seen }
        const buyers = names(10).map((accountId) => [
          make(placeCall, { accountId, lines: [{ productId: "tea", quantity: 1 }] }),
          make(issueCall, { campaignId: "spring", accountId }),
        ])
        const decisions = yield* Effect.forEach(buyers.flat(), (command) => transact(shape, [command]), {
          concurrency: "unbounded",
        })
        const orders = decisions.filter((_, index) => index % 2 === 0)
        expect(orders.filter(([decision]) => decision?._tag === "Accepted").length).toBe(2)
        const [tea] = yield* shape.reads.products([ProductId.make("tea")])
        expect(tea?.onHand).toBe(0)
        expect(seen.transacts - before.transacts).toBe(20)
        expect(seen.mostOpen).toBe(20)
        // On snapshots they met: somebody had to decide again because another one had committed in between.
        if (mode === "optimistic") expect(seen.decisions - before.decisions).toBeGreaterThan(20)
      }),
  )

  it("SB-57: every test file of the repository is among those that run", () => {
    const vitest = resolve(root, "node_modules/vitest/vitest.mjs")
    const { stdout, status, stderr } = spawnSync(process.execPath, [vitest, "list", "--filesOnly", "--json"], {
      cwd: root,
      encoding: "utf8",
      env: { ...process.env, VITEST: undefined, VITEST_POOL_ID: undefined, VITEST_WORKER_ID: undefined },
    })
    expect(status, stderr).toBe(0)
    const collected: ReadonlyArray<{ readonly file: string }> = JSON.parse(stdout.slice(stdout.indexOf("[")))
    const there = globSync("{packages,examples,bench,scripts}/**/*.{test,spec}.{ts,tsx,mts,cts,js,mjs}", {
      cwd: root,
      exclude: (path) => /node_modules|dist|\.types|\.verify/.test(path),
    })
    expect(there.length).toBeGreaterThan(20)
    expect(collected.map(({ file }) => file).sort()).toEqual(there.map((file) => resolve(root, file)).sort())
  })

  it("SB-57: no test of the core is switched off, put off or run alone", () => {
    const off = globSync("test/**/*.ts", { cwd: core }).flatMap((file) =>
      readFileSync(resolve(core, file), "utf8")
        .split("\n")
        .flatMap((line, index) => (switchedOff.test(line) ? [`${file}:${index + 1}: ${line.trim()}`] : [])),
    )
    expect(off).toEqual([])
    // The pattern itself can fail: it knows what it looks for.
    const examples = ["it", "describe", "it.effect"].flatMap((what) => ["only", "skip"].map((how) => `${what}.${how}(`))
    expect(examples.every((line) => switchedOff.test(line))).toBe(true)
  })

  it("SB-58: every defect that the docs list names tests that exist", () => {
    const list = resolve(root, "docs/defects.md")
    const named = new Set(
      globSync("{packages,examples}/*/test/**/*.ts", { cwd: root }).flatMap(
        (file) => readFileSync(resolve(root, file), "utf8").match(/SB-\d\d(?=:)/g) ?? [],
      ),
    )
    const listed = existsSync(list) ? (readFileSync(list, "utf8").match(/SB-\d\d/g) ?? []) : []
    expect([...inCore, ...listed].filter((id) => !named.has(id))).toEqual([])
  })
})

// Whether a property reached everything is asked of whole runs only: `runIf(whole)` stands aside for a replay.
const switchedOff =
  /\b(?:it|test|describe|suite|effect|live|prop|scoped)\.(?:only|skip|todo|fails|skipIf|runIf(?!\(whole\)))\b/

/** The defects that the core alone can show to be impossible. */
const inCore = [
  ..."01 02 14 15 16 17 20 21 22 23 24 25 26 28 32 33 36 43 45 46 49 50 51 52 56 57 58"
    .split(" ")
    .map((id) => `SB-${id}`),
]
