/**
 * From problem documents back to the errors that the library itself throws.
 *
 * A refusal over HTTP is the refusal in process: the same `HoldfastError` with the same typed numbers. What only a
 * surface can say, such as "not signed in", is a `ProblemError`.
 */
import {
  HoldfastError,
  type Refusal,
  type RefusalTag,
  refusalCodes,
  type Unavailable,
  unavailableCodes,
} from "@holdfast/core/errors"
import { withMoments } from "./moments.ts"
import { type Problem, ProblemError } from "./ProblemError.ts"

/** The error of an answer; `cause` holds the document, with its text in the caller's language and its trace id. */
export const errorOf = (problem: Problem): HoldfastError | ProblemError => {
  const no = refusalOf(problem) ?? unavailableOf(problem)
  if (no === undefined) return new ProblemError(problem)
  try {
    return Object.assign(new HoldfastError(no), { cause: problem })
  } catch {
    // Its sentence asks for a number that did not arrive: this is no answer of a shop.
    return new ProblemError(problem)
  }
}

/** The error of an answer to a change. What only this attempt says is not true of one before it that may have been carried out. */
export const errorOfChange = (problem: Problem, isOpen: boolean): HoldfastError | ProblemError => {
  const error = errorOf(problem)
  const refusal = error instanceof HoldfastError ? error.refusal : undefined
  // A refusal is: the shop has looked for the key.
  const hasLooked = refusal !== undefined && !saidBefore.has(refusal._tag)
  const isTrueOfAll = error instanceof HoldfastError && (hasLooked || error.outcome === "unknown")
  return isOpen && !isTrueOfAll ? Object.assign(lost(problem.title), { cause: problem }) : error
}

/** What a shop says before it looks for a key, and servers of two versions or settings not alike. */
const saidBefore: ReadonlySet<string> = new Set<RefusalTag>(["InvalidInput", "RequestsNotOffered"])

/** An attempt was sent, and nobody knows what became of it. */
export const lost = (reason: string): HoldfastError =>
  new HoldfastError({ _tag: "StoreUnavailable", outcome: "unknown", reason: `the server did not answer: ${reason}` })

/** What reading a response that is no success comes to. */
export const problemOf = (status: number, body: string): Problem => {
  const document = parsed(body)
  if (isProblem(document)) return document
  // A proxy on the way has its own pages, and does not know what became of what it passed on. Browsers show no redirect.
  return {
    status,
    code: "UNEXPECTED_ANSWER",
    title: "Unexpected answer",
    detail: `The server answered ${status === 0 ? "with a redirect" : status}.`,
    ...(status >= 500 && { outcome: "unknown" }),
  }
}

const parsed = (body: string): unknown => {
  try {
    return JSON.parse(body)
  } catch {
    return undefined
  }
}

const isProblem = (document: unknown): document is Problem =>
  isObject(document) &&
  typeof document.status === "number" &&
  ["code", "title", "detail"].every((name) => typeof document[name] === "string") &&
  (document.errors === undefined || (Array.isArray(document.errors) && document.errors.every(isInputError)))

const isInputError = (error: unknown): boolean =>
  isObject(error) && typeof error.pointer === "string" && typeof error.message === "string"

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null

const refusalOf = ({ code, refusal, errors = [] }: Problem): Refusal | undefined =>
  code === refusalCodes.InvalidInput.code
    ? { _tag: "InvalidInput", issues: errors }
    : // biome-ignore lint/plugin/casts: a shop that says this code says the numbers of its tag
      (tagged(refusalCodes, code, refusal) as Refusal | undefined)

const unavailableOf = ({ code, outcome = "unknown", unavailable }: Problem): Unavailable | undefined => {
  switch (code) {
    case unavailableCodes.StoreUnavailable.code:
      return { _tag: "StoreUnavailable", outcome, reason: "the server could not reach its store" }
    case unavailableCodes.StoreRejected.code:
      return { _tag: "StoreRejected", outcome: "nothing-happened", reason: "the server's store does, for good" }
    default:
      // biome-ignore lint/plugin/casts: likewise
      return tagged(unavailableCodes, code, unavailable) as Unavailable | undefined
  }
}

/** A no whose tag has this code, or undefined where it is none that this client knows. */
const tagged = (rows: Readonly<Record<string, { readonly code: string }>>, code: string, no: unknown): unknown =>
  isObject(no) && typeof no._tag === "string" && Object.hasOwn(rows, no._tag) && rows[no._tag]?.code === code
    ? withMoments(no)
    : undefined
