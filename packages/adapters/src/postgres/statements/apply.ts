/**
 * A change set as statements: the same ones, whether its records were locked or read from a snapshot. Their guards hold
 * trivially in the first case. The outbox row is written last, behind the last row lock.
 */
import { type ChangeSet, type KindName, kindNames } from "@holdfast/core/ports"
import type { Statement } from "../session/wire.ts"
import { Batch } from "./Batch.ts"
import { kindTables, placesOf } from "./kindTables.ts"
import { outboxStatements } from "./outbox.ts"

/** A statement that applies changes, and the kind it changes. */
export interface ApplyStatement extends Statement {
  readonly kind: KindName | "event"
}

interface Placed {
  readonly place: number
  readonly statement: ApplyStatement
}

/** Events are left out where nobody `isHeard` by. */
export const applyStatements = (changes: ChangeSet, isHeard: boolean): ReadonlyArray<ApplyStatement> => {
  const batch = new Batch(changes)
  const written = kindNames.flatMap((kind) => statementsOf(kind, changes, batch))
  return [
    ...written.sort((left, right) => left.place - right.place).map(({ statement }) => statement),
    ...outboxStatements(changes.appends.event, isHeard).map((statement) => ofKind("event", statement)),
  ]
}

const statementsOf = <K extends KindName>(kind: K, { puts }: ChangeSet, batch: Batch): ReadonlyArray<Placed> => {
  const { changes, inserts } = kindTables[kind].write(puts[kind], batch)
  const at = (place: number) => (statement: Statement) => ({ place, statement: ofKind(kind, statement) })
  const places = placesOf(kind)
  return [...changes.map(at(places.changes)), ...inserts.map(at(places.inserts))]
}

const ofKind = (kind: ApplyStatement["kind"], statement: Statement): ApplyStatement => ({ kind, ...statement })
