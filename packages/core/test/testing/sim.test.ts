import { Deferred, Effect, Exit, Latch, Random, Ref, Semaphore } from "effect"
import { describe, expect, it } from "vitest"
import * as Sim from "../../src/testing/Sim.ts"

const unbounded = { concurrency: "unbounded" } as const

/** Two clients that read, then write: one of the updates can be lost. */
const lostUpdate = Effect.gen(function* () {
  const ref = yield* Ref.make(0)
  const add = Effect.flatMap(Ref.get(ref), (now) => Ref.set(ref, now + 1))
  yield* Effect.all([add, add], unbounded)
  return (yield* Ref.get(ref)) === 2 ? "both" : yield* Effect.fail("lost")
})

const atomic = Effect.gen(function* () {
  const ref = yield* Ref.make(0)
  const add = Ref.update(ref, (now) => now + 1)
  yield* Effect.all([add, add, add], unbounded)
  return (yield* Ref.get(ref)) === 3 ? "all" : yield* Effect.fail("lost")
})

/** Two fibers that take two locks, each in its own order. */
const unorderedLocks = Effect.gen(function* () {
  const a = yield* Semaphore.make(1)
  const b = yield* Semaphore.make(1)
  const both = (first: Semaphore.Semaphore, second: Semaphore.Semaphore) =>
    first.withPermit(Effect.andThen(Effect.yieldNow, second.withPermit(Effect.void)))
  yield* Effect.all([both(a, b), both(b, a)], unbounded)
})

/** A waiter that looks, and only then begins to listen. */
const lostWakeUp = Effect.gen(function* () {
  let ready = false
  const bell = yield* Latch.make(false)
  const ring = Effect.suspend(() => {
    ready = true
    return Effect.andThen(bell.open, bell.close)
  })
  const wait = Effect.suspend(() => (ready ? Effect.void : Effect.andThen(Effect.yieldNow, bell.await)))
  yield* Effect.all([wait, ring], unbounded)
})

const strategies = {
  exhaustive: Sim.exhaustive({ switches: 2 }),
  random: Sim.random(7),
  pct: Sim.pct({ depth: 3 }),
}

describe("Sim.explore", () => {
  for (const [name, strategy] of Object.entries(strategies)) {
    it(`${name}: finds a lost update, and plays it again from its tape`, () => {
      const { failure, runs } = Sim.explore({ strategy, runs: 200 }, lostUpdate)
      expect(runs).toBeLessThan(200)
      for (let again = 0; again < 100; again++) {
        const replayed = Sim.run(lostUpdate, { tape: Sim.trimmed(failure?.tape ?? []) })
        expect(replayed.exit).toEqual(failure?.exit)
        expect(replayed.tape).toEqual(failure?.tape)
      }
    })

    it(`${name}: reports a deadlock as stuck`, () => {
      const { failure } = Sim.explore({ strategy, runs: 300 }, unorderedLocks)
      expect(failure?.exit).toBeUndefined()
      expect(failure?.stuck).toMatchObject({ kind: "deadlock" })
    })
  }

  it("tries every schedule of an atomic program and finds nothing", () => {
    const explored = Sim.explore({ strategy: Sim.exhaustive({ switches: 3 }), runs: 20_000 }, atomic)
    expect(explored).toMatchObject({ complete: true, failure: undefined, nondeterminism: undefined })
    expect(explored.runs).toBeGreaterThan(10)
  })

  it("exhaustive(0) tries the one schedule without switches", () => {
    expect(Sim.explore({ strategy: Sim.exhaustive({ switches: 0 }) }, lostUpdate)).toMatchObject({
      complete: true,
      runs: 1,
    })
  })

  it("finds a wake-up that is lost", () => {
    const { failure } = Sim.explore({ strategy: Sim.random(1), runs: 500 }, lostWakeUp)
    expect(failure?.stuck?.kind).toBe("deadlock")
  })

  it("reports a program that never stops as a livelock", () => {
    const spinning = Effect.forever(Effect.yieldNow)
    const { stuck } = Sim.run(spinning, { maxSteps: 1_000 })
    expect(stuck?.kind).toBe("livelock")
  })

  it("reports a program that waits for a promise as stuck", () => {
    const { stuck } = Sim.run(Effect.promise(() => Promise.resolve(1)))
    expect(stuck?.kind).toBe("deadlock")
  })
})

describe("virtual time", () => {
  it("passes only while nothing can run, and wakes sleepers in order", () => {
    const program = Effect.gen(function* () {
      const woken: Array<number> = []
      const sleep = (millis: number) =>
        Effect.andThen(
          Effect.sleep(millis),
          Effect.sync(() => woken.push(millis)),
        )
      yield* Effect.all([sleep(30_000), sleep(10), sleep(2_000), Effect.timeoutOption(Effect.never, 500)], unbounded)
      return woken
    })
    for (const seed of Array.from({ length: 200 }, (_, index) => index)) {
      const { failure } = Sim.explore(
        { strategy: Sim.random(seed), runs: 1 },
        Effect.tap(program, (woken) => (woken.join() === "10,2000,30000" ? Effect.void : Effect.fail(woken))),
      )
      expect(failure).toBeUndefined()
    }
    expect(Sim.run(program).elapsedMillis).toBe(30_000)
  })

  it("jumps of the wall clock do not shorten sleep", () => {
    const program = Effect.gen(function* () {
      const before = yield* Effect.clockWith((clock) => clock.currentTimeMillis)
      yield* Effect.all([Effect.sleep(1_000), Sim.jumpClock(-60_000)], unbounded)
      return (yield* Effect.clockWith((clock) => clock.currentTimeMillis)) - before
    })
    const { exit, elapsedMillis } = Sim.run(program)
    expect(exit).toEqual(Exit.succeed(-59_000))
    expect(elapsedMillis).toBe(1_000)
  })
})

describe("determinism", () => {
  it("draws the same random numbers from the same seed", () => {
    const draw = Effect.all([Random.next, Random.nextInt])
    expect(Sim.run(draw, { seed: 5 }).exit).toEqual(Sim.run(draw, { seed: 5 }).exit)
    expect(Sim.run(draw, { seed: 5 }).exit).not.toEqual(Sim.run(draw, { seed: 6 }).exit)
  })

  it("reports a stray Date.now with its place", () => {
    const stray = Effect.sync(() => Date.now())
    const { nondeterminism } = Sim.explore({ strategy: Sim.exhaustive() }, stray)
    expect(nondeterminism?.message).toContain("another result")
    expect(nondeterminism?.strays[0]).toMatch(/Date\.now.*sim\.test\.ts/)
  })

  it("reports a stray Math.random that changes the schedule", () => {
    const stray = Effect.suspend(() => (Math.random() < 0.5 ? Effect.sleep(5) : Effect.void))
    const found = Array.from(
      { length: 20 },
      () => Sim.explore({ strategy: Sim.exhaustive() }, Effect.all([stray, stray, stray])).nondeterminism,
    )
    expect(found.filter((each) => each !== undefined).length).toBeGreaterThan(0)
  })

  it("does not mind a stray that changes nothing", () => {
    const harmless = Effect.sync(() => {
      Date.now()
      return 1
    })
    expect(Sim.explore({ strategy: Sim.exhaustive() }, harmless).nondeterminism).toBeUndefined()
  })

  it("keeps the real clock and chance as they were", () => {
    const before = [Date.now, Math.random]
    Sim.explore({ strategy: Sim.exhaustive() }, Effect.die("oops"))
    expect([Date.now, Math.random]).toEqual(before)
  })

  it("closes what is scoped", () => {
    const closed = Effect.gen(function* () {
      const done = yield* Deferred.make<string>()
      yield* Effect.scoped(Effect.addFinalizer(() => Deferred.succeed(done, "closed")))
      return yield* Deferred.await(done)
    })
    expect(Sim.run(closed).exit).toEqual(Exit.succeed("closed"))
  })
})
