/**
 * `@holdfast/core/ports`: all that an adapter imports. The ports, the records and changes that they speak of, and the
 * algorithm that runs batches over an adapter's sessions or transactions.
 */

export { type Claim, claimFrom, placeOf, requestIdOf } from "../coupons/Request.ts"
export {
  type ChangeSet,
  eachPut,
  eachRow,
  mapPuts,
  type Put,
  type Puts,
  type PutsOfKind,
} from "../decision/Changes.ts"
export type { Again, Decided } from "../decision/fold.ts"
export {
  type KindName,
  kindNames,
  kinds,
  type LedgerName,
  type LogName,
  ledgerNames,
  ledgers,
  mapKinds,
  type OfKind,
  type RecordOf,
  type RowOf,
} from "../decision/kinds.ts"
export { type Keys, type Loaded, type LoadedOfKind, type Records, recordsBy, recordsOf } from "../decision/Records.ts"
export type { Slice } from "../decision/slice.ts"
export { messageOfThrown, quietly, textOfThrown } from "../thrown.ts"
export { type BatchState, newBatchState, type Path } from "../transact/BatchState.ts"
export { type Transact, transactOver } from "../transact/fromSessions.ts"
export type { Conflict } from "../transact/fromTransaction.ts"
export {
  type Answers,
  type Frame,
  makeSession,
  type NotNow,
  type ReplyTo,
  type Session,
  type SessionSource,
} from "../transact/Session.ts"
export { type Attempt, type KeyOf, lockedKeys, type StoreFault } from "../transact/StoreFault.ts"
export type { Turn } from "../transact/Turn.ts"
export { compareKeys, type Key, keyText, unknownVersion } from "../values.ts"
export { type BusFault, EventBus } from "./EventBus.ts"
export { type ListedOrder, type OrderPage, type OrderPlace, orderPageOf } from "./OrderPage.ts"
export {
  type Claimed,
  type ClaimLimit,
  type Depth,
  type Lease,
  type LeaseLost,
  leaseLost,
  type Outbox,
  type Parked,
  type Position,
  type Reach,
} from "./Outbox.ts"
export {
  defaultRankingDays,
  type FeederStep,
  type Ranked,
  Ranking,
  type RankingGuarantees,
  type RankingShape,
  rankingDays,
} from "./Ranking.ts"
export {
  type LogFull,
  type LogGuarantees,
  RequestLog,
  type RequestLogShape,
  type SliceEnd,
  sliceLimit,
} from "./RequestLog.ts"
export {
  type CacheFault,
  type CacheGuarantees,
  type Held,
  SharedCache,
  type SharedCacheShape,
} from "./SharedCache.ts"
export { type Connection, Store, type StoreAdapter } from "./Store.ts"
export type {
  AskedStanding,
  DatabaseName,
  Guarantees,
  PageRequest,
  Reads,
  Standing,
  StoreCounts,
  StoreShape,
} from "./StoreShape.ts"
