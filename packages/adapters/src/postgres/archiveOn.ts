/**
 * Retention on a wire, whoever made it: rows older than a moment leave the shop's tables for `entry_archive`,
 * `movement_archive`, `orders_archive` and `receipt_archive` beside them, from where the host exports or drops them.
 *
 * A ledger keeps the newest of its oldest rows: it shows the sum so far, and so opens what follows. The audit reads the
 * moment from the table `archive` and compares nothing older. Sales go on meanwhile.
 */
import type { StoreFault } from "@holdfast/core/ports"
import { Effect, type Scope } from "effect"
import { checkVersion } from "./schema/migrate.ts"
import { answeredWithin, answeringWithin } from "./session/Connection.ts"
import { lost } from "./session/faults.ts"
import { rowsOf, texts, values } from "./session/text.ts"
import { begin, commit, type Statement, statement, type Wire } from "./session/wire.ts"
import * as sql from "./statements/archive.ts"

/** What moves, whatever the way to the shop. */
export interface RetentionOptions {
  /** The schema that holds the shop. Default: `holdfast`. */
  readonly schema?: string | undefined
  /**
   * So many days stay, 1 to 36,500. Default: 90. A key that is repeated later is a new command. They are counted back from now
   * as this process and the database tell it: from the earlier one, where they differ.
   */
  readonly keepDays?: number | undefined
  /** Rows read and moved in one transaction, 1 to 100,000. Default: 1,000. */
  readonly batch?: number | undefined
}

/** What moved. */
export interface Archived {
  /** The moment: a whole hour, `keepDays` ago or a little more. Everything from then on stayed. */
  readonly before: Date
  readonly receipts: number
  readonly entries: number
  readonly movements: number
  readonly orders: number
}

/** Archives over a wire to the schema, which is closed whatever happens. The options have been checked. */
export const archiveOn = async (
  open: (schema: string) => Effect.Effect<Wire, StoreFault, Scope.Scope>,
  { schema = "holdfast", keepDays = 90, batch = 1_000 }: RetentionOptions,
): Promise<Archived> => {
  const whole = Effect.gen(function* () {
    const wire = yield* open(schema)
    // A job is often forgotten when the shop is updated: rows of a schema that it does not know are not its to move.
    yield* checkVersion(answeringWithin(frameMillis, wire), schema)
    // What moves too early is a key that is done twice, and no audit looks at it again. So two clocks must say that it is old.
    const now = Math.min(Date.now(), Number(yield* inTransaction({ wire, schema }, statement(sql.now))))
    const before = Math.floor((now - keepDays * 24 * hourMillis) / hourMillis) * hourMillis
    const archiver: Archiver = { wire, schema, before, batch }
    yield* inTransaction(archiver, statement(sql.note, String(before)))
    return {
      before: new Date(before),
      receipts: yield* movePages(archiver, sql.moveReceipts, ["", "", ""]),
      entries: yield* moveLedger(archiver, sql.entries),
      movements: yield* moveLedger(archiver, sql.movements),
      orders: yield* movePages(archiver, sql.moveOrders, [""]),
    }
  })
  const exit = await Effect.runPromise(Effect.result(Effect.scoped(whole)))
  if (exit._tag === "Failure") throw new Error(`The shop could not be archived: ${reasonOf(exit.failure)}`)
  return exit.success
}

const hourMillis = 3_600_000

interface Archiver {
  readonly wire: Wire
  readonly schema: string
  readonly before: number
  readonly batch: number
}

/** A row of a ledger: its owner, its position and its time. */
type LedgerRow = readonly [owner: string, position: number, at: number]

/** Which rows of ledgers go, told row by row in the order of their keys. */
class Prefixes {
  readonly #before: number
  #last: LedgerRow | undefined
  #ended: string | undefined

  constructor(before: number) {
    this.#before = before
  }

  /** The row that goes now that this one is known: one that is followed by another of the same time and owner. */
  next(row: LedgerRow): LedgerRow | undefined {
    const [owner, , at] = row
    if (owner === this.#ended) return undefined
    const previous = this.#last?.[0] === owner ? this.#last : undefined
    if (at >= this.#before) {
      this.#ended = owner
      return undefined
    }
    this.#last = row
    return previous
  }

  /** The owner whose remaining rows all stay. */
  get ended(): string | undefined {
    return this.#ended
  }
}

const moveLedger = Effect.fnUntraced(function* (archiver: Archiver, { page, move }: sql.LedgerSql) {
  const { before, batch } = archiver
  const prefixes = new Prefixes(before)
  let after: readonly [owner: string, position: number] = ["", 0]
  let moved = 0
  while (true) {
    const [owner, position] = after
    const read = yield* inTransaction(archiver, statement(page, owner, String(position), String(batch)))
    const rows = rowsOf<LedgerRow>(read)
    const last = rows.at(-1)
    if (last === undefined) return moved
    const gone = rows.flatMap((row) => {
      const previous = prefixes.next(row)
      return previous === undefined ? [] : [previous]
    })
    if (gone.length > 0) {
      const owners = texts(gone.map(([id]) => id))
      // Another run may have moved some of them since they were read.
      moved += Number(yield* inTransaction(archiver, statement(move, owners, values(gone.map(([, at]) => at)))))
    }
    after = [last[0], last[0] === prefixes.ended ? Number.MAX_SAFE_INTEGER : last[1]]
  }
})

const movePages = Effect.fnUntraced(function* (
  archiver: Archiver,
  move: string,
  first: ReadonlyArray<string>,
): Effect.fn.Return<number, StoreFault> {
  let after = first
  let moved = 0
  while (true) {
    const asked = statement(move, String(archiver.before), ...after, String(archiver.batch))
    const page = rowsOf<ReadonlyArray<string> | number>(yield* inTransaction(archiver, asked))
    const [last, count] = page
    if (typeof last !== "object" || typeof count !== "number") return moved
    moved += count
    after = last
  }
})

/** One statement in a transaction of its own, while nobody else archives. */
const inTransaction = (
  { wire, schema }: Pick<Archiver, "wire" | "schema">,
  asked: Statement,
): Effect.Effect<string | null, StoreFault> =>
  Effect.flatMap(
    answeredWithin(frameMillis, wire.run([begin, statement(sql.lock, schema), asked, commit])),
    // The transaction is over: the commit of one that failed rolls it back.
    ({ values: answers, failed }) =>
      failed === undefined ? Effect.succeed(answers[2] ?? null) : Effect.fail(lost(failed.failure)),
  )

/** The server gives up on a statement after half of that; whoever lent a session gets it back even if nobody answers. */
const frameMillis = 120_000

const reasonOf = (fault: StoreFault): string => ("reason" in fault ? fault.reason : fault._tag)
