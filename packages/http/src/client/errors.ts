/**
 * From problem documents back to the errors that the library itself throws.
 *
 * A refusal over HTTP is the refusal in process: the same `HoldfastError` with the same typed numbers. What only a
 * surface can say, such as "not signed in", is a `ProblemError`.
 */
import { HoldfastError, type Refusal, refusals, type Unavailable, unavailabilities } from "@holdfast/core"
import { Result, Schema } from "effect"

/** A problem document as it arrived. */
export interface Problem {
  readonly status: number
  readonly code: string
  readonly title: string
  readonly detail: string
  readonly type?: string
  readonly legacyCode?: string
  readonly retryable?: boolean
  readonly outcome?: "nothing-happened" | "unknown"
  readonly errors?: ReadonlyArray<{ readonly pointer: string; readonly message: string }>
  readonly refusal?: unknown
  readonly unavailable?: unknown
  readonly traceId?: string
}

/** An answer that is no success and no refusal of the shop: the caller, the request or the way there is at fault. */
export class ProblemError extends Error {
  override readonly name = "ProblemError"
  readonly code: string
  readonly status: number
  readonly problem: Problem

  constructor(problem: Problem) {
    super(`${problem.title}: ${problem.detail}`)
    this.code = problem.code
    this.status = problem.status
    this.problem = problem
  }
}

/** The error of an answer; `cause` holds the document, with its text in the caller's language and its trace id. */
export const errorOf = (problem: Problem): HoldfastError | ProblemError => {
  const no = refusalOf(problem) ?? unavailableOf(problem)
  return no === undefined ? new ProblemError(problem) : Object.assign(new HoldfastError(no), { cause: problem })
}

/** What reading a response that is no success comes to. */
export const problemOf = (status: number, body: string): Problem => {
  const decoded = decodeProblem(body)
  if (Result.isSuccess(decoded)) return decoded.success
  // A proxy on the way has its own pages.
  return { status, code: "UNEXPECTED_ANSWER", title: "Unexpected answer", detail: `The server answered ${status}.` }
}

const decodeProblem = Schema.decodeUnknownResult(
  Schema.fromJsonString(
    Schema.Struct({
      status: Schema.Int,
      code: Schema.String,
      title: Schema.String,
      detail: Schema.String,
      type: Schema.optionalKey(Schema.String),
      legacyCode: Schema.optionalKey(Schema.String),
      retryable: Schema.optionalKey(Schema.Boolean),
      outcome: Schema.optionalKey(Schema.Literals(["nothing-happened", "unknown"])),
      errors: Schema.optionalKey(Schema.Array(Schema.Struct({ pointer: Schema.String, message: Schema.String }))),
      refusal: Schema.optionalKey(Schema.Unknown),
      unavailable: Schema.optionalKey(Schema.Unknown),
      traceId: Schema.optionalKey(Schema.String),
    }),
  ),
)

interface Row {
  readonly code: string
  readonly fields: Schema.Struct.Fields
}

const refusalOf = ({ code, refusal, errors = [] }: Problem): Refusal | undefined => {
  if (code === refusals.InvalidInput.code) return { _tag: "InvalidInput", issues: errors }
  // biome-ignore lint/plugin/casts: decoded by the schema of the row that the code names
  return decodedBy(Object.entries(refusals), code, refusal) as Refusal | undefined
}

const unavailableOf = ({ code, unavailable }: Problem): Unavailable | undefined =>
  code === unavailabilities.StoreUnavailable.code
    ? { _tag: "StoreUnavailable", outcome: "unknown", reason: "the server could not reach its store" }
    : // biome-ignore lint/plugin/casts: decoded by the schema of the row that the code names
      (decodedBy(Object.entries(unavailabilities), code, unavailable) as Unavailable | undefined)

/** A value by the row of its code, or undefined where there is no such row or it does not fit. */
const decodedBy = (rows: ReadonlyArray<readonly [string, Row]>, code: string, value: unknown): object | undefined => {
  // Codes may stand for several tags; the value says which it is.
  for (const [tag, row] of rows) {
    if (row.code !== code) continue
    // biome-ignore lint/plugin/casts: the fields of the tables are plain values whose schemas need no services
    const codec = Schema.toCodecJson(Schema.Struct(row.fields)) as unknown as Schema.Codec<object, unknown>
    const decoded = Schema.decodeUnknownResult(codec)(value)
    if (Result.isSuccess(decoded)) return { _tag: tag, ...decoded.success }
  }
  return undefined
}
