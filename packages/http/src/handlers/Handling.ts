/**
 * What a handler is: which action it carries out, on what, and how a decoded request becomes an answer.
 */
import type { AbortSignalLike, Shop } from "@holdfast/core"
import type { HttpApi, HttpApiEndpoint, HttpApiGroup } from "effect/http-api"
import type { Action, Caller, Resource } from "../core/identity.ts"
import type { CancelOptions } from "../options.ts"
import type { No } from "../problems/problem.ts"

/** The calls of a shop that the surface makes. A whole `Shop` has them; a test or a bench may bring its own. */
export interface ShopCalls {
  readonly points: Pick<Shop["points"], "charge" | "balance" | "entries">
  readonly coupons: Pick<Shop["coupons"], "issue" | "coupon" | "ofAccount">
  readonly stock: Pick<Shop["stock"], "product">
  readonly orders: Pick<Shop["orders"], "place" | "get" | "cancel" | "ofAccount">
  readonly popularity: Pick<Shop["popularity"], "top">
  readonly outcome: Shop["outcome"]
  readonly health: Shop["health"]
}

/** What a handler has beside its input. */
export interface Call {
  readonly shop: ShopCalls
  /** The idempotency key of a change; empty for a read. */
  readonly key: string
  /** The namespace of the caller's keys. */
  readonly scope: string
  /** Aborts when the peer leaves: a change that no lane has taken by then will not happen. */
  readonly signal: AbortSignalLike
  /** Undefined only for actions that are open to anyone. */
  readonly caller: Caller | undefined
  /** Asks what the host allows, for things whose owner is known only after they were read. */
  readonly allows: (resource: Resource) => boolean | Promise<boolean>
  readonly cancel: CancelOptions<Caller> | undefined
  readonly orderItems: number
  readonly now: () => number
}

export interface Answered<Body> {
  /** As it is sent: moments are text already. */
  readonly body: Body
  readonly replayed?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

export interface Handling<Input, Body> {
  readonly action: Action
  /** What the request is about, as far as it says so itself. */
  readonly resource: (input: Input) => Resource
  /** The core's names of fields, and the request's. */
  readonly names?: Readonly<Record<string, string>>
  /** `public` answers are the same for everybody. Default "private". */
  readonly cache?: string
  readonly run: (input: Input, call: Call) => Promise<Answered<Body> | No>
}

type GroupsOf<Api> = Api extends HttpApi.HttpApi<infer _, infer Groups> ? Groups : never

type InputOf<Endpoint> = Pick<
  HttpApiEndpoint.Request<Endpoint>,
  Extract<keyof HttpApiEndpoint.Request<Endpoint>, "params" | "query" | "payload">
>

/** One handling for every endpoint of an API: a missing one does not compile. */
export type Handlings<Api> = {
  readonly [Group in GroupsOf<Api> as HttpApiGroup.Identifier<Group>]: {
    readonly [Endpoint in HttpApiGroup.Endpoints<Group> as HttpApiEndpoint.Identifier<Endpoint>]: Handling<
      InputOf<Endpoint>,
      HttpApiEndpoint.Success<Endpoint>["Encoded"]
    >
  }
}
