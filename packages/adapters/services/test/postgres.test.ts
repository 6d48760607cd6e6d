import { PgConnection } from "@effect/sql-pg"
import { Effect, Redacted } from "effect"
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest"
import { privateServer, proxyTo } from "../src/index.ts"

/** Runs statements on one connection, and answers the rows of the last. */
const ask = (url: string, ...statements: ReadonlyArray<string>) => {
  const program = Effect.gen(function* () {
    const connection = yield* PgConnection.make({ url: Redacted.make(url) })
    let last: ReadonlyArray<unknown> = []
    for (const sql of statements) last = (yield* connection.query(sql)).rows
    return last
  })
  return Effect.runPromise(Effect.scoped(program))
}

describe("a private PostgreSQL server", () => {
  afterEach(() => {
    vi.unstubAllEnvs()
  })

  it("given settings of the run and of the test → has both, and the test's win", async ({ skip }) => {
    vi.stubEnv("HOLDFAST_POSTGRES_SETTINGS", "commit_delay=1234 work_mem=5MB")
    const server = await privateServer("settings", ["work_mem=6MB"])
    if (server === undefined) return skip("no PostgreSQL here")
    onTestFinished(server.stop)
    expect(await ask(server.url, "show commit_delay")).toEqual([{ commit_delay: "1234" }])
    expect(await ask(server.url, "show work_mem")).toEqual([{ work_mem: "6MB" }])
  })

  it("given a commit whose reply is lost → it happened, and its caller's connection is gone", async ({ skip }) => {
    const server = await privateServer("a lost reply")
    if (server === undefined) return skip("no PostgreSQL here")
    onTestFinished(server.stop)
    const proxy = await proxyTo(server.url)
    onTestFinished(proxy.close)
    await ask(proxy.url, "create table pens (n int)")
    const lost = proxy.loseCommit()
    await expect(ask(proxy.url, "insert into pens values (1)")).resolves.toEqual([])
    const unheard = ask(proxy.url, "begin", "insert into pens values (2)", "commit")
    await lost
    await expect(unheard).rejects.toThrow()
    expect(await ask(server.url, "select n from pens order by n")).toEqual([{ n: 1 }, { n: 2 }])
  })
})
