/**
 * What the services stand on: the store, somebody who gets commands decided, and the stamps that commands carry.
 *
 * A shop has one kernel. Inside a transaction of the host another one takes its place, on the host's connection.
 */
import { Context } from "effect"
import type { Stamps } from "../engine/admission.ts"
import type { Submitter } from "../engine/Engine.ts"
import type { StoreShape } from "../ports/Store.ts"

export interface KernelShape {
  readonly store: StoreShape
  readonly submitter: Submitter
  readonly stamps: Stamps
}

export class Kernel extends Context.Service<Kernel, KernelShape>()("@holdfast/core/Kernel") {}
