/**
 * Finding the keys that somebody holds, after a lock was not given in time.
 *
 * A lock that another lane holds is let go within milliseconds and is no reason to set anything aside. So the rows that
 * cannot be locked at this moment are only suspects, and each of them is waited for once more, alone and briefly.
 */

import { type Key, type KeyOf, type Keys, kindNames, kinds, mapKinds, type OfKind } from "@holdfast/core/ports"
import { Effect } from "effect"
import { rowsOf } from "../session/text.ts"
import { begin, rollback, statement, type Wire } from "../session/wire.ts"
import { keyParts, matching } from "./keys.ts"
import { kindTables } from "./kindTables.ts"
import { type Template, template } from "./template.ts"

/** How long each is waited for: many times what a batch holds its locks, far less than a host's forgotten transaction. */
const patience = statement("set local lock_timeout = '30ms'")

/** What of each kind may be held: everything that batches lock. */
const lockables = kindNames.filter((kind) => kinds[kind].locked)

/** The rows of some keys that cannot be locked right now. Waits for nothing; its own locks end with its transaction. */
const suspects = mapKinds<SuspectsOfKind>((kind) => {
  const { table, key } = kindTables[kind]
  const names = key.map(({ name }) => name).join(", ")
  const columns = key.map(({ name }) => `r.${name}`).join(", ")
  const match = matching("r", "k", key)
  return template(
    `suspects ${kind}`,
    (parameters) => `with k as materialized (
  select * from ${parameters.rows(keyParts(key), (keys) => keys)} k
), free as materialized (
  select f.* from k cross join lateral (select ${columns} from @.${table} r where ${match} for update skip locked) f
)
select json_agg(json_build_array(${columns}))::text
from k cross join lateral (select * from @.${table} r where ${match} offset 0) r
where (${columns}) not in (select ${names} from free)`,
  )
})

interface SuspectsOfKind extends OfKind {
  readonly made: Template<ReadonlyArray<Key>>
}

/** Those of the keys that cannot be locked right now; none where the server does not say. */
export const suspectsAmong = (wire: Wire, keys: Keys): Effect.Effect<ReadonlyArray<KeyOf>> => {
  const asked = lockables.filter((kind) => keys.of(kind).length > 0)
  const probes = asked.map((kind) => suspects[kind].of(keys.of(kind)))
  return Effect.map(wire.run([begin, ...probes, rollback]), ({ values, failed }) =>
    failed === undefined
      ? asked.flatMap((kind, index) => rowsOf<Key>(values[index + 1]).map((key) => ({ kind, key })))
      : [],
  )
}

/** Whether locks on all of these keys are given to whoever waits a moment. */
export const areGiven = (wire: Wire, asked: ReadonlyArray<KeyOf>): Effect.Effect<boolean> => {
  const locks = lockables.flatMap((kind) => {
    const keys = asked.filter((each) => each.kind === kind).map(({ key }) => key)
    return keys.length === 0 ? [] : kindTables[kind].readings.map(({ lock }) => lock.of(keys))
  })
  return Effect.map(wire.run([begin, patience, ...locks, rollback]), ({ failed }) => failed?.failure.code !== "55P03")
}
