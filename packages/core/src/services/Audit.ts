/**
 * Audit: every invariant recounted from what the store holds, while sales go on.
 */
import { Context, Effect, Layer, Schema } from "effect"
import type { AuditReport as Report } from "../audit/AuditReport.ts"
import { runAudit } from "../audit/runAudit.ts"
import type { InvalidInput, StoreNo } from "../refusals.ts"
import { wholeNumber } from "../values.ts"
import { orUnavailable, read } from "./method.ts"
import { Runtime, type RuntimeShape } from "./Runtime.ts"

export interface AuditReport extends Omit<Report, "startedAt" | "finishedAt"> {
  readonly startedAt: Date
  readonly finishedAt: Date
}

const RunAudit = Schema.Struct({
  pageSize: Schema.optional(wholeNumber(1, 10_000)),
  pauseMillis: Schema.optional(wholeNumber(0, 60_000)),
  maxExamples: Schema.optional(wholeNumber(1, 1_000)),
})

/** Rows per page (default 500), rest between pages (default 0 ms), violations shown in full per check (default 10). */
export type AuditOptions = typeof RunAudit.Encoded

export interface AuditShape {
  /**
   * Recounts every promise: ledgers sum to balances and counts, tickets are 1 to n, nothing is oversold, every receipt has
   * its rows and every row its receipt. `ok` is false where any check found a violation; each is given with its numbers.
   */
  readonly run: (options?: AuditOptions) => Effect.Effect<AuditReport, InvalidInput | StoreNo>
}

export class Audit extends Context.Service<Audit, AuditShape>()("@holdfast/core/Audit") {
  static readonly layer: Layer.Layer<Audit, never, Runtime> = Layer.effect(
    Audit,
    Effect.map(Runtime, (runtime) => makeAudit(() => runtime)),
  )
}

export function makeAudit(runtime: () => RuntimeShape): AuditShape {
  const run = read(
    RunAudit,
    Effect.fnUntraced(function* ({ pageSize = 500, pauseMillis = 0, maxExamples = 10 }) {
      const { engine, kernel } = runtime()
      const options = { pageSize, pauseMillis, maxExamples, settled: engine.settled }
      const report = yield* orUnavailable(runAudit(kernel.store, options))
      return { ...report, startedAt: new Date(report.startedAt), finishedAt: new Date(report.finishedAt) }
    }),
  )
  return { run: (options = {}) => run(options) }
}
