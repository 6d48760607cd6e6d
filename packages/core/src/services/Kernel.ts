/**
 * What the services stand on: the store, somebody who gets commands decided, and the stamps that commands carry.
 *
 * A shop has one kernel. Inside a transaction of the host another one takes its place, on the host's connection.
 */
import { Context } from "effect"
import type { ReadCache } from "../cache/ReadCache.ts"
import type { Stamps } from "../engine/admission.ts"
import type { Submitter } from "../engine/Engine.ts"
import type { RankingShape, StoreShape } from "../ports/index.ts"
import type { RequestsShape } from "./requests.ts"

export interface KernelShape {
  readonly store: StoreShape
  readonly submitter: Submitter
  readonly stamps: Stamps
  /** Coupon requests. Absent inside a transaction of the host. */
  readonly requests?: RequestsShape | undefined
  /** What was read before, for callers who say how old an answer may be. Absent inside a transaction of the host. */
  readonly cache?: ReadCache | undefined
  /** What was sold most, for the same callers. Absent likewise. */
  readonly ranking?: RankingShape | undefined
}

export class Kernel extends Context.Service<Kernel, KernelShape>()("@holdfast/core/Kernel") {}
