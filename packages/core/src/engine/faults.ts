/**
 * What callers are told of a fault of the store.
 */
import type { StoreFault } from "../ports/index.ts"
import type { StoreNo, StoreUnavailable } from "../refusals.ts"

/**
 * What the store rejected is certain: nothing happened, and again nothing would. Of anything else the caller knows what is
 * certain: `nothing-happened` to what changes nothing or was never sent.
 */
export const toldOf = (fault: StoreFault, otherwise: StoreUnavailable["outcome"]): StoreNo =>
  fault._tag === "Rejected"
    ? { _tag: "StoreRejected", outcome: "nothing-happened", reason: fault.reason }
    : { _tag: "StoreUnavailable", outcome: otherwise, reason: reasonOf(fault) }

/** Why, in words. */
export const reasonOf = (fault: StoreFault): string => (fault._tag === "Busy" ? "the records are busy" : fault.reason)
