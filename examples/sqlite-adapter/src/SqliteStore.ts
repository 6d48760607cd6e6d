/**
 * A store on SQLite, in one file or in memory, with the database that comes with Node.
 *
 * It is what another team's adapter looks like: four functions for `Store.fromTransaction` (begin, load, apply, commit are
 * here), reads and outbox beside it, and no business rule anywhere. Records and ledger rows are kept as JSON in two generic
 * tables: it names no kind and no ledger, so those that do not exist yet fit.
 */
import { DatabaseSync } from "node:sqlite"
import {
  type ChangeSet,
  type Conflict,
  type Connection,
  eachPut,
  eachRow,
  type Guarantees,
  type Key,
  type Keys,
  type KindName,
  kinds,
  type Loaded,
  type LoadedOfKind,
  ledgers,
  mapKinds,
  Store,
  type StoreFault,
} from "@holdfast/core/ports"
import { Effect, Semaphore } from "effect"
import { isBusy, isConstraint, isDisk, keyColumn, schema, stepOf } from "./sqlite.ts"
import { outboxOf } from "./sqliteOutbox.ts"
import { readsOf } from "./sqliteReads.ts"

export interface SqliteOptions {
  /** The file; ":memory:" keeps nothing. */
  readonly file: string
}

const guarantees: Guarantees = {
  name: "SQLite",
  // WAL with synchronous=FULL syncs every commit; what a power loss does was not tried, so it is not claimed.
  durability: "process crash",
  scope: "one process",
  lanes: 1,
}

const conflict: Conflict = { _tag: "Conflict" }

const connect = (options: SqliteOptions) =>
  Effect.map(
    Effect.acquireRelease(
      Effect.sync(() => open(options.file)),
      (database) => Effect.sync(() => database.close()),
    ),
    connectionOf,
  )

const open = (file: string): DatabaseSync => {
  const database = new DatabaseSync(file)
  database.exec("pragma journal_mode = wal; pragma synchronous = full; pragma busy_timeout = 100")
  database.exec(schema)
  return database
}

const connectionOf = (database: DatabaseSync): Connection<DatabaseSync> => {
  // One connection has one transaction at a time; whoever comes meanwhile waits here and not in the database.
  const alone = Semaphore.makeUnsafe(1)
  const begin = database.prepare("begin immediate")
  const commit = database.prepare("commit")
  const rollback = database.prepare("rollback")
  const select = database.prepare("select json from record where kind = ? and key = ?")
  const insert = database.prepare("insert into record (kind, key, json) values (?, ?, ?)")
  const update = database.prepare("update record set json = ? where kind = ? and key = ?")
  const append = database.prepare("insert into log (log, key, json) values (?, ?, ?)")
  const publish = database.prepare("insert into event (json) select ? where exists (select 1 from subscription)")
  const offer = database.prepare("insert into waiting (name, position) select name, ? from subscription")

  const put = (kind: KindName, key: Key, before: object | undefined, after: object): void => {
    // An unchanged record only says what the decision relied on; it was locked when it was loaded.
    if (before === after) return
    if (before === undefined) insert.run(kind, keyColumn(key), JSON.stringify(after))
    else update.run(JSON.stringify(after), kind, keyColumn(key))
  }

  const apply = ({ puts, appends }: ChangeSet): void => {
    eachPut(puts, (kind, { before, after }) => put(kind, kinds[kind].keyOf(after), before, after))
    eachRow(appends, (ledger, row) => append.run(ledger, keyColumn(ledgers[ledger].keyOf(row)), JSON.stringify(row)))
    for (const event of appends.event) {
      const { changes, lastInsertRowid } = publish.run(JSON.stringify(event))
      if (changes > 0) offer.run(lastInsertRowid)
    }
  }

  return {
    transaction: (use) =>
      alone.withPermit(
        Effect.acquireUseRelease(
          attempt(() => begin.run()),
          () => Effect.tap(use(database), () => attempt(() => commit.run())),
          // Still open where `use` failed, where the commit was refused, and where somebody was interrupted.
          () => Effect.sync(() => database.isTransaction && rollback.run()),
        ),
      ),
    // "begin immediate" has locked the whole database: what is loaded stays as it is until the commit.
    load: (_tx, keys) => attempt(() => loaded(keys, (kind, key) => jsonOf(select.get(kind, keyColumn(key))))),
    apply: (_tx, changes) => attempt(() => apply(changes)),
    ...readsOf(database),
    outbox: outboxOf(database),
  }
}

const jsonOf = (row: Record<string, unknown> | undefined): ReadonlyArray<never> =>
  row === undefined ? [] : JSON.parse(`[${String(row.json)}]`)

const loaded = (keys: Keys, get: (kind: KindName, key: Key) => ReadonlyArray<never>): Loaded =>
  mapKinds<LoadedOfKind>((kind) => keys.of(kind).flatMap((key) => get(kind, key)))

/** One step inside of a transaction. A key that appeared meanwhile is a conflict; another process's lock is busy. */
const attempt = <A>(run: () => A): Effect.Effect<A, StoreFault | Conflict> =>
  stepOf(run, (cause): StoreFault | Conflict => {
    if (isConstraint(cause)) return conflict
    // The key is unknown: whoever holds the file holds all of it.
    if (isBusy(cause)) return { _tag: "Busy", keys: [] }
    // A disk that is full or cannot be read may be well another time; what else SQLite refuses stays refused.
    return isDisk(cause)
      ? { _tag: "Lost", reason: "SQLite could not write", cause }
      : { _tag: "Rejected", reason: "SQLite refused the statement", cause }
  })

/** `SqliteStore.layer({ file: "shop.db" })`. */
export const SqliteStore = Store.fromTransaction(guarantees, connect)

/** The store as an option of `createHoldfast`. */
export const sqlite = (options: SqliteOptions) => ({ name: guarantees.name, layer: SqliteStore.layer(options) })
