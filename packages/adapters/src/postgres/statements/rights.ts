/**
 * What the role of a running shop must be allowed to do with each relation of its schema. Making the schema and archiving need
 * more, and may be done by another role.
 *
 * A test compares it with the statements that a shop sends, and sells as a role that has exactly these rights.
 */
import { kindNames, kinds, ledgerNames } from "@holdfast/core/ports"
import type { Relation } from "../schema/shape.generated.ts"
import { rowsOf } from "../session/text.ts"
import { type Statement, statement } from "../session/wire.ts"
import { kindTables, ledgerTables } from "./kindTables.ts"

export type Right = "select" | "insert" | "update" | "delete"

/** A row is locked, and a sequence counted on, with the right to update it. */
export const rights: { readonly [R in Relation]?: ReadonlyArray<Right> } = {
  ...Object.fromEntries(kindNames.map((kind) => [kindTables[kind].table, rightsOf(kinds[kind].locked)])),
  ...Object.fromEntries(ledgerNames.map((ledger) => [ledgerTables[ledger].table, rightsOf(false)])),
  archive: ["select"],
  delivery: ["select", "insert", "update", "delete"],
  era: ["select", "update"],
  fence: ["select", "update"],
  migration: ["select"],
  outbox: ["select", "insert", "update", "delete"],
  parked: ["select", "insert", "delete"],
  receipts: ["select"],
  request_claim: ["select", "insert", "delete"],
  request_log: ["select", "update"],
  subscription: ["select", "insert", "update", "delete"],
}

function rightsOf(changes: boolean): ReadonlyArray<Right> {
  return changes ? ["select", "insert", "update"] : ["select", "insert"]
}

/** What the role of a session may not do, or whether it may not even look into the schema. */
export interface Missing {
  readonly usage: boolean
  readonly rights: ReadonlyArray<readonly [relation: string, right: Right]>
}

const pairs = Object.entries(rights).flatMap(([relation, each]) => each.map((right) => [relation, right] as const))
const literal = (items: ReadonlyArray<string>): string => `{${items.join(",")}}`

/** By what relations are and not by their names, which a role without the right to the schema could not look up. */
export const askMissing = (schema: string): Statement =>
  statement(
    `select json_build_array(json_build_array(
  not has_schema_privilege(n.oid, 'usage'),
  (select coalesce(json_agg(json_build_array(r.relation, r.needed) order by r.relation, r.needed), '[]')
   from unnest($2::text[], $3::text[]) r(relation, needed)
   join pg_class c on c.relnamespace = n.oid and c.relname = r.relation
   where not has_table_privilege(c.oid, r.needed))
))::text from pg_namespace n where n.nspname = $1`,
    schema,
    literal(pairs.map(([relation]) => relation)),
    literal(pairs.map(([, right]) => right)),
  )

/** Nothing is missing of a schema that is not there. */
export const missingOf = (json: string | null): Missing => {
  const [found] = rowsOf<readonly [boolean, Missing["rights"]]>(json)
  return { usage: found?.[0] ?? false, rights: found?.[1] ?? [] }
}
