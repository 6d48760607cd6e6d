/**
 * Loading the records of some keys: all of them in one statement, which is one snapshot; or kind by kind under locks.
 */
import {
  type Key,
  type Keys,
  type KindName,
  type LoadedOfKind,
  mapKinds,
  type Records,
  recordsOf,
} from "@holdfast/core/ports"
import { rowsOf } from "../session/text.ts"
import type { Statement } from "../session/wire.ts"
import type { Row } from "./columns.ts"
import { kindTables, readings } from "./kindTables.ts"
import type { Reading } from "./reading.ts"
import { type Template, template } from "./template.ts"

/** A reading, and the keys that it is asked for. */
interface Question {
  readonly reading: Reading
  readonly keys: ReadonlyArray<Key>
}

const questionsOf = (keys: Keys): ReadonlyArray<Question> => {
  const questions: Array<Question> = []
  for (const reading of readings) {
    const asked = keys.of(reading.kind).filter(reading.reads)
    if (asked.length > 0) questions.push({ reading, keys: asked })
  }
  return questions
}

/** A statement that reads records, and what to make of its reply. */
export interface Snapshot {
  readonly statement: Statement
  readonly recordsOf: (json: string | null | undefined) => Records
}

/** By what they read: a kind that nobody asks for would cost its share of a lone command's time. */
const snapshots = new Map<string, Template<ReadonlyArray<Question>>>()

/** Every kind in one statement, so that all of them are as of one moment and a refusal on them is final. */
export const snapshotOf = (keys: Keys): Snapshot => {
  const questions = questionsOf(keys)
  const name = questions.map(({ reading }) => reading.name).join()
  const snapshot = snapshots.get(name) ?? snapshotTemplate(name, questions)
  snapshots.set(name, snapshot)
  return {
    statement: snapshot.of(questions),
    recordsOf: (json) => recordsFrom(questions, rowsOf<ReadonlyArray<Row> | null>(json)),
  }
}

const snapshotTemplate = (name: string, questions: ReadonlyArray<Question>): Template<ReadonlyArray<Question>> =>
  template(`snapshot ${name}`, (parameters) => {
    const reads = questions.map(({ reading }, index) => {
      const keysOf = (asked: ReadonlyArray<Question>) => asked[index]?.keys ?? []
      return `(${reading.read(parameters, keysOf)})`
    })
    return `select json_build_array(\n${reads.join(",\n")}\n)::text`
  })

/** One statement of a locked load, and the kind it locks. */
export interface LockStatement extends Statement {
  readonly kind: KindName
}

/** The statements of a locked load, and what to make of their replies. */
export interface Locks {
  readonly statements: ReadonlyArray<LockStatement>
  readonly recordsOf: (replies: ReadonlyArray<string | null>) => Records
}

/**
 * The statements that lock the keys and read the receipts. They are separate statements on purpose: a read beside
 * `for update` in one statement would show what was before the wait.
 */
export const locksOf = (keys: Keys): Locks => {
  const questions = questionsOf(keys)
  return {
    statements: questions.map(({ reading, keys: asked }) => ({ kind: reading.kind, ...reading.lock.of(asked) })),
    recordsOf: (replies) =>
      recordsFrom(
        questions,
        questions.map((_, index) => rowsOf<Row>(replies[index])),
      ),
  }
}

const recordsFrom = (
  questions: ReadonlyArray<Question>,
  replies: ReadonlyArray<ReadonlyArray<Row> | null | undefined>,
): Records =>
  recordsOf(
    mapKinds<LoadedOfKind>((kind) =>
      questions.flatMap(({ reading }, index) =>
        reading.kind === kind ? (replies[index] ?? []).map(kindTables[kind].recordOf) : [],
      ),
    ),
  )
