/**
 * Audit: every invariant recounted from what the store holds, while sales go on.
 */
import { Context, Effect, Layer } from "effect"
import type { AuditReport as Report } from "../audit/AuditReport.ts"
import { type AuditOptions as RunOptions, runAudit } from "../audit/runAudit.ts"
import type { StoreUnavailable } from "../refusals.ts"
import { orUnavailable } from "./method.ts"
import { Runtime, type RuntimeShape } from "./Runtime.ts"

export interface AuditReport extends Omit<Report, "startedAt" | "finishedAt"> {
  readonly startedAt: Date
  readonly finishedAt: Date
}

/** Rows per page (default 500), rest between pages (default 0 ms), violations shown in full per check (default 10). */
export type AuditOptions = Pick<RunOptions, "pageSize" | "pauseMillis" | "maxExamples">

export interface AuditShape {
  /**
   * Recounts every promise: ledgers sum to balances and counts, tickets are 1 to n, nothing is oversold, every receipt has
   * its rows and every row its receipt. `ok` is false where any check found a violation; each is given with its numbers.
   */
  readonly run: (options?: AuditOptions) => Effect.Effect<AuditReport, StoreUnavailable>
}

export class Audit extends Context.Service<Audit, AuditShape>()("@holdfast/core/Audit") {
  static readonly layer: Layer.Layer<Audit, never, Runtime> = Layer.effect(
    Audit,
    Effect.map(Runtime, (runtime) => makeAudit(() => runtime)),
  )
}

export function makeAudit(runtime: () => RuntimeShape): AuditShape {
  return {
    run: (options = {}) =>
      Effect.suspend(() => {
        const { engine, kernel } = runtime()
        return orUnavailable(runAudit(kernel.store, { ...options, settled: engine.settled }))
      }).pipe(
        Effect.map((report) => ({
          ...report,
          startedAt: new Date(report.startedAt),
          finishedAt: new Date(report.finishedAt),
        })),
      ),
  }
}
