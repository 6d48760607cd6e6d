import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { expect, it } from "@effect/vitest"
import { Clock, Effect, Exit, type Fiber, Random, type Scheduler } from "effect"
import { describe } from "vitest"
import { afterYield } from "../../src/memory/step.ts"
import { event, makeShop, name, Seen, subscriptionsOf } from "./support.ts"

/** Runs whatever is ready in an order drawn from a seed, and interrupts fibers anywhere in between. */
class SeededScheduler implements Scheduler.Scheduler, Scheduler.SchedulerDispatcher {
  readonly executionMode = "sync" as const
  readonly #ready: Array<() => void> = []
  readonly #next: () => number
  constructor(next: () => number) {
    this.#next = next
  }
  shouldYield(fiber: Fiber.Fiber<unknown, unknown>): boolean {
    return fiber.currentOpCount > 2 && this.#next() < 0.3
  }
  makeDispatcher(): this {
    return this
  }
  scheduleTask(task: () => void): void {
    this.#ready.push(task)
  }
  flush(): void {
    while (this.#ready.length > 0) {
      for (const task of this.#ready.splice(Math.floor(this.#next() * this.#ready.length), 1)) task()
    }
  }
}

const drawsOf = (seed: string): (() => number) => {
  const random = Effect.runSync(Random.withSeed(Effect.flatMap(Random.Random, Effect.succeed), seed))
  return () => random.nextDoubleUnsafe()
}

/** Time stands still: whoever sleeps never wakes, so that a wake-up that was lost stays lost. */
const standingStill: Clock.Clock = {
  currentTimeMillisUnsafe: () => 0,
  currentTimeMillis: Effect.succeed(0),
  currentTimeNanosUnsafe: () => 0n,
  currentTimeNanos: Effect.succeed(0n),
  monotonicTimeNanosUnsafe: () => 0n,
  monotonicTimeNanos: Effect.succeed(0n),
  sleep: () => Effect.never,
}

describe("under any schedule", () => {
  it("no commit is slept through, and each key stays in order", () => {
    for (let seed = 0; seed < 1_000; seed++) {
      const draw = drawsOf(`schedule ${seed}`)
      const program = Effect.gen(function* () {
        const shop = makeShop(afterYield)
        const subscriptions = yield* subscriptionsOf(shop)
        const seen = new Seen()
        yield* subscriptions.subscribe(name, (one) => Effect.andThen(Effect.yieldNow, seen.record(one)), {
          limit: 2,
          maxInFlight: 3,
        })
        for (let number = 1; number <= 5; number++) {
          yield* shop.commit([event(number, `key-${number % 3}`)])
          for (let step = draw() * 40; step > 1; step--) yield* Effect.yieldNow
        }
        yield* subscriptions.settled(name)
        return [0, 1, 2].map((key) => seen.ofKey(`key-${key}`))
      })
      const scheduler = new SeededScheduler(draw)
      const standing = Effect.provideService(Effect.scoped(program), Clock.Clock, standingStill)
      const fiber = Effect.runFork(standing, { scheduler })
      scheduler.flush()
      expect(fiber.pollUnsafe(), `seed ${seed}`).toEqual(Exit.succeed([[3], [1, 4], [2, 5]]))
    }
  })
})

describe("a process", () => {
  it("that only waits for events ends by itself", async ({ signal }) => {
    const script = fileURLToPath(new URL("./idleProcess.ts", import.meta.url))
    const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"], signal })
    let output = ""
    child.stdout.on("data", (chunk) => {
      output += String(chunk)
    })
    const ended = new Promise((resolve, reject) => child.on("error", reject).on("exit", resolve))
    expect(await ended).toBe(0)
    expect(output).toBe("handled 3\n")
  })
})
