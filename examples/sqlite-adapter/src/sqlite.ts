/**
 * What the parts of the adapter share: the tables, how keys become columns, and how a call of the database becomes an
 * effect.
 */
import type { Key, StoreFault } from "@holdfast/core/ports"
import { Effect } from "effect"

/**
 * Two generic tables for records and ledger rows, and five for the outbox. Text compares by its bytes (`binary`), as the
 * port asks. The indexes are for the lists that callers page through. Records are numbered as they come, and commits come
 * one after the other: so lists in the order of these numbers pass over none.
 */
export const schema = `
create table if not exists record (position integer primary key autoincrement, kind text not null, key text not null, json text not null, unique (kind, key));
create table if not exists log (log text not null, key text not null, json text not null, primary key (log, key)) without rowid;
create table if not exists event (position integer primary key autoincrement, json text not null);
create table if not exists subscription (name text primary key) without rowid;
create table if not exists fence (number integer primary key autoincrement);
create table if not exists waiting (name text not null, position integer not null, primary key (name, position)) without rowid;
create table if not exists parked (name text not null, position integer not null, reason text not null, parked_at integer not null, primary key (name, position)) without rowid;
create index if not exists owned on record (kind, json ->> '$.accountId', key);
create index if not exists referenced on record (json ->> '$.reference', position) where kind = 'order';
create index if not exists bought on record (json ->> '$.accountId', position) where kind = 'order';
create index if not exists ticketed on record (json ->> '$.campaignId', cast(json ->> '$.ticket' as integer)) where kind = 'coupon';
`

/** No id holds a control character, so parts cannot run into each other; and it sorts before every character of an id. */
const separator = "\u0001"
/** Numbers of one width, so that they sort as numbers. */
const digits = 16

/** A key as one text that sorts as the key does, part by part. */
export const keyColumn = (key: Key): string =>
  key.map((part) => (typeof part === "number" ? String(part).padStart(digits, "0") : part)).join(separator)

/** The text after which all keys with this one as their beginning follow. */
export const afterColumn = (after: Key | undefined): string => (after === undefined ? "" : keyColumn(after))

/** A synchronous call of the database as an effect; what it throws becomes a fault. */
export const stepOf = <A, E>(run: () => A, faultOf: (cause: unknown) => E): Effect.Effect<A, E> =>
  Effect.suspend(() => {
    try {
      return Effect.succeed(run())
    } catch (cause) {
      return Effect.fail(faultOf(cause))
    }
  })

/** A step outside of a transaction. */
export const step = <A>(run: () => A): Effect.Effect<A, StoreFault> =>
  stepOf(run, (cause) => ({ _tag: "Lost", reason: "SQLite did not answer", cause }))

const primaryCode = (cause: unknown): number =>
  typeof cause === "object" && cause !== null && "errcode" in cause ? Number(cause.errcode) & 0xff : 0

/** SQLITE_BUSY or SQLITE_LOCKED: another process has the file. */
export const isBusy = (cause: unknown): boolean => [5, 6].includes(primaryCode(cause))
/** SQLITE_CONSTRAINT: a row with this key exists. */
/** No memory, an error of the disk, or a full one. */
export const isDisk = (cause: unknown): boolean => [7, 10, 13].includes(primaryCode(cause))

export const isConstraint = (cause: unknown): boolean => primaryCode(cause) === 19
