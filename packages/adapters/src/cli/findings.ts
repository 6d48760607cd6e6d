/**
 * What `doctor` makes of what it was told. Pure.
 */

import { optionInShell } from "../postgres/session/inShell.ts"
import { identifier, inSchema } from "../postgres/session/text.ts"
import type { Wire } from "../postgres/session/wire.ts"
import type { Missing } from "../postgres/statements/rights.ts"
import { defaultSchema } from "./arguments.ts"

export interface Finding {
  /** `wrong` breaks a promise, `warn` will one day. */
  readonly level: "ok" | "warn" | "wrong"
  readonly what: string
  readonly todo?: string
}

/** What the server says about itself. Times in milliseconds since 1970, time-outs in milliseconds. */
export interface Server {
  readonly settings: Readonly<Record<string, string>>
  /** What `version()` answers: other servers that speak PostgreSQL's protocol name themselves there. */
  readonly version: string
  /** Whether tables may be spread over nodes. */
  readonly citus: boolean
  readonly database: string
  readonly user: string
  readonly replica: boolean
  /** How many servers follow this one. */
  readonly standbys: number
  readonly connections: number
  /** How many of them are of other roles and do not show what they do. */
  readonly hidden: number
  /** What the role and the database are limited to, where they are. */
  readonly limits: ReadonlyArray<readonly [of: "role" | "database", name: string, most: number, connections: number]>
  readonly now: number
  /** The oldest transaction of somebody else that shows, with its age in seconds. */
  readonly longest: readonly [pid: number, application: string, seconds: number] | null
}

/** A subscription and what waits for it. `until` is when its owner's lease ends, or ended. */
export interface Delivery {
  readonly name: string
  readonly until: number | null
  readonly waiting: number
  readonly parked: number
  readonly oldestAt: number | null
}

const oldestVersion = 150_000
/** Two that decide, one while keys are busy, one each for small reads, lists, scans, the outbox and probes. */
const connectionsOfShop = 8
/** A pool of the host's may be this small. With less no shop gets along. */
const fewestConnections = 3
/** The lanes wait this long for a lock, and count on no deadlock being looked for before. */
const laneMillis = 100
const longSeconds = 60
const skewMillis = 2_000
const waitingMillis = 60_000

/** Servers that speak the protocol, and are none that a shop can rest on. */
const otherServers = [
  { name: "CockroachDB", inVersion: /cockroach/i },
  { name: "YugabyteDB", inVersion: /-YB-|yugabyte/i },
  { name: "Amazon Redshift", inVersion: /redshift/i },
]

export const serverFindings = (server: Server, localNow: number): ReadonlyArray<Finding> => {
  const { settings, database, user, replica, standbys, connections, now, longest } = server
  const is = (name: string): string => settings[name] ?? "unknown"
  const number = (name: string): number => Number(settings[name])
  const findings: Array<Finding> = [
    { level: "ok", what: `PostgreSQL ${is("server_version")}, database ${database}, as ${user}` },
  ]
  const note = (applies: boolean, level: Finding["level"], what: string, todo: string): void => {
    if (applies) findings.push({ level, what, todo })
  }
  note(
    number("server_version_num") < oldestVersion,
    "wrong",
    `PostgreSQL ${is("server_version")} is too old.`,
    "Use PostgreSQL 15 or later.",
  )
  const other = otherServers.find(({ inVersion }) => inVersion.test(server.version))
  note(
    other !== undefined,
    "wrong",
    `This is ${other?.name}, whose locks, ids and order of commits are not PostgreSQL's.`,
    "Use PostgreSQL 15 or later: docs/operations/growing.md says what a shop rests on.",
  )
  note(
    server.citus,
    "warn",
    "Citus is installed here: a shop whose tables are spread over nodes is not exact.",
    "Keep each shop's schema on one node: citus.enable_schema_based_sharding, or no distributed tables in it.",
  )
  note(replica, "wrong", "This server is a replica, which takes no orders.", "Point --url at the primary.")
  note(
    is("fsync") !== "on",
    "wrong",
    "fsync is off: a crash of the machine may lose acknowledged orders and damage the database.",
    "Set fsync = on in postgresql.conf and restart the server.",
  )
  note(
    is("full_page_writes") !== "on",
    "warn",
    "full_page_writes is off: a crash may tear pages, unless the file system cannot.",
    "Set full_page_writes = on.",
  )
  note(
    is("synchronous_commit") === "off",
    "wrong",
    "synchronous_commit is off: a crash loses the orders that were acknowledged last.",
    `Set it on, at least here: alter database "${database}" set synchronous_commit = on;`,
  )
  const named = settings.synchronous_standby_names ?? ""
  note(
    named === "" && standbys > 0,
    "warn",
    "No commit waits for the standbys of this server: a failover loses the orders that were acknowledged last.",
    "Name those to wait for in synchronous_standby_names, if that is more than may be lost.",
  )
  note(
    named !== "" && is("synchronous_commit") === "local",
    "wrong",
    `Commits do not wait for the standbys that are named (${named}): synchronous_commit is local.`,
    `Set it on, at least here: alter database "${database}" set synchronous_commit = on;`,
  )
  if (named !== "") {
    findings.push({
      level: "ok",
      what: `Commits wait for standbys (${named}). A wait that is cancelled is an unknown outcome, except to a shop on a client of Effect's and to calls by within: their drivers do not tell of it.`,
    })
  }
  // Servers before version 16 have no reserved_connections.
  const reserved = number("superuser_reserved_connections") + Number(settings.reserved_connections ?? 0)
  const free = number("max_connections") - reserved - connections
  note(
    free < connectionsOfShop,
    "warn",
    `${connections} of ${is("max_connections")} connections are in use, and a shop opens up to ${connectionsOfShop}.`,
    "Raise max_connections, or let other pools be smaller.",
  )
  for (const [of, name, most, used] of server.limits)
    note(
      most - used < connectionsOfShop,
      most < fewestConnections ? "wrong" : "warn",
      `${used} of the ${most} connections of the ${of} "${name}" are in use, and a shop opens up to ${connectionsOfShop}.`,
      `Raise its limit, or take it away: alter ${of} ${identifier(name)} connection limit -1;`,
    )
  note(
    number("deadlock_timeout") <= laneMillis,
    "warn",
    `deadlock_timeout is ${is("deadlock_timeout")} ms: the server looks for deadlocks before a lane gives up its lock.`,
    "Set deadlock_timeout = 1s, which is the default.",
  )
  if (longest !== null && longest[2] >= longSeconds) {
    const [pid, application, seconds] = longest
    note(
      true,
      "warn",
      `A transaction has been open for ${seconds} s (process ${pid}, ${application === "" ? "unnamed" : application}): what it locked stays locked, and old rows pile up.`,
      `End it, and set idle_in_transaction_session_timeout (now ${is("idle_in_transaction_session_timeout")} ms; 0 is never).`,
    )
  }
  if (server.hidden > 0) {
    findings.push({
      level: "ok",
      what: `How long the transactions of other roles have been open is not shown to "${user}": ${server.hidden} connections are theirs.`,
      todo: `To have them looked at, ask as another role, or: grant pg_read_all_stats to ${identifier(user)};`,
    })
  }
  const skew = Math.round(Math.abs(localNow - now) / 1000)
  note(
    Math.abs(localNow - now) > skewMillis,
    "warn",
    `The clocks of this machine and of the server are ${skew} s apart.`,
    "Coupons open, close and expire by the clock of the shop's machine: keep it in time.",
  )
  findings.push({
    level: "ok",
    what: `Sessions start with lock_timeout ${is("lock_timeout")} ms, statement_timeout ${is("statement_timeout")} ms, synchronous_commit ${is("synchronous_commit")}. The shop sets its own time-outs.`,
  })
  return findings
}

/** What the role may not do that a running shop does. */
export const rightsFindings = ({ usage, rights }: Missing, user: string, schema: string): ReadonlyArray<Finding> => {
  if (!usage && rights.length === 0) return []
  const byRelation = Map.groupBy(rights, ([relation]) => relation)
  const lists = Array.from(byRelation, ([relation, each]) => [relation, each.map(([, right]) => right).join(", ")])
  const place = inSchema(schema)
  const role = identifier(user)
  const grants = [
    ...(usage ? [`${place("grant usage on schema @@")} to ${role};`] : []),
    ...lists.map(([relation, each]) => `${place(`grant ${each} on @.${relation}`)} to ${role};`),
  ]
  const may = lists.map(([relation, each]) => `${each} on ${relation}`)
  return [
    {
      level: "wrong",
      what: `The role "${user}" lacks rights that a shop needs in the schema "${schema}": ${[...(usage ? ["usage of the schema"] : []), ...may].join("; ")}.`,
      todo: grants.join(" "),
    },
  ]
}

/** What the way to the server means for a shop. */
export const wayFindings = ({ isPooled }: Pick<Wire, "isPooled">): ReadonlyArray<Finding> =>
  isPooled === true
    ? [
        {
          level: "warn",
          what: "The address leads to a pooler, which may give each transaction another session. A shop works behind it, more slowly, and after a lost reply a refusal is told as an unknown outcome.",
          todo: 'Pass the address of the server itself, or say what it is: pooler: "transaction", or pooler: "session" where each connection keeps its session.',
        },
      ]
    : []

export const deliveryFindings = (
  deliveries: ReadonlyArray<Delivery>,
  now: number,
  schema: string,
): ReadonlyArray<Finding> => {
  if (deliveries.length === 0) return [{ level: "ok", what: "Nobody subscribes to events, so none are kept." }]
  return deliveries.flatMap(({ name, until, waiting, parked, oldestAt }) => {
    const age = oldestAt === null ? 0 : Math.max(0, now - oldestAt)
    const held = until !== null && until > now
    const findings: Array<Finding> = []
    const waits = `${waiting} events wait for "${name}"${waiting === 0 ? "" : `, the oldest for ${Math.round(age / 1000)} s`}`
    if (waiting === 0 || age < waitingMillis) findings.push({ level: "ok", what: `${waits}.` })
    else if (held)
      findings.push({
        level: "warn",
        what: `${waits}, though a process serves it.`,
        todo: "Its handler is slow or fails again and again: look at its log, raise its concurrency.",
      })
    else
      findings.push({
        level: "warn",
        what: `${waits}, and no process serves it.`,
        todo: `Start a shop that subscribes "${name}" with workers on, or give the name up: shop.events.unregister(${JSON.stringify(name)}).`,
      })
    if (parked > 0)
      findings.push({
        level: "warn",
        what: `${parked} events of "${name}" are parked: their handler failed on each of its attempts.`,
        todo: `List them with: ${listing(name, schema)}. Repair the handler, then add --again all.`,
      })
    return findings
  })
}

const listing = (name: string, schema: string): string =>
  [
    "holdfast parked",
    ...(schema === defaultSchema ? [] : [optionInShell("--schema", schema)]),
    optionInShell("--name", name),
  ].join(" ")
