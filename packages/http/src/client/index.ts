/**
 * `@holdfast/http/client`: the shop over HTTP, typed, for browsers and Node.
 *
 * The contract is the only source of its types: a path, a field or an answer that changes there changes here. Nothing of
 * its schemas is in the program: the whole client is a few kilobytes.
 */
import { HoldfastError, isHoldfastError } from "@holdfast/core/errors"
import { checkCallOptions, checkOptions } from "./checkOptions.ts"
import { errorOf, errorOfChange } from "./errors.ts"
import { withMoments } from "./moments.ts"
import { ProblemError } from "./ProblemError.ts"
import { routes } from "./routes.ts"
import { send } from "./send.ts"
import type { ClientOptions, HoldfastClient, RequestOptions } from "./types.ts"

export type {
  AcceptedRequest,
  Balance,
  Charged,
  Coupon,
  Coupons,
  IssuedCoupon,
  Order,
  Orders,
  Outcome,
  PointEntries,
  PointEntry,
  PopularProduct,
  Product,
  RequestedCoupon,
} from "../contract/answers.ts"
export type { Discount, PageOf } from "../contract/fields.ts"
export type { CancelRequest, ChargeRequest, IssueRequest, OrderRequest } from "../contract/requests.ts"
export { type Problem, ProblemError } from "./ProblemError.ts"
export type { ClientOptions, ClientResult, HoldfastClient, Keyed, Replayed, RequestOptions } from "./types.ts"

/**
 * Makes a client. Calls reject with the `HoldfastError` that the shop itself throws, or with a `ProblemError` for what
 * only a surface can say; `client.safe` has the same calls, which answer those errors as values. A lost answer is repeated
 * with the same key. Throws a `HoldfastError` for an option that is unknown or not as it must be.
 *
 * ```ts
 * const client = holdfastClient({ baseUrl: "/api/v1", headers: () => ({ authorization: `Bearer ${token()}` }) })
 * const order = await client.orders.place({ userId: "ann", orderItems: [{ productId: "tee", quantity: 2 }], key: cartId })
 * ```
 */
export const holdfastClient = (options: ClientOptions): HoldfastClient => {
  checkOptions(options)
  const groups: Groups = {}
  const safe: Groups = {}
  for (const [group, endpoints] of Object.entries(routes)) {
    const methods = Object.entries(endpoints).map(
      ([name, [method, path]]) => [name, methodOf(method, path, options)] as const,
    )
    groups[group] = Object.fromEntries(methods)
    safe[group] = Object.fromEntries(methods.map(([name, method]) => [name, safeOf(method)]))
  }
  // biome-ignore lint/plugin/casts: the type is derived from the contract, which the table of routes is held to
  return { ...groups, safe } as unknown as HoldfastClient
}

type Fields = Readonly<Record<string, unknown>>
type Method = (input: Fields, options?: RequestOptions) => Promise<unknown>
type Groups = Record<string, Record<string, Method>>

/** The twin that answers a no instead of rejecting. Aborts and bugs still reject. */
const safeOf =
  (method: Method): Method =>
  (input, options) =>
    method(input, options).then(
      (value) => ({ ok: true, value }),
      (error: unknown) => {
        if (isHoldfastError(error) || error instanceof ProblemError) return { ok: false, error }
        throw error
      },
    )

const methodOf = (method: "GET" | "POST", path: string, client: ClientOptions): Method => {
  const changes = method === "POST"
  const base = client.baseUrl.replace(/\/$/, "")
  const makeKey = client.makeKey ?? (() => crypto.randomUUID())
  return async (input, options = {}) => {
    checkCallOptions(options)
    const rest: Record<string, unknown> = { ...input }
    // A change's key travels in its header; a read may have a field of that name.
    const key = changes ? keyOf(rest.key ?? makeKey()) : undefined
    if (changes) delete rest.key
    const filled = path.replace(/:(\w+)/g, (_, name: string) => {
      const part = pathPart(name, rest[name])
      delete rest[name]
      return part
    })
    const received = await send(
      {
        method,
        url: absolute(base + filled + (changes ? "" : queryOf(rest))),
        body: changes ? JSON.stringify(rest) : undefined,
        headers: key === undefined ? {} : { "content-type": "application/json", "idempotency-key": quotedString(key) },
        signal: options.signal,
      },
      client,
    )
    if (!received.ok) throw changes ? errorOfChange(received.problem, received.isOpen) : errorOf(received.problem)
    const answer = withMoments(received.json)
    return changes && typeof answer === "object"
      ? { ...answer, replayed: received.headers.get("idempotency-replayed") === "true" }
      : answer
  }
}

/**
 * An id as a part of an address. Browsers walk "." and ".." as steps, also encoded: they would ask for something else. So
 * would one that is not there, which as text is "undefined".
 */
const pathPart = (name: string, value: unknown): string => {
  const text = typeof value === "number" ? String(value) : value
  const isName = typeof text === "string" && !/^\.{0,2}$|\p{Surrogate}/u.test(text)
  return isName ? encodeURIComponent(text) : refuse(name, 'must be a name other than "." and ".."')
}

/** A key travels in a header. As text every object is the same key, and a second act would be taken for the first one. */
const keyOf = (given: unknown): string =>
  typeof given === "string" && /^(?! )[ -~]{1,255}(?<! )$/.test(given)
    ? given
    : refuse("key", "must be 1 to 255 printable characters of ASCII, without space around them")

const refuse = (name: string, message: string): never => {
  throw new HoldfastError({ _tag: "InvalidInput", issues: [{ pointer: `/${name}`, message }] })
}

/** As a structured string, so that a key may hold any printable ASCII. */
const quotedString = (key: string): string => `"${key.replace(/(["\\])/g, "\\$1")}"`

const queryOf = (fields: Fields): string => {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) {
    // The text of a date has no milliseconds.
    if (value !== undefined) query.set(name, value instanceof Date ? value.toISOString() : String(value))
  }
  return query.size === 0 ? "" : `?${query}`
}

/** A page's own address completes a relative one; outside of a browser the base has to be complete. */
const absolute = (url: string): string => {
  const page: unknown = Reflect.get(globalThis, "location")
  return typeof page === "object" && page !== null && "href" in page ? new URL(url, String(page.href)).toString() : url
}
