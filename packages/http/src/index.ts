/**
 * `@holdfast/http`: a shop over HTTP. `shopHandler` answers web-standard requests; `@holdfast/http/node` makes a Node
 * listener of it, `toRouteHandlers` the exports of a Next route, `layer` a part of an Effect server.
 */
export { Contract, Operations } from "./contract/contract.ts"
export { documentOf } from "./document/openapi.ts"
export type { BodyRead, Exchange, Reply, RequestView } from "./exchange/Exchange.ts"
export { HostUnavailable } from "./exchange/hostAnswers.ts"
export type { Action, Authorize, Caller, Question, ResolveCaller, Resource } from "./exchange/identity.ts"
export type { RateLimitOptions } from "./exchange/RateLimit.ts"
export type { ShopCalls } from "./handlers/Handling.ts"
export { layer } from "./layer.ts"
export type {
  CacheOptions,
  CancelOptions,
  ChargeOptions,
  ChargeQuestion,
  CommonOptions,
  IdentityOptions,
  Limits,
  ShopHandlerOptions,
} from "./options.ts"
export { type ShopHandler, shopHandler, toRouteHandlers } from "./shopHandler.ts"
