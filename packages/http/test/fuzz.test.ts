/**
 * Requests from the contract's own schemas, valid and mutated, against the document.
 *
 * 2,000 in every run; `FUZZ_REQUESTS=20000 FUZZ_SEED=7 npx vitest run packages/http/test/fuzz.test.ts` for more.
 */
import { describe, expect, it } from "vitest"
import { judgeOf } from "./fuzz/document.ts"
import { fuzz } from "./fuzz/run.ts"

const count = Number(process.env.FUZZ_REQUESTS ?? 2_000)
const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))

describe("generated requests", () => {
  it(`never meet a 5xx or contradict the document, and points and stock add up (seed ${seed})`, async () => {
    console.log(`fuzz: FUZZ_SEED=${seed} FUZZ_REQUESTS=${count}`)
    const report = await fuzz({ seed, count })
    console.log(`fuzz: ${JSON.stringify(report.byStatus)}, ${report.replays} replays`)
    expect(report.findings.slice(0, 3)).toEqual([])
    expect(report.conservation).toEqual([])
    expect(report.auditOk).toBe(true)
    // A generator that only ever makes nonsense would pass as well.
    expect(report.byStatus[200] ?? 0).toBeGreaterThan(count / 5)
    expect(report.byStatus[202] ?? 0).toBeGreaterThan(count / 100)
    expect(report.replays).toBeGreaterThan(count / 50)
  })
})

describe("the judge of answers", () => {
  it("finds what contradicts the document", () => {
    const judge = judgeOf()
    const headers = new Headers({ "content-type": "application/json", "trace-id": "a".repeat(32) })
    const product = { productId: "1", productName: "Tee", price: 1, stock: 1, retired: false }
    const judged = (status: number, body: unknown) =>
      judge("GET", "/api/v1/products/1", { status, text: JSON.stringify(body), headers })
    expect(judged(200, product)).toBeUndefined()
    expect(judged(200, { ...product, stock: -1 })).toMatch(/contradicts/)
    expect(judged(200, { ...product, more: 1 })).toMatch(/contradicts/)
    expect(judged(201, product)).toMatch(/does not name/)
    expect(judged(500, {})).toMatch(/answered 500/)
    expect(judged(404, { code: "ACCOUNT_NOT_FOUND" })).toMatch(/is application\/json where/)
  })
})
