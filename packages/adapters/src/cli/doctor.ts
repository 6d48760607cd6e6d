/**
 * `holdfast doctor`: is this a server that a shop can trust, may its role do what a shop does, is the schema the one that this
 * code needs, and does a process deliver the events? It changes nothing.
 */
import type { StoreFault } from "@holdfast/core/ports"
import { Effect } from "effect"
import type { Target } from "../postgres/connect/parameters.ts"
import { migrate } from "../postgres/schema/migrate.ts"
import { meaningOf } from "../postgres/session/faults.ts"
import { rowsOf } from "../postgres/session/text.ts"
import { type Statement, statement, type Wire } from "../postgres/session/wire.ts"
import { depth } from "../postgres/statements/leases.ts"
import { askMissing, missingOf } from "../postgres/statements/rights.ts"
import type { Options } from "./arguments.ts"
import { onSession, withServer } from "./connect.ts"
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
  "deadlock_timeout",
  "lock_timeout",
  "statement_timeout",
  "idle_in_transaction_session_timeout",
] as const

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
  'connections', (select count(*) from pg_stat_activity where backend_type = 'client backend'),
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
export const doctor = (options: Options): Promise<boolean> =>
  withServer(options, async (driver) => {
    const look = (target?: Target) => onSession(driver, "read", (wire) => examine(wire, options.schema), target)
    // A server that takes no changes is none for a shop, but can be looked at.
    const ofStore = await look().catch((error) => look("any").catch(() => Promise.reject(error)))
    const { redis, kafka: brokers = [], topic, groups = [] } = options
    const findings = [
      ...ofStore,
      ...(redis === undefined ? [] : await redisFindings(redis)),
      ...(topic === undefined ? [] : await kafkaFindings({ brokers, topic, groups })),
    ]
    const ok = findings.every(({ level }) => level !== "wrong")
    console.log(options.json ? JSON.stringify({ ok, findings }) : pageOf(findings))
    return ok
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
    ...deliveryFindings(deliveries, found.now),
  ]
})

const ask = (wire: Wire, one: Statement): Effect.Effect<string | null, StoreFault> =>
  Effect.flatMap(wire.run([one]), ({ values, failed }) => {
    if (failed === undefined) return Effect.succeed(values[0] ?? null)
    const { message: reason, cause } = failed.failure
    return Effect.fail({ _tag: meaningOf(failed.failure, false) === "lost" ? "Lost" : "Rejected", reason, cause })
  })
