/**
 * The host's clock, random numbers and logger as Effect services; Effect's own where the host gave none.
 */
import { Clock, Context, Effect, Logger, Random, References, Tracer } from "effect"
import { quietly, textOfCause, textOfThrown } from "../thrown.ts"
import type { CreateOptions, LogFields, LogLevel } from "./options.ts"

export const hostServices = ({ clock, random, logger, telemetry }: CreateOptions): Context.Context<never> => {
  let services = Context.make(References.MinimumLogLevel, logger === undefined ? "Warn" : "Debug")
  if (clock !== undefined) services = Context.add(services, Clock.Clock, clockOf(clock))
  if (random !== undefined) services = Context.add(services, Random.Random, randomOf(random))
  if (logger !== undefined) services = Context.add(services, Logger.CurrentLoggers, new Set([loggerOf(logger)]))
  if (telemetry !== undefined) services = Context.add(services, Tracer.Tracer, telemetry.tracer)
  return services
}

// Only what time it is comes from the host. Waiting and measuring take real time, so that a clock which stands still
// does not stop retries and deadlines from being looked at.
const clockOf = (clock: () => Date | number): Clock.Clock => {
  const system = Context.get(Context.empty(), Clock.Clock)
  const now = (): number => Math.trunc(Number(clock()))
  const nowNanos = (): bigint => BigInt(now()) * 1_000_000n
  return {
    currentTimeMillisUnsafe: now,
    currentTimeMillis: Effect.sync(now),
    currentTimeNanosUnsafe: nowNanos,
    currentTimeNanos: Effect.sync(nowNanos),
    monotonicTimeNanosUnsafe: () => system.monotonicTimeNanosUnsafe(),
    monotonicTimeNanos: system.monotonicTimeNanos,
    sleep: (duration) => system.sleep(duration),
  }
}

// Of anything but a fraction ids would be made that are all the same, and pauses of no length.
const randomOf = (random: () => number): Random.Random => {
  const draw = (): number => {
    const drawn: unknown = random()
    if (typeof drawn === "number" && drawn >= 0 && drawn < 1) return drawn
    throw new Error("The shop's random must answer numbers from 0 up to but not including 1.")
  }
  return { nextDoubleUnsafe: draw, nextIntUnsafe: () => Math.floor(draw() * Number.MAX_SAFE_INTEGER) }
}

const loggerOf = (log: (level: LogLevel, message: string, fields: LogFields) => void): Logger.Logger<unknown, void> =>
  Logger.make(({ logLevel, message, cause, fiber }) => {
    const parts = Array.isArray(message) ? message : [message]
    const text = parts.map(textOfThrown).join(" ")
    const { span } = fiber.cache
    const fields = {
      ...fiber.getRef(References.CurrentLogAnnotations),
      ...(span && { traceId: span.traceId, spanId: span.spanId }),
    }
    const told = cause.reasons.length === 0 ? text : `${text} ${textOfCause(cause)}`
    quietly(() => log(levelOf(logLevel), told, fields))
  })

const levelOf = (level: string): LogLevel => {
  switch (level) {
    case "Fatal":
    case "Error":
      return "error"
    case "Warn":
      return "warn"
    case "Info":
      return "info"
    default:
      return "debug"
  }
}
