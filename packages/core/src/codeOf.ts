/**
 * What is said of a no, by its tag: its code, its sentence, and whether business or infrastructure said it.
 */
import { refusalCodes, unavailableCodes } from "./codes.ts"
import type { CodeOf, Refusal, RefusalTag, Unavailable, UnavailableTag } from "./refusals.ts"

/** The code of a refusal or of unavailability. */
export const codeOf = (no: Refusal | Unavailable): CodeOf<RefusalTag | UnavailableTag> => rowOf(no).code

/** A sentence for developers that names the numbers. Not for end users: those texts are the host's. */
export const messageOf = (no: Refusal | Unavailable): string => rowOf(no).message(no)

/** Whether the same call with the same key may succeed later without anything being mended. Refusals may not. */
export const isRetryable = (no: Refusal | Unavailable): boolean => !isRefusal(no) && rowOf(no).retryable !== false

/** True for a refusal, false for unavailability. */
export const isRefusal = (no: Refusal | Unavailable): no is Refusal => no._tag in refusalCodes

interface AnyRow {
  readonly retryable?: false
  readonly code: CodeOf<RefusalTag | UnavailableTag>
  readonly message: (fields: Refusal | Unavailable) => string
}

const rows = { ...refusalCodes, ...unavailableCodes }

const rowOf = (no: Refusal | Unavailable): AnyRow =>
  // biome-ignore lint/plugin/casts: a row's message takes the fields of its own tag, and the tag chose the row
  rows[no._tag] as unknown as AnyRow
