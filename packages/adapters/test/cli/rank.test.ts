import { freePort } from "@holdfast/test-services"
import { expect, it, onTestFinished, vi } from "vitest"
import { rebuildRanking } from "../../src/cli/rank.ts"
import { clientOf, redisFor } from "../support/redis.ts"

const options = { url: "", schema: "holdfast", after: 0, json: false }

it("rank rebuild empties the ranking of one prefix, and says where it could not", async (context) => {
  const said = vi.spyOn(console, "log").mockImplementation(() => {})
  onTestFinished(() => said.mockRestore())
  const { url } = await redisFor(context)
  const client = clientOf(url)
  for (const prefix of ["holdfast:", "other:"]) await client.hset(`{${prefix}rank}:m`, "feeder", "f")
  expect(await rebuildRanking({ ...options, redis: url })).toBe(true)
  expect(await client.exists("{holdfast:rank}:m", "{other:rank}:m")).toBe(1)
  expect(await rebuildRanking({ ...options, redis: url, prefix: "other:" })).toBe(true)
  expect(await client.dbsize()).toBe(0)
  expect(said.mock.calls.flat()[0]).toContain("fills it again")
  const nowhere = `redis://127.0.0.1:${await freePort()}`
  await expect(rebuildRanking({ ...options, redis: nowhere })).rejects.toThrow("Redis does not answer")
  await client.set("{holdfast:rank}:m", "another's")
  await expect(rebuildRanking({ ...options, redis: `${url}/99` })).rejects.toThrow("DB index is out of range")
  expect(await client.dbsize()).toBe(1)
})
