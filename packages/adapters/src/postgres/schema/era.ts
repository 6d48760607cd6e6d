/**
 * Whose transactions are counted: a database that was restored elsewhere has orders of transactions that this cluster has
 * not come to, and new ones would stand in front of them. Then everything new is counted from further on.
 *
 * A dump says nothing of the cluster that it is from, so the schema does. Only a start looks: nobody sells on a database
 * while it is restored.
 */
import type { StoreFault } from "@holdfast/core/ports"
import { Effect } from "effect"
import { statement, type Wire } from "../session/wire.ts"

/** More transactions than a cluster comes to: at ten thousand a second it takes 28 years. A thousand restores fit. */
const transactionsOfAnEra = 2 ** 43

/** Some servers let only some roles ask. Databases of one cluster share its transactions, so this is only less exact. */
const identities = [
  "select 'system ' || system_identifier from pg_control_system()",
  "select 'database ' || oid || ' ' || datname from pg_database where datname = current_database()",
]

const known = "select e.cluster from @.era e where e.one"
const beginEra = `update @.era set base = case when cluster = '' then base else base + ${transactionsOfAnEra} end, cluster = $1
where one and cluster <> $1`

/** Notes the cluster, and begins an era where it is another one than before. */
export const keepEra = (
  wire: Wire,
  read: (wire: Wire, sql: ReturnType<typeof statement>) => Effect.Effect<string | null, StoreFault>,
  write: (wire: Wire, sql: ReturnType<typeof statement>) => Effect.Effect<void, StoreFault>,
): Effect.Effect<void, StoreFault> =>
  Effect.gen(function* () {
    const cluster = yield* clusterOf(wire)
    if ((yield* read(wire, statement(known))) === cluster) return
    yield* write(wire, statement(beginEra, cluster))
  })

const clusterOf = (wire: Wire): Effect.Effect<string, StoreFault> =>
  Effect.gen(function* () {
    for (const identity of identities) {
      const { values, failed } = yield* wire.run([statement(identity)])
      if (failed === undefined && values[0] != null) return values[0]
    }
    return "unknown"
  })
