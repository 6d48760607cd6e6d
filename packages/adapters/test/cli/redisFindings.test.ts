import { describe, expect, it } from "vitest"
import { judged, redisFindings } from "../../src/cli/redisFindings.ts"
import { clientOf, redisFor } from "../support/redis.ts"

const server = (about: Readonly<Record<string, string>>, millis = 0.3, aheadMillis = 0) => ({
  about: new Map(Object.entries({ redis_version: "7.0.15", maxmemory: "0", ...about })),
  millis: [millis, millis, 50],
  aheadMillis,
})

const whats = (findings: ReturnType<typeof judged>, level: string) =>
  findings.filter((finding) => finding.level === level).map(({ what }) => what)

describe("what doctor says of a Redis", () => {
  it("given one that may evict, is near and has our time → nothing to do", () => {
    const findings = judged(server({ maxmemory: "100", maxmemory_policy: "allkeys-lru", redis_mode: "cluster" }))
    expect(whats(findings, "warn")).toEqual([])
    expect(whats(findings, "ok")[0]).toBe("Redis 7.0.15, one of a cluster.")
  })

  it.each([
    [server({ maxmemory: "100", maxmemory_policy: "noeviction" }), "It refuses what it has no room for"],
    [server({ redis_version: "5.0.7" }), "Redis 5.0.7 is older"],
    [server({}, 12), "An answer takes 12.00 ms"],
    [server({}, 1, -5_000), "Its clock is 5 s behind"],
  ])("given %o → %s", (found, what) => {
    expect(whats(judged(found), "warn")).toEqual([expect.stringContaining(what)])
  })

  it("given a real one, and none at all → what it is, and that sales go on", async (context) => {
    const { url } = await redisFor(context, { maxmemory: "50mb" })
    await clientOf(url).ping()
    const findings = await redisFindings(url)
    expect(whats(findings, "ok")[0]).toMatch(/^Redis \d+\.\d+\.\d+, a server of its own\.$/)
    expect(whats(findings, "warn")).toContainEqual(expect.stringContaining("noeviction"))
    expect(await redisFindings("redis://127.0.0.1:1")).toMatchObject([
      {
        level: "wrong",
        what: expect.stringContaining("ECONNREFUSED"),
        todo: "Sales go on without it, at the store's speed.",
      },
    ])
    const stranger = new URL(url)
    stranger.username = "ann"
    stranger.password = "geheim"
    const [refused] = await redisFindings(stranger.href)
    expect(refused?.what).toContain("WRONGPASS")
    expect(refused?.what).not.toContain("geheim")
  })

  it("given a database that it does not have, and a url that is none → one finding each", async (context) => {
    const { url } = await redisFor(context)
    expect(await redisFindings(`${url}/99`)).toMatchObject([
      { level: "wrong", what: expect.stringContaining("DB index is out of range") },
    ])
    for (const wrong of ["redis://h:99999", `${url}/abc`]) {
      expect(await redisFindings(wrong)).toMatchObject([
        { level: "wrong", what: expect.stringMatching(/url of --redis/) },
      ])
    }
  })
})
