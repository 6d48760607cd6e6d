/**
 * The laws of request logs on the log in this process, and logs and deciders that are wrong in one thing, each caught by its
 * law.
 */
import { Clock, Effect } from "effect"
import { describe, expect, it } from "vitest"
import type { Verdict } from "../../src/coupons/Request.ts"
import { decideSlice, keysOfSlice, type Slice } from "../../src/decision/slice.ts"
import { sliceDecider } from "../../src/delivery/decideRequests.ts"
import { makeMemoryRequestLog } from "../../src/memory/index.ts"
import type { RequestLogShape, SliceEnd, StoreShape } from "../../src/ports/index.ts"
import { requestConformance } from "../../src/testing/requests/requestConformance.ts"
import type { RequestLogAdapter } from "../../src/testing/requests/requestTrial.ts"

/** Logs in this process by their ground: all that are opened on it are one. */
const inProcess = (
  change: (log: RequestLogShape) => Partial<RequestLogShape> = () => ({}),
  decider?: RequestLogAdapter["decider"],
): RequestLogAdapter => {
  const logs = new Map<string, RequestLogShape>()
  return {
    name: "in process",
    open: (ground, maxWaiting) =>
      Effect.gen(function* () {
        const log = logs.get(ground) ?? (yield* makeMemoryRequestLog({ maxWaiting }))
        logs.set(ground, log)
        return { ...log, ...change(log) }
      }),
    decider,
  }
}

const run = (adapter: RequestLogAdapter, settleMillis?: number) =>
  Effect.runPromise(requestConformance(adapter, { rounds: 12, settleMillis }))

it("the log in this process keeps the laws of request logs", async () => {
  const report = await run(inProcess())
  expect(report.laws.map(({ id, verdict, message }) => [id, verdict, message])).toEqual(
    ["REQ-01", "REQ-02", "REQ-03", "REQ-04"].map((id) => [id, "holds", undefined]),
  )
})

type Decider = (store: StoreShape) => (slice: Slice) => Effect.Effect<SliceEnd>

const decided = (store: StoreShape, slice: Slice, decide: typeof decideSlice): Effect.Effect<SliceEnd> =>
  Effect.orDie(
    Effect.map(
      store.transact(keysOfSlice(slice), (records) => decide(slice, records)),
      ({ next }) => ({ next, isLate: false }),
    ),
  )

/** Decides a slice whatever the position says, and writes its verdicts over those that are there. */
const withoutComparing: Decider = (store) => (slice) =>
  Effect.flatMap(Effect.orDie(store.scan("verdict", undefined, 10_000)), (verdicts: ReadonlyArray<Verdict>) =>
    decided(store, slice, (each, records) => {
      const position = records.position(each.log, each.partition)
      const found = decideSlice(each, { ...records, position: () => undefined })
      const { changes } = found
      if (changes === undefined) return found
      const [put] = changes.puts.position
      const puts = {
        ...changes.puts,
        position: put === undefined ? [] : [{ ...put, before: position }],
        verdict: changes.puts.verdict.map((own) => ({
          ...own,
          before: verdicts.find(({ requestId }) => requestId === own.after.requestId),
        })),
      }
      return { ...found, changes: { ...changes, puts } }
    }),
  )

/** Commits the tickets, and then the position and the verdicts. */
const besideItsPosition: Decider = (store) => (slice) =>
  Effect.andThen(
    decided(store, slice, (each, records) => {
      const found = decideSlice(each, { ...records, position: () => undefined })
      const { changes } = found
      if (changes === undefined) return found
      return { ...found, changes: { ...changes, puts: { ...changes.puts, position: [], verdict: [] } } }
    }),
    Effect.andThen(
      Effect.sleep(3),
      decided(store, slice, (each, records) => decideSlice(each, records)),
    ),
  )

const storesFirst: RequestLogAdapter = {
  ...inProcess(),
  open: (ground, maxWaiting) =>
    Effect.map(inProcess().open(ground, 1_000_000), (log) => {
      let appended = 0
      const full = Effect.fail({ _tag: "LogFull", retryAfterMillis: 1 } as const)
      return {
        ...log,
        append: (claims) => {
          appended += claims.length
          return appended > maxWaiting ? Effect.andThen(log.append(claims), full) : log.append(claims)
        },
      }
    }),
}

const claimsAs =
  (change: (requests: Slice["requests"], now: number) => Slice["requests"]): Decider =>
  (store) =>
  (slice) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      sliceDecider(store, () => {})({ ...slice, requests: change(slice.requests, now) }),
    )

describe("the laws of request logs catch", () => {
  it.each<[what: string, law: string, adapter: RequestLogAdapter]>([
    [
      "a log that hands out all but one of what it took",
      "REQ-01",
      inProcess((log) => ({
        serve: (decide) => log.serve((slice) => decide({ ...slice, requests: slice.requests.slice(1) })),
      })),
    ],
    ["a position that is not compared", "REQ-01", inProcess(undefined, withoutComparing)],
    ["a position that is committed beside the tickets", "REQ-01", inProcess(undefined, besideItsPosition)],
    [
      "a slice that is decided in another order",
      "REQ-02",
      inProcess(
        undefined,
        claimsAs((requests) => requests.toReversed()),
      ),
    ],
    [
      "a claim that is stamped when it is decided",
      "REQ-03",
      inProcess(
        undefined,
        claimsAs((requests, at) => requests.map(({ offset, claim }) => ({ offset, claim: { ...claim, at } }))),
      ),
    ],
    ["a log that stores and then says that it is full", "REQ-04", storesFirst],
  ])("%s", async (_, law, adapter) => {
    const report = await run(adapter, 200)
    expect(report.laws.find(({ id }) => id === law)?.verdict).toBe("broken")
  })
})
