/**
 * The `RequestLog` port: where coupon requests wait until they are decided.
 *
 * A log keeps and orders; it decides nothing and grants nothing. That a request is decided once, whoever reads the log and
 * however often, is the store's commit: see `decision/slice.ts`.
 */
import { Context, type Effect } from "effect"
import type { Claim } from "../coupons/Request.ts"
import type { Slice } from "../decision/slice.ts"
import type { StoreFault } from "../transact/StoreFault.ts"
import type { RequestId } from "../values.ts"
import type { DatabaseName } from "./StoreShape.ts"

/** The most requests of one slice. They are decided in parts, of which one is sent while the last is made durable. */
export const sliceLimit = 2_048

export interface LogGuarantees {
  /** What the log is called in messages and tables. */
  readonly name: string
  /** What an accepted request survives. */
  readonly durability: "nothing" | "process crash" | "power loss"
  /** Who may append to the same log and decide it. */
  readonly scope: "one process" | "many machines"
}

/** So many requests wait that the log takes no more. Nothing was stored. */
export interface LogFull {
  readonly _tag: "LogFull"
  /** When there may be room again. */
  readonly retryAfterMillis: number
}

/** What became of a slice that was handed out. */
export interface SliceEnd {
  /** The offset behind what is decided of it, whoever decided that. */
  readonly next: number
  /** Whether others had decided all of it: somebody else is at work on this partition. */
  readonly isLate: boolean
}

/** What a log does: see {@link RequestLog}. */
export interface RequestLogShape {
  readonly guarantees: LogGuarantees
  /**
   * The shop that it belongs to, as that shop's store is called, where the log stands beside its tables. A shop with another
   * store is refused: it would decide the claims of this one for itself, and they would be gone from here.
   */
  readonly database?: DatabaseName | undefined
  /** Stores claims, and answers the id of each once it is as durable as the log claims. At most 500 in one call. */
  readonly append: (claims: ReadonlyArray<Claim>) => Effect.Effect<ReadonlyArray<RequestId>, StoreFault | LogFull>
  /**
   * Hands out slices, one of a partition at a time, until it is interrupted. The partition goes on where `decide` says. It
   * never fails.
   */
  readonly serve: (decide: (slice: Slice) => Effect.Effect<SliceEnd>) => Effect.Effect<never>
  /** Whether this request may be waiting here. Asked only where no verdict is found; true of a decided one does no harm. */
  readonly holds: (requestId: RequestId) => Effect.Effect<boolean, StoreFault>
  /** How many requests wait, as far as the log knows: it may be some seconds old. */
  readonly waiting: Effect.Effect<number, StoreFault>
}

/**
 * The log of a shop's coupon requests.
 *
 * **Atomicity.** All claims of one `append` are stored, or the answer is a fault: then some may be.
 *
 * **Isolation.** None needed between those who decide: two may be handed the same slice.
 *
 * **Idempotency.** `append` has none: a caller who repeats it has two requests, and the claim's key makes one coupon of them.
 *
 * **Order.** Claims of one campaign stand in one partition. What was answered before another was appended has the smaller
 * offset. Offsets of a partition grow and are never given twice.
 *
 * **Failure.** `LogFull` is said before anything is stored; claims that were asked for together are then offered in smaller
 * parts. What was answered is handed out at least once, for as long as the log lasts; a log that was made
 * anew has another name in its places.
 */
export class RequestLog extends Context.Service<RequestLog, RequestLogShape>()("@holdfast/core/RequestLog") {}
