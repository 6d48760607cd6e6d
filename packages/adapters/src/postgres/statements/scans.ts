/**
 * Scans: everything of a kind or ledger in the order of its keys, page by page. Each page is one statement, and so one
 * snapshot, on a session of their own.
 */
import {
  type Key,
  type KindName,
  type LedgerName,
  mapKinds,
  type OfKind,
  type RecordOf,
  type RowOf,
  type StoreFault,
  type StoreShape,
} from "@holdfast/core/ports"
import { Effect } from "effect"
import { ask, type Connection } from "../session/Connection.ts"
import { rowsOf } from "../session/text.ts"
import { homes } from "./homes.ts"
import { inOrder, type KeyColumn } from "./keys.ts"
import { ledgers, type Table, tables } from "./tables.ts"
import { type Parameters, type Template, template } from "./template.ts"

type Scan<R> = (
  connection: Connection,
  after: Key | undefined,
  limit: number,
) => Effect.Effect<ReadonlyArray<R>, StoreFault>

interface Question {
  /** As many parts of a key as were given. */
  readonly after: ReadonlyArray<string | number>
  readonly limit: number
}

/**
 * Rows by key, those after one: a comparison of whole keys, which the primary key answers in order. A key of fewer parts
 * stands before all that begin with it.
 */
const scanTemplate = ({ row, table, key }: Table<unknown>, parts: number): Template<Question> =>
  template(`scan ${table}${parts === 0 ? "" : ` after ${parts} of ${key.length}`}`, (parameters) => {
    const limit = parameters.value("limit", "int", (asked) => asked.limit)
    const given = key.slice(0, parts)
    const bounds = given.map((column, index) => bound(column, parameters, ({ after }) => after[index] ?? null))
    const comparison = parts === key.length ? ">" : ">="
    const where = parts === 0 ? "" : `where (${namesOf(given)}) ${comparison} (${bounds.join(", ")})`
    return `select json_agg(${row} order by ${inOrder("r", key)})::text from (
  select * from @.${table} ${where} order by ${namesOf(key)} limit ${limit}
) r`
  })

const namesOf = (key: ReadonlyArray<KeyColumn>): string => key.map(({ name }) => name).join(", ")

const bound = <Input>(
  { name, type }: KeyColumn,
  parameters: Parameters<Input>,
  bind: (input: Input) => string | number | null,
): string =>
  type === "bigint" ? parameters.value(name, "bigint", bind) : `${parameters.value(name, "text", bind)} collate "C"`

const scanned = <R>(of: Table<R>): Scan<R> => {
  const byParts = Array.from({ length: of.key.length + 1 }, (_, parts) => scanTemplate(of, parts))
  return (connection, after, limit) => {
    const given = after?.slice(0, of.key.length) ?? []
    const asked = byParts[given.length]
    return asked === undefined
      ? Effect.succeed([])
      : Effect.map(ask(connection, asked.of({ after: given, limit })), of.recordsOf)
  }
}

/** Receipts stand in several tables. Each gives its next keys by (scope, key), and the first of them all are the page. */
const receiptPage = template<Question>("scan receipts", (parameters) => {
  const limit = parameters.value("limit", "int", (asked) => asked.limit)
  const after = tables.receipt.key.map((column, index) =>
    bound(column, parameters, (asked) => asked.after[index] ?? ""),
  )
  const inHomes = Object.entries(homes).map(([table, operation]) => {
    const from = ["scope", "key"].map((name, index) =>
      parameters.value(`${table}_${name}`, "text", (asked) => boundOf(operation, asked)[index] ?? ""),
    )
    return `union all (select scope, '${operation}'::text collate "C", key from @.${table}
      where key is not null and (scope, key) > (${from.join(", ")}) order by scope, key limit ${limit})`
  })
  return `select json_agg(${tables.receipt.row} order by k.scope, k.operation, k.key)::text from (
  select scope, operation, key from (
    (select scope, operation, key from @.receipt where (scope, operation, key) > (${after.join(", ")}) order by scope, operation, key limit ${limit})
    ${inHomes.join("\n    ")}
  ) s order by scope, operation, key limit ${limit}
) k cross join lateral (select * from @.receipts c where c.scope = k.scope and c.operation = k.operation and c.key = k.key offset 0) r`
})

/** The scope and key after which the receipts of one operation follow. */
const boundOf = (operation: string, { after }: Question): readonly [scope: string, key: string] => {
  const [scope = "", last = "", key = ""] = after.map(String)
  if (operation === last) return [scope, key]
  // Behind the scope, and before every one that follows it: no scope holds a control character.
  return operation > last ? [scope, ""] : [`${scope}\u0001`, ""]
}

const scanReceipts: Scan<RecordOf["receipt"]> = (connection, after, limit) =>
  Effect.map(ask(connection, receiptPage.of({ after: after ?? [], limit })), tables.receipt.recordsOf)

interface ScanOfKind extends OfKind {
  readonly made: Scan<RecordOf[this["kind"]]>
}
const scans: { readonly [K in KindName]: Scan<RecordOf[K]> } = {
  ...mapKinds<ScanOfKind>((kind) => scanned(tables[kind])),
  receipt: scanReceipts,
}
const ledgerScans: { readonly [L in LedgerName]: Scan<RowOf[L]> } = {
  entry: scanned(ledgers.entry),
  movement: scanned(ledgers.movement),
}

const archivedBefore = template<void>("archived before", () => `select json_build_array(before)::text from @.archive`)

export const scansOn = (connection: Connection): Pick<StoreShape, "scan" | "scanLog" | "archivedBefore"> => ({
  archivedBefore: Effect.map(ask(connection, archivedBefore.of()), (json) => rowsOf<number>(json)[0]),
  scan: (kind, after, limit) => scans[kind](connection, after, limit),
  scanLog: (log, after, limit) => ledgerScans[log](connection, after, limit),
})
