/**
 * `@holdfast/core`: the shop as promises (`createHoldfast`) and as Effect services and layers (`Holdfast`, `Orders`, …).
 * Adapters are written against `@holdfast/core/ports`.
 */
export type { CheckReport, Violation } from "./audit/AuditReport.ts"
export { codeOf, isRefusal, isRetryable, messageOf } from "./codeOf.ts"
export type { Discount } from "./coupons/Discount.ts"
export { type EventPayload, eventPayloads } from "./decision/payloads.ts"
export type { AccountAnswer, AdjustAnswer, ChargeAnswer } from "./decision/pointsCalls.ts"
export type { RequestRefusal } from "./decision/storedRefusal.ts"
export { layerInProcess as eventBusInProcess } from "./delivery/InProcessBus.ts"
export {
  makeSubscriptions,
  type Served,
  type SubscribeOptions,
  type Subscription,
  type Subscriptions,
} from "./delivery/Subscriptions.ts"
export type { EngineMetrics } from "./engine/Metrics.ts"
export type { SpanChoice } from "./engine/Spans.ts"
export { spanOfTraceparent } from "./engine/traceparent.ts"
export type { Event as StoredEvent, EventType } from "./events/Event.ts"
export {
  type Code,
  HoldfastError,
  type HoldfastErrorOf,
  isHoldfastError,
  type SafeResult,
} from "./HoldfastError.ts"
export { type InProcessRequestsOptions, inProcessRequests } from "./memory/MemoryRequestLog.ts"
export * as Options from "./options.ts"
export type { OrderLine } from "./orders/Order.ts"
export { EventBus, type Guarantees, Ranking, RequestLog, SharedCache, Store, type StoreFault } from "./ports/index.ts"
export { createHoldfast, type Holdfast as Shop } from "./promise/createHoldfast.ts"
export type { AbortSignalLike, CallOptions, Promised, SafePromised } from "./promise/derive.ts"
export type { PromisedEvents, PromisedSubscription } from "./promise/events.ts"
export { type InProcessBus, inProcessBus } from "./promise/inProcessBus.ts"
export type {
  BusOption,
  CacheOption,
  CreateOptions,
  LogFields,
  LogLevel,
  RankingOption,
  RequestsOption,
  StoreOption,
  TelemetryOption,
} from "./promise/options.ts"
export type { JoinedGroups } from "./promise/within.ts"
export * from "./refusals.ts"
export { Audit, type AuditOptions, type AuditReport, type AuditShape } from "./services/Audit.ts"
export type { ReadOptions } from "./services/ages.ts"
export {
  type AcceptedRequest,
  type Campaign,
  type CampaignDefinition,
  type Coupon,
  Coupons,
  type CouponsShape,
  type IssuedCoupon,
  type RequestedCoupon,
} from "./services/Coupons.ts"
export { type Event, Events, type EventsShape, type ParkedEvent } from "./services/Events.ts"
export {
  type Backlog,
  type BusHealth,
  Health,
  type HealthReport,
  type HealthShape,
  type ReadHealth,
  type Readiness,
  type RequestHealth,
  type SubscriptionHealth,
} from "./services/Health.ts"
export * as Holdfast from "./services/Holdfast.ts"
export { type Measurement, measurementsOf, prometheusName, type Sample } from "./services/measurements.ts"
export type { AgedRead, Change, CommonRefusal, Read, Replayed } from "./services/method.ts"
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
  type RequestId,
  type Scope,
} from "./values.ts"
