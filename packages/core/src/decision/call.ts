/**
 * A call of the API: an operation with the schema of its input.
 */
import { Schema } from "effect"
import type { InvalidInput, Refusal } from "../refusals.ts"
import { IdempotencyKey, Scope } from "../values.ts"
import type { Changes } from "./Changes.ts"
import type { EventOf, Operation } from "./Command.ts"
import type { Stored } from "./Receipt.ts"

/** `S` is the input's schema: its `Encoded` is what callers type, its `Type` what `normalise` gets. */
export interface Call<S extends InputSchema, Request, Answer, R extends Refusal = never>
  extends Operation<Request, Answer, R> {
  readonly input: S
  /** Turns decoded input into the request, or names what is wrong across its fields. */
  readonly normalise: (decoded: S["Type"], settings: Settings) => Request | InvalidInput
}

export type InputSchema = Schema.Codec<KeyFields, object>

/** What every input may carry. */
export interface KeyFields {
  readonly key?: IdempotencyKey | undefined
  readonly scope?: Scope | undefined
}

/** The host's choices that requests depend on. */
export interface Settings {
  /** Whether a charge of an unknown account opens it. */
  readonly accounts: "opened-on-purpose" | "open-on-first-charge"
}

/** Where points or stock move, a caller must be able to repeat safely. */
export const keyRequired = { key: IdempotencyKey, scope: Schema.optional(Scope) }
/** Where a repeat is harmless by itself. */
export const keyOptional = { key: Schema.optional(IdempotencyKey), scope: Schema.optional(Scope) }

/** For calls whose request is their decoded input. */
export const asDecoded = <Decoded>(decoded: Decoded): Decoded => decoded

/** For operations that do not position themselves on one hot counter. */
export const noLane = (): undefined => undefined

/** The verdict of an acceptance whose answer is stored as it is. */
export const accept = <Answer extends Stored>(answer: Answer, changes: Changes, event: EventOf) => ({
  _tag: "Accept" as const,
  answer,
  stored: answer,
  changes,
  event,
})

/** The verdict where it is so already. */
export const repeat = <Answer>(answer: Answer) => ({ _tag: "Repeat" as const, answer })
