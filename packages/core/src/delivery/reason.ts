/** Why a handler failed, as text that any store can keep. */
import { Cause, Inspectable } from "effect"

/** The most characters of a parked event's reason. */
export const maxReasonLength = 500

/** A handler did not finish in time. */
export interface HandlerTimedOut {
  readonly _tag: "HandlerTimedOut"
  readonly afterMillis: number
}

/** What failed, bounded to {@link maxReasonLength}, without the characters that databases refuse in text. */
export const reasonOf = (cause: Cause.Cause<unknown>): string =>
  textOf(Cause.squash(cause)).replaceAll("\u0000", "\ufffd").slice(0, maxReasonLength).toWellFormed() || "unknown"

const textOf = (error: unknown): string => {
  if (error instanceof Error) return error.message === "" ? error.name : `${error.name}: ${error.message}`
  return Inspectable.toStringUnknown(error, 0)
}
