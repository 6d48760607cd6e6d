/**
 * Turns the contract into routes: for each endpoint its decoders, its translation, its handling and its encoder.
 *
 * This is the only file that looks into `effect/http-api`'s values, and it does so once, before the first request.
 */
import { Result, Schema, type SchemaAST, type SchemaIssue } from "effect"
import { HttpApi, type HttpApiEndpoint } from "effect/http-api"
import { SchemaJITCompiler } from "effect/schema"
import { translations } from "../compatibility/compatibility.ts"
import type { About, Names, Words } from "../compatibility/Words.ts"
import { Contract } from "../contract/contract.ts"
import type { Action } from "../exchange/identity.ts"
import type { Call, Handling } from "../handlers/Handling.ts"
import { handlings } from "../handlers/handlings.ts"
import { isNo, type No } from "../problems/problem.ts"

/** The parts of a request, decoded. */
export interface Parts {
  readonly params: unknown
  readonly query: unknown
  readonly payload: unknown
}

type Decode = (input: unknown) => Result.Result<unknown, SchemaIssue.Issue>

export interface Route {
  readonly method: string
  /** As the contract writes it: `/orders/:orderId`. */
  readonly path: string
  /** For metrics and logs: `GET /orders/{orderId}`. */
  readonly name: string
  readonly changes: boolean
  /** The status of a success. */
  readonly status: number
  /** The route that does the same later, for a request that says `Prefer: respond-async`. */
  readonly later: string | undefined
  readonly action: Action
  readonly cache: string
  readonly names: Names
  readonly decodeParams: Decode | undefined
  readonly decodeQuery: Decode | undefined
  readonly decodePayload: Decode | undefined
  /** The decoded parts in the core's words. */
  readonly input: (parts: Parts) => About
  readonly run: (input: About, call: Call) => Promise<Answered | No>
  /** The body as the contract describes it, without what is not in the contract. */
  readonly checked: (body: unknown) => unknown
}

/** A success, before its body is checked and written. */
export interface Answered {
  readonly body: unknown
  readonly replayed: boolean
  readonly headers: Readonly<Record<string, string>> | undefined
}

export const routesOf = (): ReadonlyArray<Route> => {
  const routes: Array<Route> = []
  HttpApi.reflect(Contract, {
    onGroup: () => {},
    onEndpoint: ({ group, endpoint, successes }) => {
      const words: AnyWords = named(translations, group.identifier, endpoint.identifier)
      const handling: AnyHandling = named(handlings, group.identifier, endpoint.identifier)
      const changes = endpoint.method === "POST"
      const status = successes.has(202) ? 202 : 200
      const [success] = successes.get(status) ?? []
      if (success === undefined) throw new TypeError(`${endpoint.identifier} has no answer for success.`)
      routes.push({
        method: endpoint.method,
        path: endpoint.path,
        name: nameOf(endpoint.method, endpoint.path),
        changes,
        status,
        later: endpoint.path === "/coupons/issue" ? "/coupons/issue-requests" : undefined,
        action: handling.action,
        cache: handling.cache ?? "private, no-store",
        names: words.names ?? {},
        decodeParams: decoderOf(endpoint.params),
        decodeQuery: decoderOf(endpoint.query),
        decodePayload: payloadDecoderOf(endpoint),
        input: words.input,
        run: async (input, call) => {
          const answer = await handling.run(input, call)
          if (isNo(answer)) return answer
          const replayed = changes && "replayed" in answer && answer.replayed === true
          return { body: words.body(answer), replayed, headers: { ...words.headers?.(answer), ...call.headers } }
        },
        checked: checkOf(success),
      })
    },
  })
  return routes
}

/** `GET /orders/{orderId}` */
const nameOf = (method: string, path: string): string => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`

type AnyWords = Words<Parts, About, object, unknown>
type AnyHandling = Handling<About, object>

/** What a table has for an endpoint. */
const named = <Found>(table: object, group: string, endpoint: string): Found => {
  const byName: Readonly<Record<string, Readonly<Record<string, unknown>>>> = { ...table }
  const found = byName[group]?.[endpoint]
  if (found === undefined) throw new TypeError(`${group}.${endpoint} is not in the table.`)
  // biome-ignore lint/plugin/casts: the types of the tables pair every endpoint's decoders with its translation and handling
  return found as Found
}

/**
 * A decoder whose schema is compiled to JavaScript at its first use, which halves what it costs. Only the contract's own
 * schemas are: the switch for all schemas would reach the host's. Where code may not be made at run time, such as at the
 * edge, Effect interprets the schema as it would anyway.
 *
 * Everything that is wrong is reported at once; looking for all of it costs nothing where nothing is.
 */
const compiled = (schema: Schema.Top, options: SchemaAST.ParseOptions): Decode => {
  SchemaJITCompiler.enable(schema.ast)
  // biome-ignore lint/plugin/casts: no schema of the contract needs a service
  const decode = Schema.decodeUnknownResult(schema as unknown as Schema.Codec<unknown, unknown>, options)
  return (input) => Result.mapError(decode(input), ({ issue }) => issue)
}

const decoderOf = (schema: Schema.Top | undefined): Decode | undefined =>
  schema === undefined ? undefined : compiled(schema, { errors: "all" })

const payloadDecoderOf = (endpoint: HttpApiEndpoint.Top): Decode | undefined => {
  const payload = endpoint.payload.get("application/json")?.schemas[0]
  // A field that is not known is refused: a misspelt `expectedPaid` must not silently mean "whatever it costs".
  return payload && compiled(payload, { errors: "all", onExcessProperty: "error" })
}

/** An answer that does not fit what the document says of it is a defect and throws. */
const checkOf = (success: Schema.Top): ((body: unknown) => unknown) => {
  const sent = Schema.toEncoded(success)
  SchemaJITCompiler.enable(sent.ast)
  // biome-ignore lint/plugin/casts: no schema of the contract needs a service
  return Schema.decodeUnknownSync(sent as unknown as Schema.Codec<unknown, unknown>)
}
