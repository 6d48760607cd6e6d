/**
 * How a shop is doing, for probes and dashboards.
 */
import { Context, Effect } from "effect"
import type { EngineMetrics } from "../engine/Metrics.ts"
import type { Guarantees } from "../ports/Store.ts"
import type { RuntimeShape } from "./Runtime.ts"

export interface HealthReport {
  /** `degraded` where the store does not answer: calls wait and may be answered as unavailable. */
  readonly status: "ok" | "degraded"
  readonly store: Guarantees & { readonly reachable: boolean }
  readonly metrics: EngineMetrics
}

export interface HealthShape {
  readonly health: () => Effect.Effect<HealthReport>
}

export class Health extends Context.Service<Health, HealthShape>()("@holdfast/core/Health") {}

/** How long the store may take to answer the probe. */
const probeMillis = 1_000

export const makeHealth = ({ engine, kernel: { store } }: RuntimeShape): HealthShape => ({
  health: () =>
    Effect.map(
      store.reads.products([]).pipe(
        Effect.as(true),
        Effect.timeoutOrElse({ duration: probeMillis, orElse: () => Effect.succeed(false) }),
        Effect.catchCause(() => Effect.succeed(false)),
      ),
      (reachable) => ({
        status: reachable ? "ok" : "degraded",
        store: { ...store.guarantees, reachable },
        metrics: engine.metrics(),
      }),
    ),
})
