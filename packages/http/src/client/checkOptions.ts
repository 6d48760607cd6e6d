/**
 * The client's options, checked before the first request.
 */
import { Options } from "@holdfast/core/errors"
import type { ClientOptions, RequestOptions } from "./types.ts"

/** Throws a HoldfastError that names every option that is unknown, not as it must be, or needed and not given. */
export const checkOptions = (options: ClientOptions): void => Options.check(options, checks, ["baseUrl"])

/** The same of what a call is given beside its input. */
export const checkCallOptions = (options: RequestOptions): void => Options.check(options, callChecks)

const callChecks: Options.Checks<RequestOptions> = {
  signal: Options.must("an AbortSignal", (value) => Reflect.has(Object(value), "throwIfAborted")),
}

/** A relative one is completed by a page's own address, which need not be known yet: where a page is made on a server. */
const isBase = (value: unknown): boolean => {
  if (typeof value !== "string" || /[?#\s]/.test(value)) return false
  const page = "http://page.invalid"
  if (!URL.canParse(value, page)) return false
  const { protocol, username, password } = new URL(value, page)
  return /^https?:$/.test(protocol) && username === "" && password === ""
}

/** Lists, maps and `Headers` would be read as if they were empty. */
const isHeaders = (value: unknown): boolean =>
  typeof value === "function" ||
  (typeof value === "object" && value !== null && !(Symbol.iterator in value) && Object.entries(value).every(isHeader))

const isHeader = ([name, value]: readonly [string, unknown]): boolean => {
  if (typeof value !== "string") return false
  try {
    return new Headers([[name, value]]).has(name)
  } catch {
    return false
  }
}

/** The longest that a timer waits, of Node's and of browsers: one that is longer ends at once. */
const longestTimerMillis = 2_147_483_647

const checks: Options.Checks<ClientOptions> = {
  baseUrl: Options.must(
    'where the API begins, such as "https://shop.example/api/v1", without a user, a query or a fragment',
    isBase,
  ),
  headers: Options.must("an object of headers and their texts, or a function that answers one", isHeaders),
  fetch: Options.aFunction,
  attempts: Options.wholeNumber(1, 1_000),
  timeoutMillis: Options.wholeNumber(1, longestTimerMillis),
  pauseMillis: Options.wholeNumber(0, 600_000),
  makeKey: Options.aFunction,
}
