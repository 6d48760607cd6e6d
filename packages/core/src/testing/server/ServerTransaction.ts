/**
 * A transaction of a simulated server, statement by statement, as READ COMMITTED has them.
 *
 * Each statement sees what was committed when it began. A row that it wants to change is looked at twice: as the statement
 * saw it, and once more, locked, as it is by then. A guard has to hold both times; the second look is at that row alone. An
 * insert of a key that another transaction has inserted and not committed waits for the end of that one. A statement goes
 * through all of its rows before it fails.
 *
 * Before every statement and every lock others may run.
 */

import { Effect } from "effect"
import type { ChangeSet, Put, Puts } from "../../decision/Changes.ts"
import { type KindName, kindNames, kinds, mapKinds, type OfKind, type RecordOf } from "../../decision/kinds.ts"
import type { Keys, Loaded, LoadedOfKind } from "../../decision/Records.ts"
import { type Rebased, rebaseAll } from "../../memory/guards.ts"
import type { NotNow } from "../../transact/Session.ts"
import { type KeyOf, textOfKey } from "../../transact/StoreFault.ts"
import { compareKeys, type Key, keyText } from "../../values.ts"
import type { Holder, Mode } from "./RowLocks.ts"
import type { SimulatedServer } from "./SimulatedServer.ts"
import { receiptsWrittenWith, type Statement, statements, uniqueNames } from "./serverStatements.ts"

/** How long a session waits for a lock, and how long where it only asks whether it would be given. */
const lockTimeoutMillis = 100
const askingMillis = 30

/** What the rows of each kind come to, by their keys. */
type Held = { readonly [K in KindName]: Map<string, Rebased<RecordOf[K]>> }
interface HeldOfKind extends OfKind {
  readonly made: Map<string, Rebased<RecordOf[this["kind"]]>>
}
interface RebasedOfKind extends OfKind {
  readonly made: ReadonlyArray<Rebased<RecordOf[this["kind"]]>>
}

/**
 * How a row ended: held, found other than it was decided on, not allowed to be as it would become, or not given in time.
 */
type Row = "held" | "other" | "illegal" | "not given"

export class ServerTransaction implements Holder {
  readonly locks = new Set<string>()
  readonly #server: SimulatedServer
  readonly #held: Held = mapKinds<HeldOfKind>(() => new Map())
  #staged: ChangeSet | undefined

  constructor(server: SimulatedServer) {
    this.#server = server
    server.active.add(this)
  }

  /** Locks the rows of the keys that are there, kind by kind, and reads the receipts last. */
  lock(keys: Keys): Effect.Effect<Loaded | NotNow> {
    return Effect.gen({ self: this }, function* () {
      const there = new Map<KindName, ReadonlyArray<Key>>()
      for (const kind of kindNames) {
        yield* Effect.yieldNow
        // Rows that appear while others are waited for are not seen by this statement.
        const rows = keys.of(kind).filter((key) => this.#server.get(kind, key) !== undefined)
        there.set(kind, rows)
        if (!kinds[kind].locked) continue
        for (const key of rows) if (!(yield* this.#take(rowName(kind, key)))) return notGiven
      }
      return mapKinds<LoadedOfKind>((kind) =>
        (there.get(kind) ?? []).flatMap((key) => this.#server.get(kind, key) ?? []),
      )
    })
  }

  /** Applies changes, to be committed later. */
  apply(
    changes: ChangeSet,
    heard: boolean,
  ): Effect.Effect<{ readonly _tag: "Written"; readonly heard: boolean } | NotNow> {
    return Effect.gen({ self: this }, function* () {
      for (const statement of statements) {
        const failed = yield* this.#run(statement.kind, statement, changes.puts)
        if (failed !== undefined) return failed
      }
      yield* Effect.yieldNow
      const waits = this.#server.hasSubscriptions
      if (waits && !heard && this.#server.rules.verifiesAudience) return conflictAt("subscriptions")
      const rebased = mapKinds<RebasedOfKind>((kind) => Array.from(this.#held[kind].values()))
      this.#staged = rebaseAll(rebased, waits && heard ? changes.appends : { ...changes.appends, event: [] })
      return this.#staged === undefined ? conflictAt("anything") : { _tag: "Written", heard: waits }
    })
  }

  /** Whether locks on all of the rows are given to whoever waits a moment. */
  areGiven(asked: ReadonlyArray<KeyOf>): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function* () {
      for (const { kind, key } of asked) {
        if (!(yield* this.#take(rowName(kind, key), "exclusive", askingMillis))) return false
      }
      return true
    })
  }

  /** Commits what was written. False where its client may not be told so. */
  readonly commit: Effect.Effect<boolean> = Effect.andThen(
    Effect.yieldNow,
    Effect.sync(() => {
      const isTold = this.#staged === undefined || this.#server.commit(this.#staged)
      this.rollback()
      return isTold
    }),
  )

  /** Ends without a trace of what is not committed. */
  rollback(): void {
    this.#staged = undefined
    this.#server.ended(this)
  }

  #run<K extends KindName>(kind: K, statement: Statement, puts: Puts): Effect.Effect<NotNow | undefined> {
    const { keyOf } = kinds[kind]
    const rows = puts[kind]
      .filter(({ before }) => (before === undefined ? statement.inserts : statement.changes))
      .toSorted((left, right) => compareKeys(keyOf(left.after), keyOf(right.after)))
    const receipts = statement.inserts ? receiptsWrittenWith(kind, puts) : []
    if (rows.length === 0 && receipts.length === 0) return Effect.succeed(undefined)
    return Effect.gen({ self: this }, function* () {
      yield* Effect.yieldNow
      const seen = rows.map(({ after }) => this.#server.get(kind, keyOf(after)))
      const mode = rows.every(({ before, after }) => before === after) ? "shared" : "exclusive"
      let isOther = false
      for (const [index, put] of rows.entries()) {
        const row = yield* put.before === undefined
          ? this.#insert(kind, put)
          : this.#change(kind, put, seen[index], mode)
        if (row === "not given") return notGiven
        // A key that is taken and a check that fails end their statement at once; a guard that does not hold is counted.
        if (row === "illegal" || (row === "other" && put.before === undefined)) return conflictAt(kind)
        isOther ||= row === "other"
      }
      for (const name of receipts) {
        if (!(yield* this.#take(name))) return notGiven
        if (this.#server.isTaken(name)) return conflictAt(kind)
      }
      return isOther ? conflictAt(kind) : undefined
    })
  }

  #insert<K extends KindName>(kind: K, put: Put<RecordOf[K]>): Effect.Effect<Row> {
    return Effect.gen({ self: this }, function* () {
      const key = kinds[kind].keyOf(put.after)
      const names = [rowName(kind, key), ...uniqueNames(kind, put.after)]
      for (const name of names) {
        if (!(yield* this.#take(name))) return "not given" as const
        if (name !== rowName(kind, key) && this.#server.isTaken(name)) return "other" as const
      }
      const current = this.#server.get(kind, key)
      if (current === undefined) {
        this.#held[kind].set(keyText(key), { put, shift: [] })
        return "held" as const
      }
      // What is nothing but a count is added to where another one began it meanwhile.
      return kinds[kind].unread === "absent" && kinds[kind].counters.length > 0
        ? this.#hold(kind, { ...put, before: this.#server.emptied(kind, put.after) })
        : ("other" as const)
    })
  }

  #change<K extends KindName>(
    kind: K,
    put: Put<RecordOf[K]>,
    seen: RecordOf[K] | undefined,
    mode: Mode,
  ): Effect.Effect<Row> {
    return Effect.gen({ self: this }, function* () {
      const { rules } = this.#server
      const key = kinds[kind].keyOf(put.after)
      // A row that does not match is not even locked.
      if (!rules.holds(kind, put, seen)) return "other" as const
      // What it would become is made and checked before its lock is waited for, and again if it has changed by then.
      if (rules.move(kind, put, seen) === undefined) return "illegal" as const
      if (!(yield* this.#take(rowName(kind, key), mode))) return "not given" as const
      const isAsSeen = !rules.looksAgain || rules.holds(kind, put, this.#server.get(kind, key))
      return isAsSeen ? this.#hold(kind, put) : ("other" as const)
    })
  }

  /** The put on the row as it is now, which is locked; illegal where a counter would become so. */
  #hold<K extends KindName>(kind: K, put: Put<RecordOf[K]>): Row {
    const key = kinds[kind].keyOf(put.after)
    const moved = this.#server.rules.move(kind, put, this.#server.get(kind, key))
    if (moved === undefined) return "illegal"
    this.#held[kind].set(keyText(key), moved)
    return "held"
  }

  #take(name: string, mode: Mode = "exclusive", millis = lockTimeoutMillis): Effect.Effect<boolean> {
    return Effect.andThen(Effect.yieldNow, this.#server.locks.take(this, name, mode, millis))
  }
}

export const rowName = (kind: KindName, key: Key): string => textOfKey({ kind, key })

const notGiven: NotNow = { _tag: "NotGiven" }

const conflictAt = (at: Extract<NotNow, { readonly _tag: "Conflict" }>["at"]): NotNow => ({
  _tag: "Conflict",
  at,
  isCrowd: false,
  reason: `${at} found other than decided on`,
})
