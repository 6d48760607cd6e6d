/**
 * Decodes the parts of a request by the schemas of its route, and says of all that is wrong where it is.
 */
import { Result } from "effect"
import { percentDecoded } from "../exchange/encoding.ts"
import { issuesOf } from "../problems/inputIssues.ts"
import type { No } from "../problems/problem.ts"
import type { Parts, Route } from "./routes.ts"

export const decode = (
  route: Route,
  params: Readonly<Record<string, string>>,
  target: string,
  body: unknown,
): Parts | No => {
  const decodedParams = route.decodeParams?.(params)
  if (decodedParams !== undefined && Result.isFailure(decodedParams)) return invalid(decodedParams.failure)
  const query = route.decodeQuery && queryOf(target)
  if (query === "malformed") return { _tag: "Surface", code: "MALFORMED_PATH" }
  const decodedQuery = route.decodeQuery?.(query)
  if (decodedQuery !== undefined && Result.isFailure(decodedQuery)) return invalid(decodedQuery.failure)
  const decodedBody = route.decodePayload?.(body)
  if (decodedBody !== undefined && Result.isFailure(decodedBody)) return invalid(decodedBody.failure)
  return { params: decodedParams?.success, query: decodedQuery?.success, payload: decodedBody?.success }
}

const invalid = (issue: Parameters<typeof issuesOf>[0]): No => ({
  _tag: "Surface",
  code: "InvalidInput",
  errors: (language) => issuesOf(issue, language),
})

/** The query as text per name; the last of several wins. */
const queryOf = (target: string): Readonly<Record<string, string>> | "malformed" => {
  const start = target.indexOf("?")
  if (start === -1) return {}
  const fields: Array<readonly [name: string, value: string]> = []
  for (const pair of target.slice(start + 1).split("&")) {
    if (pair === "") continue
    const equals = pair.indexOf("=")
    const name = formDecoded(equals === -1 ? pair : pair.slice(0, equals))
    const value = formDecoded(equals === -1 ? "" : pair.slice(equals + 1))
    if (name === undefined || value === undefined) return "malformed"
    fields.push([name, value])
  }
  return Object.fromEntries(fields)
}

const formDecoded = (text: string): string | undefined => percentDecoded(text.replaceAll("+", " "))
