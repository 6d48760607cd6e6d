/**
 * A receipt: the proof that a command was accepted, and what it was answered.
 *
 * It is written in the same commit as the command's changes, under the caller's idempotency key. A repeat finds it and
 * gets the stored answer; a lost reply is made good by it; the audit matches each one to the rows it stands for.
 */
import type { EventValue } from "../events/Event.ts"
import type { CommandId, IdempotencyKey, Scope } from "../values.ts"

export interface Receipt {
  /** Unique together: (scope, operation, key). */
  readonly scope: Scope
  readonly operation: string
  readonly key: IdempotencyKey
  /** The command that was accepted. A receipt of the asking command's own id means that it is the same attempt. */
  readonly commandId: CommandId
  /** What was intended, normalised: another fingerprint under the same key is a different intention. */
  readonly fingerprint: string
  /** What was answered, as JSON. Orders store only their id: they are answered with their live state. */
  readonly answer: Stored
  /** When the command was admitted, milliseconds since 1970. */
  readonly at: number
}

/** An answer as JSON: times are milliseconds, absent fields are left out. */
export type Stored = { readonly [field: string]: EventValue | undefined }
