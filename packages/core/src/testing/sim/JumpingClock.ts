/**
 * The clock of a live trial: real time, which a fault may correct as an operator corrects a machine's clock.
 *
 * A jump moves what time it is for whoever has this clock, never how long anybody sleeps, and nobody else's time.
 */
import type { Clock, Duration } from "effect"
import { Effect } from "effect"

export class JumpingClock implements Clock.Clock {
  readonly #real: Clock.Clock
  #offsetMillis = 0

  constructor(real: Clock.Clock) {
    this.#real = real
  }

  currentTimeMillisUnsafe(): number {
    return this.#real.currentTimeMillisUnsafe() + this.#offsetMillis
  }
  currentTimeNanosUnsafe(): bigint {
    return this.#real.currentTimeNanosUnsafe() + BigInt(this.#offsetMillis) * 1_000_000n
  }
  monotonicTimeNanosUnsafe(): bigint {
    return this.#real.monotonicTimeNanosUnsafe()
  }
  readonly currentTimeMillis: Effect.Effect<number> = Effect.sync(() => this.currentTimeMillisUnsafe())
  readonly currentTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.currentTimeNanosUnsafe())
  readonly monotonicTimeNanos: Effect.Effect<bigint> = Effect.sync(() => this.monotonicTimeNanosUnsafe())

  sleep(duration: Duration.Duration): Effect.Effect<void> {
    return this.#real.sleep(duration)
  }

  /** Moves the wall clock forward or back. */
  jump(millis: number): void {
    this.#offsetMillis += millis
  }
}
