/**
 * Seeded trials: connections cut, replies lost, backends terminated, statements cancelled, processes killed, in the middle
 * of a sale. Afterwards every acknowledged call is there once, and nothing was sold twice. `npm run soak` runs more.
 */

import { privateServer, type Server } from "@holdfast/test-services"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Kind, runTrial, type Verdict } from "./trial.ts"

const trials = 60
const together = 6
/** Each starts servers of its own. */
const poolerSeeds = [101, 102, 103, 104, 105, 106]
const failoverSeeds = [201, 202, 203, 204, 205, 206]

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
  })
  afterAll(() => server?.stop())

  const brokenBy = (chosen: ReadonlyArray<Verdict>) =>
    chosen.filter(({ broken }) => broken.length > 0).map(({ seed, broken }) => ({ seed, broken }))

  it("50 shops whose wires are cut, replies lost and backends terminated end exact", (context) => {
    context.skip(server === undefined, "no PostgreSQL here")
    const drops = verdicts.filter(({ kind }) => kind === "drops")
    expect(drops.length).toBe(50)
    expect(brokenBy(drops)).toEqual([])
  })

  it("SB-29: 10 processes that are killed at random points have kept every answer they gave, and its event", (context) => {
    context.skip(server === undefined, "no PostgreSQL here")
    const kills = verdicts.filter(({ kind }) => kind === "kill")
    expect(kills.length).toBe(10)
    expect(brokenBy(kills)).toEqual([])
    // Kills before the first answer alone would prove little.
    expect(kills.filter(({ heard }) => heard.length > 0).length).toBeGreaterThan(4)
  })

  /** The trials of some seeds, two at a time; none where what they need is not here, which was said. */
  const runAll = async (kind: Kind, seeds: ReadonlyArray<number>): Promise<ReadonlyArray<Verdict>> => {
    const { url = "" } = server ?? {}
    const left = [...seeds]
    const done: Array<Verdict> = []
    const runNext = async (): Promise<void> => {
      for (let seed = left.shift(); seed !== undefined; seed = left.shift()) done.push(await runTrial(url, seed, kind))
    }
    await Promise.all([runNext(), runNext()])
    return done
  }

  it("6 shops behind a pooler that is killed end exact", async (context) => {
    context.skip(server === undefined, "no PostgreSQL here")
    expect(brokenBy(await runAll("pooler", poolerSeeds))).toEqual([])
  })

  it("6 shops whose server is followed by its standby end exact, and lose nothing that was acknowledged", async (context) => {
    context.skip(server === undefined, "no PostgreSQL here")
    expect(brokenBy(await runAll("failover", failoverSeeds))).toEqual([])
  })
})
