/**
 * The store inside a transaction that the host opened, on its connection.
 *
 * Every call locks first and decides then: a conflict could not be decided again from the beginning, because the host's
 * own statements are none of ours to repeat. A lock is waited for briefly; one that is not given is `Busy`, which the
 * engine answers as a conflict of transactions that the host may run again. Nothing of the session stays changed, a failure
 * of ours leaves the host's transaction usable, and what the host sends meanwhile is never undone with it. A call belongs to
 * the transaction that was open when it was made: where that has ended, the call does nothing more. READ COMMITTED only: with
 * an older snapshot locks would show values that are not current, and so would reads.
 */
import type { JoinNotSupported } from "@holdfast/core"
import {
  type Decided,
  type Guarantees,
  type Keys,
  type KindName,
  kindNames,
  kinds,
  lockedKeys,
  type Records,
  type StoreFault,
  type StoreShape,
} from "@holdfast/core/ports"
import { Effect } from "effect"
import { queryOf } from "./connect/handles.ts"
import { sequentialWire } from "./connect/sequentialWire.ts"
import { outboxOn } from "./outbox/outbox.ts"
import { atomically, ended, freshMark, isMarked, markIt, unheard } from "./session/atomically.ts"
import { Connection } from "./session/Connection.ts"
import { waitsForStandbys } from "./session/confirm.ts"
import { utf8 } from "./session/encoding.ts"
import { faultOf, isCrowd, meaningOf, rejected } from "./session/faults.ts"
import { placing, rowsOf } from "./session/text.ts"
import { begin, type Failure, type Reply, type Statement, statement, type Wire } from "./session/wire.ts"
import { applyStatements } from "./statements/apply.ts"
import { type LockStatement, locksOf } from "./statements/load.ts"
import { readsOn } from "./statements/reads.ts"
import { scansOn } from "./statements/scans.ts"

/** The isolation and the encoding of a transaction, what tells it from the client's others, and what it may use. */
const context = (mark: string) =>
  statement(
    `select json_build_array(json_build_object('isolation', current_setting('transaction_isolation'),
  'encoding', current_setting('client_encoding'), 'transaction', now()::text || pg_backend_pid(),
  'blocks', (select has_language_privilege(oid, 'usage') from pg_language where lanname = 'plpgsql'),
  'isMarked', ${isMarked("$1::text")}))::text`,
    mark,
  )
interface Context {
  readonly isolation: string
  readonly encoding: string
  readonly transaction: string
  readonly blocks: boolean | null
  readonly isMarked: boolean
}
/** The id of the transaction, where it has one by now. */
const transactionId = statement("select pg_current_xact_id_if_assigned()::text")
/** What became of a transaction; null where the server has forgotten it. */
const statusOf = (id: string) => statement("select pg_xact_status($1::text::xid8)", id)
const setLockTimeout = (value: string) => statement(`select set_config('lock_timeout', $1, true)`, value)

/** How long a call waits for a lock: shorter than the server takes to look for a deadlock. */
const patience = "200ms"
/**
 * How long a later call of the same transaction waits for what comes before the locks that the transaction has: whoever
 * holds it may be waiting for those. Far shorter than a lane waits, so that it is not the lane that has to give up.
 */
const impatience = "20ms"
/** A record or a receipt that appeared between the locks and the insert; seen by the next attempt. */
const maxAttempts = 3

/** A handle that was joined. It outlives the host's transactions where it is a client. */
interface Joined {
  /** Where calls take turns. */
  readonly connection: Connection
  /** Where a call marks its transaction, at once: while it waits for its turn the host may end that and begin another. */
  readonly marking: Connection
  readonly place: (sql: string) => string
  /** The transaction that moved something last, and the last kind that it locked. */
  moved: { readonly transaction: string; readonly furthest: number } | undefined
}

/** A transaction that was joined, for the calls that were made in it. */
interface Inside {
  readonly joined: Joined
  readonly transaction: string
  readonly mark: string
}

/** Joins of one store. A handle is one connection, so all calls on it take turns. */
export const joiner = (
  guarantees: Guarantees,
  schema: string,
): ((handle: unknown) => Effect.Effect<StoreShape, JoinNotSupported>) => {
  const known = new WeakMap<object, Joined>()
  const place = placing(schema)
  const joinedOf = (handle: unknown): Joined | string => {
    const key = typeof handle === "object" || typeof handle === "function" ? handle : null
    const before = key === null ? undefined : known.get(key)
    if (before !== undefined) return before
    const query = queryOf(handle)
    if (typeof query === "string") return query
    const wire = withoutTransactions(sequentialWire(query, schema, []))
    // The connection is the host's: there is nothing to open and nothing to close.
    const joined: Joined = {
      connection: new Connection(Effect.succeed(wire), false),
      marking: new Connection(Effect.succeed(wire), true),
      place,
      moved: undefined,
    }
    if (key !== null) known.set(key, joined)
    return joined
  }
  const refuse = (reason: string): Effect.Effect<never, JoinNotSupported> =>
    Effect.fail({ _tag: "JoinNotSupported", outcome: "nothing-happened", store: guarantees.name, reason })
  return (handle) => {
    const joined = joinedOf(handle)
    if (typeof joined === "string") return refuse(joined)
    const { connection } = joined
    return Effect.flatMap(enter(joined), (inside) =>
      typeof inside === "string"
        ? refuse(inside)
        : Effect.succeed({
            guarantees,
            transact: (keys, decide) => connection.use((wire) => decideInside(inside, wire, keys, decide)),
            reads: readsOn({ reading: connection, listing: connection }),
            ...scansOn(connection),
            outbox: outboxOn({ settling: connection, claiming: connection, isOwnSession: false }),
          }),
    )
  }
}

/** Marks the transaction that is open, or says why it cannot be joined. Outside of one no mark stays. */
const enter = (joined: Joined): Effect.Effect<Inside | string> =>
  Effect.suspend(() => {
    const mark = freshMark()
    return Effect.match(
      joined.marking.follow((wire) => wire.run([markIt(mark), context(mark)])),
      {
        onFailure: (fault) => ("reason" in fault ? fault.reason : "it is busy"),
        onSuccess: ({ values, failed }) => {
          if (failed !== undefined) return failed.failure.message
          const found = contextIn(values[1])
          return whyNotJoin(found) ?? { joined, transaction: found.transaction, mark }
        },
      },
    )
  })

const whyNotJoin = ({ isolation, encoding, blocks, isMarked }: Context): string | undefined => {
  if (!isMarked) return "it is in no transaction, or in none any more"
  if (blocks !== true) return "it may not use PL/pgSQL, without which nothing can be undone alone"
  if (encoding !== utf8) return `it has client_encoding ${encoding}, which changes text on its way`
  return isolation === "read committed"
    ? undefined
    : `it runs at ${isolation}, where locks and reads show what may be outdated; only read committed is joined`
}

const contextIn = (value: string | null | undefined): Context =>
  rowsOf<Context>(value)[0] ?? {
    isolation: "an unknown isolation level",
    encoding: utf8,
    transaction: "",
    blocks: true,
    isMarked: true,
  }

const decideInside = <A>(
  inside: Inside,
  wire: Wire,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
  attempt = 1,
): Effect.Effect<A, StoreFault> =>
  Effect.gen(function* () {
    const { joined, transaction, mark } = inside
    const { place } = joined
    const furthest = joined.moved?.transaction === transaction ? joined.moved.furthest : -1
    const locks = locksOf(keys)
    const early = locks.statements.filter(({ kind }) => orderOf(kind) <= furthest)
    const late = locks.statements.slice(early.length)
    const loaded = yield* atomically(
      wire,
      place,
      mark,
      [...waiting(impatience, early), ...waiting(patience, late), transactionId],
      "replies",
    )
    if (loaded.failed !== undefined) {
      // It has changed nothing by now, whatever became of the session.
      const { failure } = loaded.failed
      const certain: Failure = failure.code === unheard.code ? ended : { ...failure, attempt: "nothing" }
      return yield* again<A>(inside, wire, keys, decide, attempt, certain)
    }
    // These locks stay until the host's transaction ends, whatever becomes of the call.
    const locked = locks.statements.filter(({ kind }) => kinds[kind].locked).map(({ kind }) => orderOf(kind))
    joined.moved = { transaction, furthest: Math.max(...locked, furthest) }
    const values = loaded.values.slice(early.length > 0 ? 1 : 0)
    const id = values.pop()
    if (late.length > 0) values.splice(early.length, 1)
    const { answer, changes, restsOnRows } = decide(locks.recordsOf(values))
    if (changes === undefined && restsOnRows !== true) return answer
    const applied = yield* atomically(
      wire,
      place,
      mark,
      // What rests on rows that were found counts when the host's own commit has waited for them.
      changes === undefined ? [waitsForStandbys] : [setLockTimeout(patience), ...applyStatements(changes, true)],
      "nothing",
    )
    if (applied.failed === undefined) return answer
    const { failure } = applied.failed
    const known = failure.code === unheard.code ? yield* heardLater(wire, id, failure) : failure
    return yield* again<A>(inside, wire, keys, decide, attempt, known)
  })

/**
 * What the host has not committed is gone, with what the call did in it. Of what it has committed, the call is a part or not:
 * whoever asks for its key finds out.
 */
const heardLater = (wire: Wire, id: string | null | undefined, failure: Failure): Effect.Effect<Failure> =>
  id === null || id === undefined
    ? Effect.succeed(failure)
    : Effect.map(wire.run([statusOf(id)]), ({ values: [status] }) =>
        status === "aborted" || status === "in progress" ? ended : failure,
      )

/** Where a kind stands in the order of locks. */
const orderOf = (kind: KindName): number => kindNames.indexOf(kind)

const waiting = (howLong: string, locks: ReadonlyArray<LockStatement>): ReadonlyArray<Statement> =>
  locks.length === 0 ? [] : [setLockTimeout(howLong), ...locks]

/** What failed has left nothing behind. A record that appeared meanwhile is seen by another attempt. */
const again = <A>(
  inside: Inside,
  wire: Wire,
  keys: Keys,
  decide: (records: Records) => Decided<A>,
  attempt: number,
  failure: Failure,
): Effect.Effect<A, StoreFault> => {
  const meaning = meaningOf(failure, false)
  if (meaning === "conflict" && attempt < maxAttempts) return decideInside(inside, wire, keys, decide, attempt + 1)
  // What stays under locks and is no other session's doing has its reason in the call, such as an index that was added.
  if (meaning === "conflict" && !isCrowd(failure)) return Effect.fail(rejected(failure))
  if (meaning === "conflict" || meaning === "waited")
    return Effect.fail<StoreFault>({ _tag: "Busy", keys: lockedKeys(keys) })
  return Effect.fail(faultOf(failure))
}

/**
 * Whatever comes with a beginning and an end of its own has no place here: its end would be the host's. So is that of a
 * transaction that has failed: nothing of it happens, and the session is of use when the host has ended it.
 */
const withoutTransactions = (wire: Wire): Wire => ({
  run: (frame) =>
    frame.some(({ sql }) => sql === begin.sql) ? Effect.succeed(notHere) : Effect.map(wire.run(frame), ofHost),
})

const ofHost = (reply: Reply): Reply => {
  const { failed } = reply
  return failed === undefined
    ? reply
    : { ...reply, failed: { ...failed, failure: { ...failed.failure, isHosts: true } } }
}

const notHere: Reply = {
  values: [],
  failed: {
    index: 0,
    failure: { code: "0B000", message: "inside the host's transaction nothing else begins one", cause: undefined },
  },
}
