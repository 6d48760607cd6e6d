/**
 * Options of the stores, refused by the call that they are passed to: before anything is opened, with a pointer, and with
 * the name that was probably meant.
 */
import { isHoldfastError } from "@holdfast/core"
import pg from "pg"
import { describe, expect, it } from "vitest"
import { archive as archivePglite, PgliteStore, pglite } from "../../src/pglite/index.ts"
import { archive, PostgresStore, postgres, postgresSql } from "../../src/postgres/index.ts"

const url = "postgres://ann:geheim@127.0.0.1:1/app"

/** What a call is refused with as `pointer: message`, or that it was not. */
const issuesOf = (call: () => unknown): ReadonlyArray<string> | string => {
  try {
    call()
    return "accepted"
  } catch (error) {
    return toldOf(error)
  }
}
const toldOf = (error: unknown): ReadonlyArray<string> | string =>
  isHoldfastError(error) && error.refusal?._tag === "InvalidInput"
    ? error.refusal.issues.map(({ pointer, message }) => `${pointer}: ${message}`)
    : `another error: ${error}`

/** Everything that takes options, as a host without types calls it. */
const ways: ReadonlyArray<readonly [name: string, call: (options: never) => unknown, needed: object]> = [
  ["postgres", postgres, { url }],
  ["PostgresStore.layer", PostgresStore.layer, { url }],
  ["PostgresStore.make", PostgresStore.make, { url }],
  ["PostgresStore.layerFromClient", PostgresStore.layerFromClient, {}],
  ["pglite", pglite, {}],
  ["PgliteStore.layer", PgliteStore.layer, {}],
  ["PgliteStore.make", PgliteStore.make, {}],
  ["postgresSql", postgresSql, {}],
]

describe.each(ways)("%s", (_, call, needed) => {
  const issues = (options: object) => issuesOf(() => call({ ...needed, ...options } as never))

  it("refuses what is no option, with a suggestion, all of it at once", () => {
    expect(issues({ shcema: "staging", lanse: 1 })).toEqual([
      '/shcema: is not an option; did you mean "schema"?',
      expect.stringContaining("/lanse: is not an option"),
    ])
    expect(issues({ schema: undefined })).toBe("accepted")
    expect(issuesOf(() => call("postgres://here" as never))).toEqual([": must be an object"])
  })

  it("refuses a schema that is no name, or that PostgreSQL would cut off, counted in bytes", () => {
    expect(issues({ schema: "x".repeat(63) })).toBe("accepted")
    expect(issues({ schema: "x".repeat(64) })).toEqual([
      "/schema: must have at most 63 bytes, and this has 64: PostgreSQL would cut it off there",
    ])
    expect(issues({ schema: "가".repeat(21) })).toBe("accepted")
    expect(issues({ schema: "가".repeat(22) })).toEqual([expect.stringContaining("this has 66")])
    for (const schema of ["", "a\u0000b", "\ud800", 5, null, "pg_shop"])
      expect(issues({ schema })).toEqual([expect.stringContaining("/schema: must")])
    for (const schema of ["pay$$me", "a$&b", 'a"b', "상점", "Shop", "a b", "@.", "a.b", "-- a"])
      expect(issues({ schema }), schema).toBe("accepted")
  })
})

describe("postgres", () => {
  const issues = (options: object) => issuesOf(() => postgres(options as never))

  it.each([
    [{ url, lanse: 1 }, '/lanse: is not an option; did you mean "lanes"?'],
    [{ url, migrate: "yes" }, '/migrate: must be "auto" or "check" or "off"'],
    [{ url, lanes: 3 }, "/lanes: must be 1 or 2"],
    [{ url, path: "fast" }, '/path: must be "any" or "blind" or "snapshot" or "locked"'],
    [{ pool: {} }, "/pool: is no pool: it must have connect(), as a pg.Pool has"],
    [{ pool: "postgres://here" }, "/pool: is no pool: it must have connect(), as a pg.Pool has"],
    [{}, ": pass either a `url` or a `pool`"],
    [{ url: undefined }, ": pass either a `url` or a `pool`"],
    [{ url, pool: new pg.Pool() }, "/pool: pass either a `url` or a `pool`"],
  ])("refuses %j", (options, issue) => {
    expect(issues(options)).toEqual([issue])
  })

  it.each([
    "",
    "here",
    "http://127.0.0.1/app",
    "postgres:/127.0.0.1/app",
    "postgres://ann:100%secret@127.0.0.1/app",
    "postgres://ann@127.0.0.1:99999/app",
    "postgres://ann@127.0.0.1:0/app",
    "postgres://ann@127.0.0.1:port/app",
    "postgres://ann@one:5432,two:x/app",
    5,
    null,
    new URL("postgres://here"),
  ])("refuses the url %j, and repeats no password", (bad) => {
    const told = issues({ url: bad })
    expect(told).toEqual([expect.stringMatching(/^\/url: /)])
    expect(String(told)).not.toContain("secret")
  })

  it.each([
    "postgres://ann:a%25b@127.0.0.1:5432/app?sslmode=require",
    "postgresql://127.0.0.1",
    "postgres://ann@one:5432,two:5433/app",
    "postgres:///app?host=/var/run/postgresql",
    "postgres://ann@/app",
    "postgres://ann@[::1]:5432/app",
    "postgres://ann@[::1]/app",
  ])("takes the url %s", (good) => {
    expect(issues({ url: good })).toBe("accepted")
  })
})

describe("pglite", () => {
  const issues = (options: object) => issuesOf(() => pglite(options as never))

  it.each(["", "memory://", "idb://shop", "file:///srv/shop", 5, "a\u0000b"])("refuses the folder %j", (dir) => {
    expect(issues({ dir })).toEqual(["/dir: must be the path of a folder, and no URL"])
  })

  it("refuses a database that is none, and one beside a folder", () => {
    expect(issues({ database: {} })).toEqual(["/database: must be a PGlite"])
    const database = { execProtocolRaw: () => {} }
    expect(issues({ database, dir: "./data" })).toEqual(["/database: pass either a `dir` or a `database`"])
    expect(issues({ dir: "./data" })).toBe("accepted")
    expect(issues({ database })).toBe("accepted")
  })
})

describe.each([
  ["on a server", archive, { url }],
  ["on PGlite", archivePglite, { dir: "./nowhere" }],
] as const)("archive %s", (_, call, needed) => {
  const rejected = (options: object): Promise<unknown> =>
    (call as (options: never) => Promise<unknown>)({ ...needed, ...options } as never).then(
      () => "archived",
      (error) => toldOf(error),
    )

  it("rejects for what is no option or out of its range, as the stores throw", async () => {
    expect(await rejected({ keepDay: 90 })).toEqual(['/keepDay: is not an option; did you mean "keepDays"?'])
    expect(await rejected({ keepDays: 0, batch: 1.5 })).toEqual([
      "/keepDays: must be a whole number from 1 to 36500",
      "/batch: must be a whole number from 1 to 100000",
    ])
    expect(await rejected({ schema: "x".repeat(64) })).toEqual([
      expect.stringContaining("/schema: must have at most 63"),
    ])
  })
})

it("postgresSql refuses a version that there is not", () => {
  expect(issuesOf(() => postgresSql({ after: -1 }))).toEqual([
    expect.stringContaining("/after: must be a whole number"),
  ])
  expect(issuesOf(() => postgresSql({ after: 0.5 }))).toEqual([expect.stringContaining("/after")])
})
