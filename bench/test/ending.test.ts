import { spawnSync } from "node:child_process"
import { commandMillis } from "@holdfast/test-services"
import { describe, expect, test } from "vitest"
import { Ending } from "../src/ending.ts"

describe("the end of a run", () => {
  test("undoes everything, the last first, although one step fails and another never ends", async () => {
    const ending = new Ending(20)
    const done: Array<string> = []
    const said: Array<string> = []
    ending.later(() => done.push("first"))
    ending.later(() => new Promise(() => {}))
    ending.later(() => Promise.reject(new Error("gone already")))
    ending.later(() => done.push("last"))
    await ending.now((text) => said.push(text))
    expect(done).toEqual(["last", "first"])
    expect(said).toEqual(["While cleaning up: Error: gone already", "While cleaning up: no end in 20 ms."])
  })

  test("comes at once where a scenario fails, and says why", () => {
    const main = new URL("../src/main.ts", import.meta.url).pathname
    const { status, stderr, stdout } = spawnSync(
      process.execPath,
      ["--conditions=@holdfast/source", main, "hot-product", "--quick", "--json"],
      // Nobody listens there.
      {
        env: { ...process.env, DATABASE_URL: "postgres://nobody@127.0.0.1:1/nothing" },
        encoding: "utf8",
        timeout: commandMillis,
      },
    )
    expect(stderr).toMatch(/ECONNREFUSED|connect/i)
    expect([status, stdout]).toEqual([1, ""])
  })
})
