/**
 * Decodes the parts of a request by the schemas of its route, and says of all that is wrong where it is.
 */
import { Result } from "effect"
import { issuesOf } from "../problems/inputIssues.ts"
import type { No } from "../problems/problem.ts"
import type { Input, Route } from "./routes.ts"

export const decode = (
  route: Route,
  params: Readonly<Record<string, string>>,
  target: string,
  body: unknown,
): Input | No => {
  const decodedParams = route.decodeParams?.(params)
  if (decodedParams !== undefined && Result.isFailure(decodedParams)) return invalid(decodedParams.failure)
  const decodedQuery = route.decodeQuery?.(queryOf(target))
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
const queryOf = (target: string): Readonly<Record<string, string>> => {
  const query = target.indexOf("?")
  return query === -1 ? {} : Object.fromEntries(new URLSearchParams(target.slice(query + 1)))
}
