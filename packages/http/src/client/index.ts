/**
 * `@holdfast/http/client`: the shop over HTTP, typed, for browsers and Node.
 *
 * The contract is the only source: a path, a field or an answer that changes there changes here.
 */
import { isHoldfastError } from "@holdfast/core"
import { Schema } from "effect"
import { HttpApi } from "effect/http-api"
import { Contract } from "../contract/contract.ts"
import { errorOf, ProblemError } from "./errors.ts"
import { send } from "./send.ts"
import type { ClientOptions, HoldfastClient, RequestOptions } from "./types.ts"

export { type Problem, ProblemError } from "./errors.ts"
export type { ClientOptions, ClientResult, HoldfastClient, Keyed, RequestOptions } from "./types.ts"

/**
 * Makes a client. Calls reject with the `HoldfastError` that the shop itself throws, or with a `ProblemError` for what
 * only a surface can say; `client.safe` has the same calls, which answer those errors as values. A lost answer is repeated
 * with the same key.
 *
 * ```ts
 * const client = holdfastClient({ baseUrl: "/api/v1", headers: () => ({ authorization: `Bearer ${token()}` }) })
 * const order = await client.orders.place({ userId: "ann", orderItems: [{ productId: "tee", quantity: 2 }], key: cartId })
 * ```
 */
export const holdfastClient = (options: ClientOptions): HoldfastClient => {
  const groups: Groups = {}
  const safe: Groups = {}
  HttpApi.reflect(Contract, {
    onGroup: ({ group }) => {
      groups[group.identifier] = {}
      safe[group.identifier] = {}
    },
    onEndpoint: ({ group, endpoint, successes }) => {
      const [success] = successes.get(200) ?? []
      const [methods, twins] = [groups[group.identifier], safe[group.identifier]]
      if (success === undefined || methods === undefined || twins === undefined) return
      const method = methodOf(endpoint.method, endpoint.path, success, options)
      methods[endpoint.identifier] = method
      twins[endpoint.identifier] = safeOf(method)
    },
  })
  // biome-ignore lint/plugin/casts: the type is derived from the same contract that was walked above
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

const methodOf = (method: string, path: string, success: Schema.Top, options: ClientOptions): Method => {
  // biome-ignore lint/plugin/casts: no schema of the contract needs a service
  const codec = Schema.toCodecJson(success) as unknown as Schema.Codec<unknown, unknown>
  const decode = Schema.decodeUnknownSync(Schema.fromJsonString(codec))
  const changes = method === "POST"
  const base = options.baseUrl.replace(/\/$/, "")
  const makeKey = options.makeKey ?? (() => crypto.randomUUID())
  return async (input, { signal } = {}) => {
    const rest: Record<string, unknown> = { ...input }
    // A change's key travels in its header; a read may have a field of that name.
    const key = changes ? String(rest.key ?? makeKey()) : undefined
    if (changes) delete rest.key
    const filled = path.replace(/:(\w+)/g, (_, name: string) => {
      const value = rest[name]
      delete rest[name]
      return encodeURIComponent(String(value))
    })
    const received = await send(
      {
        method,
        url: absolute(base + filled + (changes ? "" : queryOf(rest))),
        body: changes ? JSON.stringify(rest) : undefined,
        headers: key === undefined ? {} : { "content-type": "application/json", "idempotency-key": quotedString(key) },
        signal,
      },
      options,
    )
    if (!received.ok) throw errorOf(received.problem)
    const answer = decode(received.text)
    return changes && typeof answer === "object"
      ? { ...answer, replayed: received.headers.get("idempotency-replayed") === "true" }
      : answer
  }
}

/** As a structured string, so that a key may hold any printable ASCII. */
const quotedString = (key: string): string => `"${key.replace(/(["\\])/g, "\\$1")}"`

const queryOf = (fields: Fields): string => {
  const query = new URLSearchParams()
  for (const [name, value] of Object.entries(fields)) if (value !== undefined) query.set(name, String(value))
  return query.size === 0 ? "" : `?${query}`
}

/** A page's own address completes a relative one; outside of a browser the base has to be complete. */
const absolute = (url: string): string => {
  const page: unknown = Reflect.get(globalThis, "location")
  return typeof page === "object" && page !== null && "href" in page ? new URL(url, String(page.href)).toString() : url
}
