import { Effect, Ref, Scheduler } from "effect"
import { describe, expect, it } from "vitest"
import { run } from "../../src/testing/sim/Sim.ts"
import { Process, runOutside } from "../../src/testing/trial/Process.ts"

const outsideOf = Effect.gen(function* () {
  return { services: yield* Effect.context<never>(), scheduler: yield* Scheduler.Scheduler }
})

/** Counts to three with a pause after each, asks for a job outside, and cleans up: unless its process ends first. */
const worker = (endsAt: number) =>
  Effect.gen(function* () {
    const outside = yield* outsideOf
    const counted = yield* Ref.make(0)
    let jobs = 0
    let cleaned = false
    const process = new Process(outside, endsAt)
    const job = Effect.andThen(
      Effect.sleep(5),
      Effect.sync(() => {
        jobs++
      }),
    )
    const work = Effect.gen(function* () {
      for (let at = 0; at < 3; at++) {
        yield* Ref.update(counted, (now) => now + 1)
        yield* Effect.sleep(1)
      }
      yield* Effect.sync(() => runOutside(outside, job))
      yield* Effect.sleep(1)
    }).pipe(
      Effect.ensuring(
        Effect.sync(() => {
          cleaned = true
        }),
      ),
      Effect.as("done"),
    )
    const answer = yield* process.run(work)
    const seen = yield* Ref.get(counted)
    yield* Effect.sleep(100)
    return { answer, jobs, cleaned, moved: (yield* Ref.get(counted)) - seen, steps: process.steps, dead: process.dead }
  })

describe("a process of a trial", () => {
  it("ends before any of its operations: nothing of it runs on, nothing is cleaned up, what it asked for goes on", () => {
    const whole = run(worker(0), { preempt: "yields" })
    if (whole.exit?._tag !== "Success") throw new Error("the worker did not come to its end")
    const { steps } = whole.exit.value
    expect(whole.exit.value).toMatchObject({ answer: "done", jobs: 1, cleaned: true, dead: false })
    let asked = 0
    for (let endsAt = 1; endsAt <= steps; endsAt++) {
      const { exit } = run(worker(endsAt), { preempt: "yields" })
      if (exit?._tag !== "Success") throw new Error(`ended before operation ${endsAt} it did not let go`)
      expect(exit.value).toMatchObject({ moved: 0, dead: true })
      // Its last operation of all is only the return of its answer.
      if (exit.value.answer === undefined && !exit.value.cleaned) asked += exit.value.jobs
    }
    expect(asked).toBeGreaterThan(0)
  })
})
