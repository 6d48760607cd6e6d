/**
 * Makes the problem document (RFC 9457) of every answer that is not a success.
 */
import { isRefusal, isRetryable, type Refusal, type Unavailable } from "@holdfast/core"
import type { Reply } from "../exchange/Exchange.ts"
import { type CodeRow, type Reason, reasons, rowOf, type SurfaceCode } from "./codes.ts"
import { detailOf } from "./details.ts"
import { bounded, type InputError, renamed } from "./inputIssues.ts"
import { type Language, titles } from "./titles.ts"

/** Why a request was not carried out: what the core said, or what the surface says by itself. */
export type No =
  | { readonly _tag: "Core"; readonly no: Refusal | Unavailable; readonly names: Readonly<Record<string, string>> }
  | {
      readonly _tag: "Surface"
      readonly code: SurfaceCode | "InvalidInput"
      readonly errors?: (language: Language) => ReadonlyArray<InputError>
      readonly headers?: Readonly<Record<string, string>>
      /** Said where it went wrong while, or after, a change was carried out. */
      readonly outcome?: "unknown"
    }

/** Whether a handler's answer is none. */
export const isNo = (answer: object): answer is No =>
  "_tag" in answer && (answer._tag === "Core" || answer._tag === "Surface")

/** What of the request a problem repeats. */
export interface Occasion {
  readonly language: Language
  readonly traceId: string
  readonly instance: string
  /** The documentation page of a code is this and the code. */
  readonly typeBase: string
}

/** A member of a problem document per name. */
type Members = Record<string, unknown>

const rows = new Map(reasons.map((reason) => [reason, rowOf(reason)]))

export const problemReply = (no: No, occasion: Occasion): Reply => {
  const reason: Reason = no._tag === "Core" ? no.no._tag : no.code
  const row = rows.get(reason) ?? rowOf(reason)
  const members = no._tag === "Core" ? coreMembers(no.no, no.names, occasion) : surfaceMembers(no, occasion)
  const headers: Record<string, string> = {
    "content-type": "application/problem+json",
    "content-language": occasion.language,
    "cache-control": "no-store",
    vary: "Accept-Language",
  }
  if (no._tag === "Surface") Object.assign(headers, no.headers)
  else if (row.status === 503) headers["retry-after"] = retryAfterOf(no.no)
  return { status: row.status, headers, body: JSON.stringify(document(reason, row, members, occasion)) }
}

const document = (reason: Reason, { code, status, legacyCode }: CodeRow, members: Members, occasion: Occasion) => ({
  type: `${occasion.typeBase}${code}`,
  title: titles[reason][occasion.language],
  status,
  detail: members.detail ?? titles[reason][occasion.language],
  instance: occasion.instance,
  code,
  legacyCode,
  retryable: members.retryable ?? false,
  outcome: members.outcome,
  errors: members.errors,
  refusal: members.refusal,
  unavailable: members.unavailable,
  traceId: occasion.traceId,
})

const surfaceMembers = (no: Extract<No, { readonly _tag: "Surface" }>, { language }: Occasion): Members => ({
  retryable: retryable.has(no.code),
  // The host is asked before anything is changed.
  outcome: no.code === "HOST_UNAVAILABLE" ? "nothing-happened" : no.outcome,
  ...(no.errors !== undefined && inputMembers(bounded(no.errors(language), language))),
})

const retryable: ReadonlySet<string> = new Set<SurfaceCode>(["RATE_LIMITED", "REQUEST_TIMEOUT", "HOST_UNAVAILABLE"])

const coreMembers = (
  no: Refusal | Unavailable,
  names: Readonly<Record<string, string>>,
  occasion: Occasion,
): Members => {
  if (!isRefusal(no)) {
    // The reason of a store's failure names hosts and drivers, so it stays inside.
    return {
      detail: detailOf(no, occasion.language),
      retryable: isRetryable(no),
      outcome: no.outcome,
      unavailable: no._tag === "StoreUnavailable" || no._tag === "StoreRejected" ? undefined : no,
    }
  }
  if (no._tag === "InvalidInput") return inputMembers(bounded(renamed(no, names, occasion.language), occasion.language))
  // Its moments become text as everything else becomes JSON.
  return { detail: detailOf(no, occasion.language), refusal: no }
}

/** What is wrong with the input, in the request's own names of fields. */
const inputMembers = (errors: ReadonlyArray<InputError>): Members => ({
  detail: errors.map(({ pointer, message }) => `${pointer || "/"}: ${message}`).join("; "),
  errors,
})

/** Whole seconds, as the header wants them: at least one. */
const retryAfterOf = (no: Refusal | Unavailable): string =>
  no._tag === "Overloaded" ? String(Math.max(1, Math.ceil(no.retryAfterMillis / 1000))) : "1"
