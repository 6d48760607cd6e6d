/**
 * A request log in this process: for shops of one process, and the reference that other logs are held to.
 *
 * It keeps what was accepted for as long as the process lives. A shop that is stopped decides what waits before it lets the
 * store go; a crash loses what was not decided.
 */
import { Clock, Effect, Latch, Layer, Random } from "effect"
import { type Claim, placeOf, requestIdOf } from "../coupons/Request.ts"
import type { Slice } from "../decision/slice.ts"
import * as Options from "../options.ts"
import { type LogGuarantees, RequestLog, type RequestLogShape, type SliceEnd, sliceLimit } from "../ports/index.ts"

export interface InProcessRequestsOptions {
  /** The most requests that may wait. Above it they are answered `Overloaded`. Default 100,000. */
  readonly maxWaiting?: number | undefined
}

const guarantees: LogGuarantees = { name: "in process", durability: "nothing", scope: "one process" }
const checks: Options.Checks<InProcessRequestsOptions> = { maxWaiting: Options.wholeNumber(1, 10_000_000) }
const retryAfterMillis = 1_000
const partition = 0

/** A log of its own, which may outlive the shops that are built on it. */
export const makeMemoryRequestLog = ({
  maxWaiting = 100_000,
}: InProcessRequestsOptions = {}): Effect.Effect<RequestLogShape> =>
  Effect.gen(function* () {
    const log = `${(yield* Clock.currentTimeMillis).toString(36)}${(yield* Random.nextIntBetween(0, 2 ** 31)).toString(36)}`
    const hasWork = yield* Latch.make(false)
    /** What is not decided, in order; its first is at offset `first`. */
    let waiting: Array<Claim> = []
    let first = 0
    const nextSlice = (): Slice => {
      const claims = waiting.slice(0, sliceLimit)
      return {
        log,
        partition,
        requests: claims.map((claim, index) => ({ offset: first + index, claim })),
        end: first + claims.length,
      }
    }
    const decidedUpTo = ({ next }: SliceEnd): void => {
      if (next <= first) return
      waiting = waiting.slice(next - first)
      first = next
    }
    return {
      guarantees,
      append: (claims) =>
        Effect.suspend(() => {
          if (waiting.length + claims.length > maxWaiting) {
            return Effect.fail({ _tag: "LogFull" as const, retryAfterMillis })
          }
          const from = first + waiting.length
          waiting.push(...claims)
          hasWork.openUnsafe()
          return Effect.succeed(
            claims.map(({ commandId }, index) => requestIdOf({ log, partition, offset: from + index }, commandId)),
          )
        }),
      serve: (decide) =>
        Effect.forever(
          Effect.suspend(() => {
            if (waiting.length === 0) {
              hasWork.closeUnsafe()
              return hasWork.await
            }
            return Effect.map(decide(nextSlice()), decidedUpTo)
          }),
        ),
      holds: (requestId) =>
        Effect.sync(() => {
          const place = placeOf(requestId)
          return place?.log === log && waiting[place.offset - first]?.commandId === place.commandId
        }),
      waiting: Effect.sync(() => waiting.length),
    }
  })

/** The in-process log as an option of a shop: what it accepted is lost with the process. Each call is a log of its own. */
export const inProcessRequests = (
  options: InProcessRequestsOptions = {},
): { readonly name: string; readonly layer: Layer.Layer<RequestLog> } => {
  Options.check(options, checks)
  return { name: guarantees.name, layer: Layer.effect(RequestLog, makeMemoryRequestLog(options)) }
}
