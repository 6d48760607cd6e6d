/**
 * `holdfast doctor`: is this a server that a shop can trust, may its role do what a shop does, is the schema the one that this
 * code needs, and does a process deliver the events? It changes nothing.
 */
import { messageOfThrown, type StoreFault } from "@holdfast/core/ports"
import { Effect } from "effect"
import type { Target } from "../postgres/connect/parameters.ts"
import { migrate } from "../postgres/schema/migrate.ts"
import { rowsOf } from "../postgres/session/text.ts"
import { statement, type Wire } from "../postgres/session/wire.ts"
import { depth } from "../postgres/statements/leases.ts"
import { askMissing, missingOf } from "../postgres/statements/rights.ts"
import type { Options } from "./arguments.ts"
import { ask, onSession, withServer } from "./connect.ts"
import {
  type Delivery,
  deliveryFindings,
  type Finding,
  rightsFindings,
  type Server,
  serverFindings,
  wayFindings,
} from "./findings.ts"
import { kafkaFindings } from "./kafkaFindings.ts"
import { redisFindings } from "./redisFindings.ts"

const settingNames = [
  "server_version",
  "server_version_num",
  "fsync",
  "full_page_writes",
  "synchronous_commit",
  "synchronous_standby_names",
  "max_connections",
  "superuser_reserved_connections",
  "reserved_connections",
  "deadlock_timeout",
  "lock_timeout",
  "statement_timeout",
  "idle_in_transaction_session_timeout",
] as const

/** A client of another role: of these a role that may not read statistics is shown whose they are, and nothing else. */
const isHidden = "(backend_type is null and usename is not null and datname is not null)"

/** What sessions start with, not what this one was set to. */
const server = statement(
  `select json_build_array(json_build_object(
  'settings', (select json_object_agg(name, reset_val) from pg_settings where name = any($1::text[])),
  'version', version(),
  'citus', exists(select 1 from pg_extension where extname = 'citus'),
  'database', current_database(),
  'user', current_user,
  'replica', pg_is_in_recovery(),
  'standbys', (select count(*) from pg_stat_replication),
  'connections', (select count(*) from pg_stat_activity where backend_type = 'client backend' or ${isHidden}),
  'hidden', (select count(*) from pg_stat_activity where ${isHidden}),
  'limits', array_to_json(array(
    select json_build_array('role', rolname, rolconnlimit, (select count(*) from pg_stat_activity where usename = rolname))
      from pg_roles where rolname = session_user and rolconnlimit >= 0 and not rolsuper
    union all
    select json_build_array('database', datname, datconnlimit, (select count(*) from pg_stat_activity a where a.datname = d.datname and usename is not null))
      from pg_database d where datname = current_database() and datconnlimit >= 0
        and not exists(select from pg_roles where rolname = session_user and rolsuper))),
  'now', (extract(epoch from clock_timestamp()) * 1000)::bigint,
  'longest', (select json_build_array(pid, application_name, extract(epoch from clock_timestamp() - xact_start)::bigint)
    from pg_stat_activity where backend_type = 'client backend' and xact_start is not null and pid <> pg_backend_pid()
    order by xact_start limit 1)
))::text`,
  `{${settingNames.join(",")}}`,
)
const subscriptions = statement(
  `select json_agg(json_build_array(name, owner is not null, until) order by name)::text from @.subscription`,
)

/** True where nothing is wrong. */
export const doctor = async (options: Options): Promise<boolean> => {
  const { json, redis, kafka: brokers = [], topic, groups = [] } = options
  // Whoever asked for a document gets one, also where nobody answers.
  const ofStore = await storeFindings(options).catch((error): ReadonlyArray<Finding> => {
    if (json) return [{ level: "wrong", what: messageOfThrown(error) }]
    throw error
  })
  const findings = [
    ...ofStore,
    ...(redis === undefined ? [] : await redisFindings(redis)),
    ...(topic === undefined ? [] : await kafkaFindings({ brokers, topic, groups })),
  ]
  const ok = findings.every(({ level }) => level !== "wrong")
  console.log(json ? JSON.stringify({ ok, findings }) : pageOf(findings))
  return ok
}

const storeFindings = (options: Options): Promise<ReadonlyArray<Finding>> =>
  withServer(options, async (driver) => {
    const look = (target?: Target) => onSession(driver, "read", (wire) => examine(wire, options.schema), target)
    // A server on which no shop can start is none for a shop, but can be looked at.
    return look().catch(async (error) => {
      const seen = await look("any").catch(() => Promise.reject(error))
      return [notForShops(messageOfThrown(error)), ...seen]
    })
  })

const notForShops = (why: string): Finding => ({
  level: "wrong",
  what: `No shop can start here: ${why}`,
  todo: "Point --url at a server that takes changes, and ask for no other with target_session_attrs.",
})

const pageOf = (findings: ReadonlyArray<Finding>): string =>
  findings
    .flatMap(({ level, what, todo }) => [
      `${level.padEnd(5)}  ${what}`,
      ...(todo === undefined ? [] : [`       → ${todo}`]),
    ])
    .join("\n")

const examine = Effect.fnUntraced(function* (
  wire: Wire,
  schema: string,
): Effect.fn.Return<ReadonlyArray<Finding>, StoreFault> {
  const [found] = rowsOf<Server>(yield* ask(wire, server))
  if (found === undefined) return yield* Effect.fail<StoreFault>({ _tag: "Lost", reason: "The server says nothing." })
  const missing = missingOf(yield* ask(wire, askMissing(schema)))
  const ofServer = [
    ...serverFindings(found, Date.now()),
    ...wayFindings(wire),
    ...rightsFindings(missing, found.user, schema),
  ]
  // What may not be read cannot be judged.
  if (missing.usage || missing.rights.some(([, right]) => right === "select")) return ofServer
  const whyNot = yield* Effect.match(migrate(wire, schema, "check"), {
    onSuccess: () => undefined,
    onFailure: (fault) => ("reason" in fault ? fault.reason : "The schema is locked."),
  })
  if (whyNot !== undefined) return [...ofServer, { level: "wrong", what: whyNot }]
  const deliveries: Array<Delivery> = []
  for (const [name, isHeld, until] of rowsOf<readonly [string, boolean, number | null]>(
    yield* ask(wire, subscriptions),
  )) {
    const [row] = rowsOf<readonly [number, number, number | null]>(yield* ask(wire, depth(name)))
    const [waiting, parked, oldestAt] = row ?? [0, 0, null]
    deliveries.push({ name, until: isHeld ? until : null, waiting, parked, oldestAt })
  }
  return [
    ...ofServer,
    { level: "ok", what: `The schema "${schema}" is the one that this code needs.` },
    ...deliveryFindings(deliveries, found.now, schema),
  ]
})
