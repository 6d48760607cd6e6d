/**
 * Every code that a non-2xx answer may carry, with its status: the core's table and what only HTTP can say.
 */
import { type RefusalTag, refusals, type UnavailableTag, unavailabilities } from "@holdfast/core"

/** What is wrong with a request before the shop is asked, and what only a surface can refuse. */
const surfaceProblems = {
  MALFORMED_JSON: { status: 400, legacyCode: "INVALID_PARAMETER" },
  MALFORMED_PATH: { status: 400, legacyCode: "INVALID_PARAMETER" },
  IDEMPOTENCY_KEY_REQUIRED: { status: 400 },
  IDEMPOTENCY_KEY_INVALID: { status: 400 },
  UNAUTHENTICATED: { status: 401 },
  FORBIDDEN: { status: 403 },
  CANCEL_NOT_OFFERED: { status: 403 },
  ROUTE_NOT_FOUND: { status: 404 },
  METHOD_NOT_ALLOWED: { status: 405 },
  REQUEST_TIMEOUT: { status: 408 },
  CANCEL_TOO_LATE: { status: 409 },
  BODY_TOO_LARGE: { status: 413 },
  URI_TOO_LONG: { status: 414 },
  UNSUPPORTED_MEDIA_TYPE: { status: 415 },
  RATE_LIMITED: { status: 429 },
  HEADERS_TOO_LARGE: { status: 431 },
  INTERNAL: { status: 500 },
} as const satisfies Record<string, { readonly status: number; readonly legacyCode?: string }>

export type SurfaceCode = keyof typeof surfaceProblems

/** The tags of the core that can reach an HTTP caller. */
export type NoTag = RefusalTag | UnavailableTag

/** What can stand in an endpoint's list: a tag of the core, or a code of the surface. */
export type Reason = NoTag | SurfaceCode

export interface CodeRow {
  readonly code: string
  readonly status: number
  readonly legacyCode: string | undefined
}

/** The row of a reason. */
export const rowOf = (reason: Reason): CodeRow => {
  if (reason in surfaceProblems) {
    const { status, legacyCode }: { readonly status: number; readonly legacyCode?: string } =
      // biome-ignore lint/plugin/casts: the line above has looked it up
      surfaceProblems[reason as SurfaceCode]
    return { code: reason, status, legacyCode }
  }
  const rows = { ...refusals, ...unavailabilities }
  // biome-ignore lint/plugin/casts: what is no code of the surface is a tag of the core
  const { code, status, referenceCode }: CoreRow = rows[reason as NoTag]
  return { code, status, legacyCode: referenceCode === code ? undefined : referenceCode }
}

interface CoreRow {
  readonly code: string
  readonly status: number
  readonly referenceCode?: string
}

/** Every reason there is. */
export const reasons: ReadonlyArray<Reason> = [
  ...keysOf(refusals),
  ...keysOf(unavailabilities),
  ...keysOf(surfaceProblems),
]

/** Every code, by status. */
export const codesByStatus: ReadonlyMap<number, ReadonlyArray<string>> = new Map(
  Array.from(
    Map.groupBy(reasons.map(rowOf), ({ status }) => status),
    ([status, rows]) => [status, [...new Set(rows.map(({ code }) => code))]],
  ),
)

function keysOf<Row extends object>(rows: Row): ReadonlyArray<Extract<keyof Row, string>> {
  // biome-ignore lint/plugin/casts: the tables are constants without further fields
  return Object.keys(rows) as Array<Extract<keyof Row, string>>
}
