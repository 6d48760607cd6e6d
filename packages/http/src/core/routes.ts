/**
 * Turns the contract into routes: for each endpoint its decoders, its encoder and its handling.
 *
 * This is the only file that looks into `effect/http-api`'s values, and it does so once, before the first request.
 */
import { Result, Schema, type SchemaAST, type SchemaIssue } from "effect"
import { HttpApi, type HttpApiEndpoint } from "effect/http-api"
import { SchemaJITCompiler } from "effect/schema"
import { Contract } from "../contract/contract.ts"
import type { Answered, Call, Handling } from "../handlers/Handling.ts"
import { handlings } from "../handlers/handlings.ts"
import type { No } from "../problems/problem.ts"
import type { Action, Resource } from "./identity.ts"

/** The parts of a request, decoded or still to be. */
export interface Input {
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
  readonly action: Action
  readonly cache: string
  readonly names: Readonly<Record<string, string>>
  readonly decodeParams: Decode | undefined
  readonly decodeQuery: Decode | undefined
  readonly decodePayload: Decode | undefined
  readonly resource: (input: Input) => Resource
  readonly run: (input: Input, call: Call) => Promise<Answered<unknown> | No>
  /** The body as the contract describes it, without what is not in the contract. */
  readonly checked: (body: unknown) => unknown
}

export const routesOf = (): ReadonlyArray<Route> => {
  const routes: Array<Route> = []
  HttpApi.reflect(Contract, {
    onGroup: () => {},
    onEndpoint: ({ group, endpoint, successes }) => {
      const handling = handlingOf(group.identifier, endpoint.identifier)
      const [success] = successes.get(200) ?? []
      if (success === undefined) throw new TypeError(`${endpoint.identifier} has no answer for 200.`)
      routes.push({
        method: endpoint.method,
        path: endpoint.path,
        name: nameOf(endpoint.method, endpoint.path),
        changes: endpoint.method === "POST",
        action: handling.action,
        cache: handling.cache ?? "private, no-store",
        names: handling.names ?? {},
        decodeParams: decoderOf(endpoint.params),
        decodeQuery: decoderOf(endpoint.query),
        decodePayload: payloadDecoderOf(endpoint),
        resource: handling.resource,
        run: handling.run,
        checked: checkOf(success),
      })
    },
  })
  return routes
}

/** `GET /orders/{orderId}` */
const nameOf = (method: string, path: string): string => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`

type AnyHandling = Handling<Input, unknown>

const handlingOf = (group: string, endpoint: string): AnyHandling => {
  const byName: Readonly<Record<string, Readonly<Record<string, unknown>>>> = handlings
  const found = byName[group]?.[endpoint]
  if (found === undefined) throw new TypeError(`${group}.${endpoint} has no handling.`)
  // biome-ignore lint/plugin/casts: the type of `handlings` pairs every endpoint's decoders with its handling
  return found as AnyHandling
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
