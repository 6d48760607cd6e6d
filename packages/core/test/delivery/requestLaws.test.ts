/**
 * The laws of request logs on the log in this process, and logs and deciders that are wrong in one thing, each caught by its
 * law.
 */
import { Effect, Logger } from "effect"
import { describe, expect, it } from "vitest"
import { requestConformance } from "../../src/testing/requests/requestConformance.ts"
import { requestLaws } from "../../src/testing/requests/requestLaws.ts"
import { brokenBy, huntRequests, namedLogs, requestMutants } from "../../src/testing/requests/requestMutants.ts"

const seeds = Array.from({ length: 20 }, (_, index) => index + 1)

it("the log in this process keeps the laws of request logs", async () => {
  const trials = requestConformance({ name: "in process", ...namedLogs() }, { rounds: 12 })
  const report = await Effect.runPromise(trials.pipe(Effect.provide(Logger.layer([]))))
  expect(report.laws.map(({ id, verdict, message }) => [id, verdict, message])).toEqual(
    requestLaws.map(({ id }) => [id, "holds", undefined]),
  )
})

it("the laws accuse no log that keeps them", () => {
  for (let seed = 1; seed <= 100; seed++) expect(brokenBy({ name: "in process", ...namedLogs() }, seed)).toEqual([])
})

describe("the laws of request logs catch, 20 times of 20", () => {
  it.each(requestMutants.map((mutant) => [mutant.name, mutant] as const))("%s", (_, mutant) => {
    expect(huntRequests(mutant, seeds)).toMatchObject({ caught: seeds.length, laws: { [mutant.diesBy]: seeds.length } })
  })

  it("each by a mutant of its own", () => {
    expect(new Set(requestMutants.map(({ diesBy }) => diesBy))).toEqual(new Set(requestLaws.map(({ id }) => id)))
  })
})
