/**
 * The host's clock, random numbers and logger as Effect services; Effect's own where the host gave none.
 */
import { Cause, Clock, Context, Effect, Logger, Random, References } from "effect"
import type { CreateOptions, LogLevel } from "./options.ts"

export const hostServices = ({ clock, random, logger }: CreateOptions): Context.Context<never> => {
  let services = Context.make(References.MinimumLogLevel, logger === undefined ? "Warn" : "Debug")
  if (clock !== undefined) services = Context.add(services, Clock.Clock, clockOf(clock))
  if (random !== undefined) services = Context.add(services, Random.Random, randomOf(random))
  if (logger !== undefined) services = Context.add(services, Logger.CurrentLoggers, new Set([loggerOf(logger)]))
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

const randomOf = (random: () => number): Random.Random => ({
  nextDoubleUnsafe: random,
  nextIntUnsafe: () => Math.floor(random() * Number.MAX_SAFE_INTEGER),
})

const loggerOf = (log: (level: LogLevel, message: string) => void): Logger.Logger<unknown, void> =>
  Logger.make(({ logLevel, message, cause }) => {
    const parts = Array.isArray(message) ? message : [message]
    const text = parts.map((part) => (typeof part === "string" ? part : JSON.stringify(part))).join(" ")
    log(levelOf(logLevel), cause.reasons.length === 0 ? text : `${text} ${Cause.pretty(cause)}`)
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
