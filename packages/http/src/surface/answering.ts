/**
 * Makes the reply of a success: encoded, with its entity tag, or 304 where the caller has it already.
 */

import type { Exchange, Reply } from "../exchange/Exchange.ts"
import { etagOf, matchesTag } from "../exchange/etag.ts"
import type { Answered, Route } from "./routes.ts"

/** `isOpen`: whether what is open to anyone by default is so here. */
export const success = (
  route: Route,
  { body, replayed, headers }: Answered,
  exchange: Exchange,
  isOpen: boolean,
): Reply => {
  const text = JSON.stringify(route.checked(body))
  const answered: Record<string, string> = {
    "content-type": "application/json",
    "cache-control": route.cache,
    ...headers,
  }
  // What a rule of the host's lets a caller see is kept for nobody else, and the rule is asked again before it is shown again:
  // who is signed in may change at one and the same browser.
  if (!isOpen && answered["cache-control"]?.startsWith("public")) answered["cache-control"] = "private, no-cache"
  if (replayed) answered["idempotency-replayed"] = "true"
  if (!route.changes) {
    const tag = etagOf(text)
    answered.etag = tag
    const known = exchange.header("if-none-match")
    if (known !== undefined && matchesTag(known, tag)) {
      delete answered["content-type"]
      return { status: 304, headers: answered, body: "" }
    }
  }
  return { status: route.status, headers: answered, body: text }
}
