/**
 * What the doctor makes of what it is told, one symptom at a time.
 */
import { describe, expect, it } from "vitest"
import { type Delivery, deliveryFindings, type Server, serverFindings } from "../../src/cli/findings.ts"

const now = Date.UTC(2030, 0, 1)
const healthy: Server = {
  settings: {
    server_version: "18.1",
    server_version_num: "180001",
    fsync: "on",
    full_page_writes: "on",
    synchronous_commit: "on",
    synchronous_standby_names: "",
    max_connections: "100",
    superuser_reserved_connections: "3",
    deadlock_timeout: "1000",
    lock_timeout: "0",
    statement_timeout: "0",
    idle_in_transaction_session_timeout: "0",
  },
  version: "PostgreSQL 18.1 on x86_64-pc-linux-gnu, compiled by gcc",
  citus: false,
  database: "app",
  user: "ann",
  replica: false,
  standbys: 0,
  connections: 20,
  hidden: 0,
  limits: [],
  now,
  longest: null,
}
const set = (name: string, value: string): Partial<Server> => ({ settings: { ...healthy.settings, [name]: value } })

describe("of a server", () => {
  it("a healthy one has nothing to do", () => {
    const findings = serverFindings({ ...healthy, longest: [7, "report", 59] }, now + 1_999)
    expect(findings.map(({ level }) => level)).toEqual(["ok", "ok"])
  })

  it("sessions that do not show what they do are no fault, and told of", () => {
    const [, hidden] = serverFindings({ ...healthy, hidden: 12 }, now)
    expect(hidden).toMatchObject({
      level: "ok",
      what: expect.stringMatching(/not shown to "ann": 12 connections/),
      todo: expect.stringContaining('grant pg_read_all_stats to "ann";'),
    })
  })

  it("connections that are kept for roles of the server's own choice are not free", () => {
    const settings = { ...healthy.settings, reserved_connections: "5" }
    const [, few] = serverFindings({ ...healthy, settings, connections: 85 }, now)
    expect(few).toMatchObject({ level: "warn", what: expect.stringContaining("85 of 100 connections") })
  })

  const symptoms: ReadonlyArray<readonly [string, Partial<Server>, "warn" | "wrong", RegExp]> = [
    ["an old version", set("server_version_num", "140012"), "wrong", /too old/],
    ["standbys that nobody waits for", { standbys: 2 }, "warn", /failover loses/],
    [
      "standbys that are named and not waited for",
      { settings: { ...healthy.settings, synchronous_standby_names: "one", synchronous_commit: "local" } },
      "wrong",
      /do not wait for the standbys that are named \(one\)/,
    ],
    ["CockroachDB", { version: "CockroachDB CCL v25.1.0 (x86_64-pc-linux-gnu)" }, "wrong", /This is CockroachDB/],
    ["YugabyteDB", { version: "PostgreSQL 15.2-YB-2.25.0.0-b0 on x86_64" }, "wrong", /This is YugabyteDB/],
    ["tables that may be spread", { citus: true }, "warn", /Citus/],
    ["a replica", { replica: true }, "wrong", /replica/],
    ["no fsync", set("fsync", "off"), "wrong", /fsync is off/],
    ["torn pages", set("full_page_writes", "off"), "warn", /tear pages/],
    ["lost commits", set("synchronous_commit", "off"), "wrong", /acknowledged last/],
    ["few connections", { connections: 92 }, "warn", /92 of 100 connections/],
    [
      "a role that may hardly connect",
      { limits: [["role", "ann", 1, 1]] },
      "wrong",
      /1 of the 1 connections of the role "ann" are in use/,
    ],
    [
      "a database that is nearly full",
      { limits: [["database", "app", 20, 13]] },
      "warn",
      /13 of the 20 .* database "app"/,
    ],
    ["early deadlock checks", set("deadlock_timeout", "100"), "warn", /deadlock_timeout is 100 ms/],
    ["a forgotten transaction", { longest: [7, "", 61] }, "warn", /open for 61 s \(process 7, unnamed\)/],
    ["another clock", { now: now + 5_000 }, "warn", /5 s apart/],
  ]
  it.each(symptoms)("%s is named, with what to do", (_, symptom, level, what) => {
    const findings = serverFindings({ ...healthy, ...symptom }, now).filter((finding) => finding.level !== "ok")
    expect(findings).toEqual([{ level, what: expect.stringMatching(what), todo: expect.stringMatching(/\w/) }])
  })
})

describe("of subscriptions", () => {
  const mails: Delivery = { name: "mails", until: now + 5_000, waiting: 0, parked: 0, oldestAt: null }
  const levelsOf = (delivery: Delivery) =>
    deliveryFindings([delivery], now, "holdfast").map(({ level, what }) => `${level} ${what}`)

  it("none, an idle one, and one that keeps up are well", () => {
    expect(deliveryFindings([], now, "holdfast")).toMatchObject([{ level: "ok" }])
    expect(levelsOf(mails)).toEqual([expect.stringMatching(/^ok 0 events wait/)])
    expect(levelsOf({ ...mails, waiting: 4, oldestAt: now - 59_000 })).toEqual([expect.stringMatching(/^ok 4/)])
  })

  it("one that nobody serves, one that is slow, and parked events are named", () => {
    const late = { ...mails, waiting: 4, oldestAt: now - 61_000 }
    expect(levelsOf(late)).toEqual([expect.stringMatching(/^warn 4 .* for 61 s, though a process serves it/)])
    const unserved = expect.stringMatching(/^warn 4 .* no process serves it/)
    expect(levelsOf({ ...late, until: null })).toEqual([unserved])
    expect(levelsOf({ ...late, until: now - 1 })).toEqual([unserved])
    expect(levelsOf({ ...mails, parked: 2 })).toEqual([expect.anything(), expect.stringMatching(/^warn 2 .* parked/)])
  })

  it("what it says to type is one word to a shell each, in the schema that was looked at", () => {
    const toType = (name: string, schema = "holdfast") =>
      deliveryFindings([{ ...mails, name, parked: 1 }], now, schema)[1]?.todo?.split(". Repair")[0]
    expect(toType("mails")).toBe("List them with: holdfast parked --name mails")
    expect(toType("mails", "old")).toBe("List them with: holdfast parked --schema old --name mails")
    expect(toType("$(id)", "my shop")).toBe("List them with: holdfast parked --schema 'my shop' --name '$(id)'")
    expect(toType("it's")).toBe("List them with: holdfast parked --name 'it'\\''s'")
    expect(toType("-x")).toBe("List them with: holdfast parked --name=-x")
  })
})
