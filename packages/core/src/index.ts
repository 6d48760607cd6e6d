/**
 * `@holdfast/core`: the shop as promises (`createHoldfast`), as Effect services and layers (`Holdfast`, `Orders`, …), and
 * the port that adapters implement (`Store`).
 */
export type { CheckReport, Violation } from "./audit/AuditReport.ts"
export type { Discount } from "./coupons/Discount.ts"
export type { AccountAnswer, AdjustAnswer, ChargeAnswer } from "./decision/pointsCalls.ts"
export { layerInProcess as eventBusInProcess } from "./delivery/InProcessBus.ts"
export {
  makeSubscriptions,
  type SubscribeOptions,
  type Subscription,
  type Subscriptions,
} from "./delivery/Subscriptions.ts"
export type { EngineMetrics } from "./engine/Metrics.ts"
export type { Event as StoredEvent } from "./events/Event.ts"
export type { OrderLine } from "./orders/Order.ts"
export { type BusFault, EventBus } from "./ports/EventBus.ts"
export type { Page as StorePage } from "./ports/Store.ts"
export * from "./ports/Store.ts"
export { createHoldfast, type Holdfast as Shop } from "./promise/createHoldfast.ts"
export type { AbortSignalLike, CallOptions, Promised, SafePromised } from "./promise/derive.ts"
export type { PromisedEvents, PromisedSubscription } from "./promise/events.ts"
export {
  type Code,
  HoldfastError,
  type HoldfastErrorOf,
  isHoldfastError,
  type SafeResult,
} from "./promise/HoldfastError.ts"
export type { CreateOptions, LogLevel, StoreOption } from "./promise/options.ts"
export type { JoinedGroups } from "./promise/within.ts"
export * from "./refusals.ts"
export { Audit, type AuditOptions, type AuditReport, type AuditShape } from "./services/Audit.ts"
export {
  type Campaign,
  type CampaignDefinition,
  type Coupon,
  Coupons,
  type CouponsShape,
  type IssuedCoupon,
} from "./services/Coupons.ts"
export { type Event, Events, type EventsShape, type ParkedEvent } from "./services/Events.ts"
export { Health, type HealthReport, type HealthShape } from "./services/Health.ts"
export * as Holdfast from "./services/Holdfast.ts"
export type { Change, CommonRefusal, Read, Replayed } from "./services/method.ts"
export { type Order, Orders, type OrdersShape } from "./services/Orders.ts"
export {
  type AnswerOf,
  type KnownOutcome,
  type OperationName,
  type OutcomeQuery,
  Outcomes,
  type OutcomesShape,
} from "./services/Outcomes.ts"
export { type PointEntry, Points, type PointsShape } from "./services/Points.ts"
export { Popularity, type PopularityShape, type PopularProduct, type PopularProducts } from "./services/Popularity.ts"
export type { Page } from "./services/pages.ts"
export { type Product, Stock, type StockMovement, type StockShape } from "./services/Stock.ts"
export type { HoldfastOptions } from "./services/stamps.ts"
export {
  type AccountId,
  type Amount,
  type CampaignId,
  type IdempotencyKey,
  maxAmount,
  maxIdBytes,
  maxKeyBytes,
  maxOrderLines,
  maxOrderQuantity,
  maxPrice,
  type OrderId,
  type ProductId,
  type Quantity,
  type Scope,
} from "./values.ts"
