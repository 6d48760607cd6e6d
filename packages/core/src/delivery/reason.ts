/** Why a handler failed, as text that any store can keep. */
import { Cause } from "effect"
import { textOfThrown } from "../thrown.ts"

/** The most characters of a parked event's reason. */
export const maxReasonLength = 500

/** A handler did not finish in time. */
export interface HandlerTimedOut {
  readonly _tag: "HandlerTimedOut"
  readonly afterMillis: number
}

/** What failed, bounded to {@link maxReasonLength}, without the characters that databases refuse in text. */
export const reasonOf = (cause: Cause.Cause<unknown>): string =>
  textOfThrown(Cause.squash(cause)).replaceAll("\u0000", "\ufffd").slice(0, maxReasonLength).toWellFormed()
