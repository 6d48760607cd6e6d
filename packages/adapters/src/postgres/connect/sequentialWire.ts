/**
 * A wire over a session of somebody else's driver: one statement after the other, and nothing of the session changed.
 *
 * What our own sessions are set to once is set here for each transaction alone, with its beginning. A statement that
 * stands outside a transaction runs as the host's own would.
 */
import { messageOfThrown } from "@holdfast/core/ports"
import { Effect } from "effect"
import { placing } from "../session/text.ts"
import {
  asReadOnly,
  asReply,
  begin,
  commit,
  type Failure,
  isLost,
  type Reply,
  rollback,
  type Statement,
  type Wire,
  warnedCommit,
} from "../session/wire.ts"

/** Sends one statement, and answers the first column of its first row where that is text. */
export type Query = (sql: string, params: ReadonlyArray<string | null>) => Effect.Effect<string | null, Failure>

/** A wire of a host's session, and whether the session may be given back as it is. */
export interface SequentialWire extends Wire {
  /** False in the middle of a frame, while a transaction is open, and once the session was lost. */
  readonly isClean: () => boolean
}

/** What a driver hears of a server beside its replies: how many warnings so far, and the last of them. */
export interface Warnings {
  readonly count: () => number
  readonly last: () => string
}

/** `opening` is what is sent where a frame says `begin`. `warnings` are absent where the driver keeps them to itself. */
export const sequentialWire = (
  query: Query,
  schema: string,
  opening: ReadonlyArray<Statement>,
  warnings?: Warnings | undefined,
): SequentialWire => {
  const place = placing(schema)
  let running = 0
  let inTransaction = false
  let broken = false
  const send = (one: Statement) =>
    Effect.suspend(() => {
      const before = warnings?.count()
      return Effect.match(query(place(one.sql), one.params), {
        onSuccess: (value): string | null | Failure =>
          // A commit that was warned of has failed, whatever it was answered: see `Overheard.ts`.
          one.sql === commit.sql && warnings !== undefined && warnings.count() !== before
            ? { code: warnedCommit, message: warnings.last(), cause: undefined }
            : value,
        onFailure: (failure): string | null | Failure =>
          asReadOnly(asReply(failure, saidIn(failure.cause)?.error), one),
      })
    })
  const sendAll = Effect.fnUntraced(function* (frame: ReadonlyArray<Statement>): Effect.fn.Return<Reply> {
    const values: Array<string | null> = []
    for (const [index, asked] of frame.entries()) {
      const begins = asked.sql === begin.sql
      let value: string | null | Failure = null
      for (const each of begins ? opening : [asked]) {
        if (begins) inTransaction = true
        value = yield* send(each)
        if (isFailure(value)) break
      }
      if (isFailure(value)) {
        broken ||= isLost(value)
        // Whoever sent a whole transaction in one frame counts on its end, as an aborted one's commit would be.
        const ends = frame.slice(index).some(({ sql }) => sql === commit.sql || sql === rollback.sql)
        const ended = ends ? yield* send(rollback) : undefined
        if (ended !== undefined && !isFailure(ended)) inTransaction = false
        // Whoever could not even end it was told what closed the session, in whatever language.
        const isClosed = isFailure(ended) && ended.code === undefined
        return { values, failed: { index, failure: isClosed ? { ...value, isClosed } : value } }
      }
      if (asked.sql === commit.sql || asked.sql === rollback.sql) inTransaction = false
      values.push(begins ? null : value)
    }
    return { values, failed: undefined }
  })
  return {
    hearsWarnings: warnings !== undefined,
    run: (frame) =>
      Effect.suspend(() => {
        running++
        // An interrupted frame stays counted: nobody knows where its session stands.
        return Effect.map(sendAll(frame), (reply) => {
          running--
          return reply
        })
      }),
    isClean: () => running === 0 && !inTransaction && !broken,
  }
}

const isFailure = (value: string | null | undefined | Failure): value is Failure =>
  typeof value === "object" && value !== null

/** The first column of a row, as the statements of the store mean it. */
export const textOf = (value: unknown): string | null => {
  if (typeof value === "string") return value
  // A driver or a plugin of the host's may have read our JSON already.
  return typeof value === "object" && value !== null ? JSON.stringify(value) : null
}

/**
 * What an error of a host's driver says. Query builders wrap the driver's error, so the SQLSTATE is looked for in what
 * caused it too; other codes, such as those of the operating system or of Prisma, are none.
 */
export const failureOf = (cause: unknown): Failure => ({
  code: saidIn(cause)?.code,
  message: messageOfThrown(cause),
  cause,
})

const wrappers = ["cause", "meta", "driverAdapterError"] as const
const maxDepth = 6

interface Said {
  readonly code: string
  /** The error of the driver that has it. */
  readonly error: object
}

const saidIn = (error: unknown, depth = 0): Said | undefined => {
  if (typeof error !== "object" || error === null || depth > maxDepth) return undefined
  const fields = new Map<string, unknown>(Object.entries(error))
  for (const name of ["code", "originalCode"]) {
    const code = "code" in error && name === "code" ? error.code : fields.get(name)
    if (isSqlState(code)) return { code, error }
  }
  for (const wrapper of wrappers) {
    const inner = wrapper === "cause" && "cause" in error ? error.cause : fields.get(wrapper)
    const found = saidIn(inner, depth + 1)
    if (found !== undefined) return found
  }
  return undefined
}

const isSqlState = (code: unknown): code is string =>
  typeof code === "string" && /^(?:[0-9][0-9A-Z]{4}|(?:F0|HV|P0|XX)[0-9A-Z]{3})$/.test(code)
