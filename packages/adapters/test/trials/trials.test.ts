/**
 * Seeded trials: connections cut, replies lost, backends terminated, statements cancelled, processes killed, in the middle
 * of a sale. Afterwards every acknowledged call is there once, and nothing was sold twice. `npm run soak` runs more.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { privateServer, type Server } from "../support/postgres.ts"
import { runTrial, type Verdict } from "./trial.ts"

const trials = 60
const together = 6

describe("trials", () => {
  let server: Server | undefined
  const verdicts: Array<Verdict> = []
  beforeAll(async () => {
    server = await privateServer("trials")
    const { url = "" } = server ?? {}
    let next = 1
    const runNext = async (): Promise<void> => {
      while (next <= trials) verdicts.push(await runTrial(url, next++))
    }
    if (server !== undefined) await Promise.all(Array.from({ length: together }, runNext))
  }, 240_000)
  afterAll(() => server?.stop(), 60_000)

  const brokenBy = (chosen: ReadonlyArray<Verdict>) =>
    chosen.filter(({ broken }) => broken.length > 0).map(({ seed, broken }) => ({ seed, broken }))

  it("50 shops whose wires are cut, replies lost and backends terminated end exact", (context) => {
    context.skip(server === undefined, "no PostgreSQL here")
    const drops = verdicts.filter(({ killed }) => !killed)
    expect(drops.length).toBe(50)
    expect(brokenBy(drops)).toEqual([])
  })

  it("SB-29: 10 processes that are killed at random points have kept every answer they gave, and its event", (context) => {
    context.skip(server === undefined, "no PostgreSQL here")
    const kills = verdicts.filter(({ killed }) => killed)
    expect(kills.length).toBe(10)
    expect(brokenBy(kills)).toEqual([])
    // Kills before the first answer alone would prove little.
    expect(kills.filter(({ heard }) => heard.length > 0).length).toBeGreaterThan(4)
  })
})
