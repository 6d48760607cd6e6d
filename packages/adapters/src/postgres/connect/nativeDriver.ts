/**
 * The way to sessions by address, loaded when it is needed: a host with a pool does not have the driver.
 */
import type { StoreFault } from "@holdfast/core/ports"
import { Effect } from "effect"

export const nativeDriver = Effect.tryPromise({
  try: () => import("./nativeOpen.ts"),
  catch: (cause): StoreFault => ({
    _tag: "Rejected",
    reason: "A `url` needs the package @effect/sql-pg, which is not installed. A `pool` of yours works without.",
    cause,
  }),
})
