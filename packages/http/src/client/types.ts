/**
 * The types of the client, derived from the contract: what it takes is the request, what it gives is the decoded answer.
 */
import type { HoldfastError } from "@holdfast/core/errors"
import type { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import type { Contract } from "../contract/contract.ts"
import type { ProblemError } from "./ProblemError.ts"
import type { routes } from "./routes.ts"

type GroupsOf<Api> = Api extends HttpApi.HttpApi<infer _, infer Groups> ? Groups : never

/** Parameters, query and body of an endpoint as one object. */
type InputOf<Endpoint> = TypeOf<HttpApiEndpoint.Params<Endpoint>> &
  TypeOf<HttpApiEndpoint.Query<Endpoint>> &
  EncodedOf<HttpApiEndpoint.Payload<Endpoint>>

type TypeOf<S> = [S] extends [never] ? unknown : S extends { readonly Type: infer Type } ? Type : unknown
/** Bodies are given as they are sent: an id may be a number. */
type EncodedOf<S> = [S] extends [never] ? unknown : S extends { readonly Encoded: infer Encoded } ? Encoded : unknown

type IsChange<Endpoint> = Endpoint extends { readonly method: "POST" } ? true : false

export interface RequestOptions {
  /** Lets the caller leave. What the server has begun by then may still happen: the same key finds out. */
  readonly signal?: AbortSignal | undefined
}

export interface Keyed {
  /** Names this act. Keep it to repeat the act safely; without one the client makes one per call. */
  readonly key?: string | undefined
}

export interface Replayed {
  /** True where an earlier request had done it already: nothing happened this time. */
  readonly replayed: boolean
}

type MethodOf<Endpoint> =
  IsChange<Endpoint> extends true
    ? (
        input: Simplify<InputOf<Endpoint>> & Keyed,
        options?: RequestOptions,
      ) => Promise<TypeOf<HttpApiEndpoint.Success<Endpoint>> & Replayed>
    : (...args: ReadArguments<Simplify<InputOf<Endpoint>>>) => Promise<TypeOf<HttpApiEndpoint.Success<Endpoint>>>

/** Where nothing has to be said, nothing is. */
type ReadArguments<Input> =
  Partial<Input> extends Input ? [input?: Input, options?: RequestOptions] : [input: Input, options?: RequestOptions]

type Simplify<A> = { [Name in keyof A]: A[Name] } & {}

/** The endpoints by the contract's names. */
type Endpoints = {
  readonly [Group in GroupsOf<typeof Contract> as HttpApiGroup.Identifier<Group>]: {
    readonly [Endpoint in HttpApiGroup.Endpoints<Group> as HttpApiEndpoint.Identifier<Endpoint>]: Endpoint
  }
}

type GroupOf<Names, Group> = {
  readonly [Name in keyof Names]: Name extends keyof Group ? MethodOf<Group[Name]> : never
}

/** What a call of the `safe` twin answers. */
export type ClientResult<Answer> =
  | { readonly ok: true; readonly value: Answer }
  | { readonly ok: false; readonly error: HoldfastError | ProblemError }

type SafeOf<Groups> = {
  readonly [Group in keyof Groups]: {
    readonly [Name in keyof Groups[Group]]: Groups[Group][Name] extends (...args: infer Args) => Promise<infer Answer>
      ? (...args: Args) => Promise<ClientResult<Answer>>
      : never
  }
}

type Groups = { readonly [Name in keyof typeof routes]: GroupOf<(typeof routes)[Name], Endpoints[Name]> }

/** The shop over HTTP: `client.orders.place({ … })`. */
export interface HoldfastClient extends Groups {
  /** The same calls, answering `{ ok: true, value }` or `{ ok: false, error }` instead of rejecting. */
  readonly safe: SafeOf<Groups>
}

export interface ClientOptions {
  /** Where the API begins, such as "https://shop.example/api/v1". */
  readonly baseUrl: string
  /** Sent with every request: a token, a language. Called before each attempt where it is a function. */
  readonly headers?:
    | Readonly<Record<string, string>>
    | (() => Readonly<Record<string, string>> | Promise<Readonly<Record<string, string>>>)
    | undefined
  /** Default: the runtime's. */
  readonly fetch?: ((request: Request) => Promise<Response>) | undefined
  /** How often a request is sent at most. Default 4. */
  readonly attempts?: number | undefined
  /** How long one attempt may take, in milliseconds. Default 20,000. */
  readonly timeoutMillis?: number | undefined
  /** The pause before the second attempt; it doubles from there, up to 5 s, each with jitter. Default 100. */
  readonly pauseMillis?: number | undefined
  /** Makes a key where a call names none. Default: a random UUID. */
  readonly makeKey?: (() => string) | undefined
}
