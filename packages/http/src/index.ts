/**
 * `@holdfast/http`: a shop over HTTP. `shopHandler` answers web-standard requests; `@holdfast/http/node` makes a Node
 * listener of it, `toRouteHandlers` the exports of a Next route, `layer` a part of an Effect server.
 */
export { Contract, Operations } from "./contract/contract.ts"
export type { BodyRead, Exchange, Reply, RequestView } from "./core/Exchange.ts"
export type { Action, Authorize, Caller, Question, ResolveCaller, Resource } from "./core/identity.ts"
export type { RateLimitOptions } from "./core/RateLimit.ts"
export { documentOf } from "./document/openapi.ts"
export type { ShopCalls } from "./handlers/Handling.ts"
export { layer } from "./layer.ts"
export type { CancelOptions, CommonOptions, IdentityOptions, Limits, ShopHandlerOptions } from "./options.ts"
export { type ShopHandler, shopHandler, toRouteHandlers } from "./shopHandler.ts"
