/**
 * Broken request logs, and deciders that are wrong in one thing: each dies by one law, and so shows that the law can fail.
 * They run in simulated time, with logs in this process.
 */
import { Clock, Effect, Latch, Logger } from "effect"
import { type Claim, placeOf, requestIdOf, type Verdict } from "../../coupons/Request.ts"
import { decideMissed, decideSlice, keysOfMissed, keysOfSlice, type Slice } from "../../decision/slice.ts"
import { sliceDecider } from "../../delivery/decideRequests.ts"
import { makeMemoryRequestLog } from "../../memory/index.ts"
import type { LogFull, RequestLogShape, SliceEnd, StoreShape } from "../../ports/index.ts"
import { IdempotencyKey, type RequestId, Scope } from "../../values.ts"
import { run } from "../sim/Sim.ts"
import { type Caught, howSoon } from "../zoo/zoo.ts"
import type { RequestLogAdapter } from "./RequestLogAdapter.ts"
import { requestConformance } from "./requestConformance.ts"

export interface RequestMutant extends RequestLogAdapter {
  /** What is wrong with it. */
  readonly about: string
  /** The law that it breaks. */
  readonly diesBy: string
}

type Decider = NonNullable<RequestLogAdapter["decider"]>

/**
 * Logs in this process by their ground: all that are opened on it are one, which goes by the name of the ground. `takes` is
 * how many may wait, whatever it is opened with.
 */
export const namedLogs = (
  change: (log: RequestLogShape, maxWaiting: number) => Partial<RequestLogShape> = () => ({}),
  takes?: number,
): Pick<RequestLogAdapter, "open" | "anew"> => {
  const logs = new Map<string, NamedLog>()
  return {
    open: (ground, maxWaiting) =>
      Effect.gen(function* () {
        const log = logs.get(ground) ?? (yield* makeNamedLog(ground, takes ?? maxWaiting))
        logs.set(ground, log)
        return { ...log.shape, ...change(log.shape, maxWaiting) }
      }),
    anew: (ground) => Effect.suspend(() => logs.get(ground)?.anew ?? Effect.void),
  }
}

interface NamedLog {
  readonly shape: RequestLogShape
  readonly anew: Effect.Effect<void>
}

/** A log in this process whose places say nothing but its name, as those of a topic may. */
const makeNamedLog = Effect.fnUntraced(function* (name: string, maxWaiting: number): Effect.fn.Return<NamedLog> {
  let current = yield* makeMemoryRequestLog({ maxWaiting })
  let isGone = yield* Latch.make(false)
  const renamed = (id: RequestId): RequestId => {
    const place = placeOf(id)
    // biome-ignore lint/plugin/casts: the command's id, as the place has it
    return place === undefined ? id : requestIdOf({ ...place, log: name }, place.commandId as never)
  }
  return {
    shape: {
      guarantees: current.guarantees,
      append: (claims) => Effect.suspend(() => Effect.map(current.append(claims), (ids) => ids.map(renamed))),
      serve: (decide) =>
        Effect.forever(
          Effect.suspend(() =>
            Effect.raceFirst(
              current.serve((slice) => decide({ ...slice, log: name })),
              isGone.await,
            ),
          ),
        ),
      holds: () => Effect.succeed(true),
      waiting: Effect.suspend(() => current.waiting),
    },
    anew: Effect.gen(function* () {
      const gone = isGone
      current = yield* makeMemoryRequestLog({ maxWaiting })
      isGone = yield* Latch.make(false)
      yield* gone.open
    }),
  }
})

const mutant = (
  diesBy: string,
  name: string,
  about: string,
  how: {
    readonly log?: Parameters<typeof namedLogs>[0]
    /** How many may wait in truth. */
    readonly takes?: number
    readonly decider?: Decider
  },
): RequestMutant => ({ name, about, diesBy, decider: how.decider, ...namedLogs(how.log, how.takes) })

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

/** Decides what was passed over, whether or not it has a verdict. */
const passedOverAgain: Decider = (store) => (slice) =>
  Effect.gen(function* () {
    const end = yield* decided(store, slice, (each, records) => decideSlice(each, records))
    const verdicts: ReadonlyArray<Verdict> = yield* Effect.orDie(store.scan("verdict", undefined, 10_000))
    yield* Effect.orDie(
      store.transact(keysOfMissed(slice), (records) => {
        const found = decideMissed(slice, { ...records, verdict: () => undefined })
        const { changes } = found
        if (changes === undefined) return found
        const verdict = changes.puts.verdict.map((own) => ({
          ...own,
          before: verdicts.find(({ requestId }) => requestId === own.after.requestId),
        }))
        return { ...found, changes: { ...changes, puts: { ...changes.puts, verdict } } }
      }),
    )
    return end
  })

/** Claims are kept as something else. */
const appending =
  (change: (claim: Claim) => Claim) =>
  (log: RequestLogShape): Partial<RequestLogShape> => ({ append: (claims) => log.append(claims.map(change)) })

const secondMillis = 1_000

const claimsAs =
  (change: (requests: Slice["requests"], now: number) => Slice["requests"]): Decider =>
  (store) =>
  (slice) =>
    Effect.flatMap(Clock.currentTimeMillis, (now) =>
      sliceDecider(store, () => {})({ ...slice, requests: change(slice.requests, now) }),
    )

export const requestMutants: ReadonlyArray<RequestMutant> = [
  mutant("REQ-01", "log that hands out all but one", "Of each slice the first request is left out.", {
    log: (log) => ({
      serve: (decide) => log.serve((slice) => decide({ ...slice, requests: slice.requests.slice(1) })),
    }),
  }),
  mutant("REQ-01", "log that holds nothing", "Of a request that waits the log says that it does not know it.", {
    log: () => ({ holds: () => Effect.succeed(false) }),
  }),
  mutant("REQ-01", "position not compared", "A slice is decided whoever has decided it.", {
    decider: withoutComparing,
  }),
  mutant("REQ-01", "position beside the tickets", "The position is committed after what it stands for.", {
    decider: besideItsPosition,
  }),
  mutant("REQ-01", "passed over for good", "What stands at places that count as decided is never decided.", {
    decider: (store) => (slice) => decided(store, slice, (each, records) => decideSlice(each, records)),
  }),
  mutant("REQ-01", "passed over and decided again", "What was passed over is decided as if it had no verdict.", {
    decider: passedOverAgain,
  }),
  mutant("REQ-02", "slice in another order", "The last of a slice is decided first.", {
    decider: claimsAs((requests) => requests.toReversed()),
  }),
  mutant("REQ-03", "stamped at the decision", "A claim is judged by the moment at which it is decided.", {
    decider: claimsAs((requests, at) => requests.map(({ offset, claim }) => ({ offset, claim: { ...claim, at } }))),
  }),
  mutant("REQ-04", "full after it has stored", "A log stores, and then says that it is full.", {
    takes: 1_000_000,
    log: (log, maxWaiting) => {
      let appended = 0
      const full = Effect.fail({ _tag: "LogFull", retryAfterMillis: 1 } as const)
      return {
        append: (claims) => {
          appended += claims.length
          return appended > maxWaiting ? Effect.andThen(log.append(claims), full) : log.append(claims)
        },
      }
    },
  }),
  mutant(
    "REQ-04",
    "full after a part",
    "Of what there is no room for a log stores what fits, and says that it is full.",
    {
      log: (log) => ({
        append: (claims) =>
          Effect.catchTag(log.append(claims), "LogFull", (full) =>
            Effect.andThen(
              Effect.forEach(claims, (claim) => log.append([claim])),
              Effect.fail(full),
            ),
          ),
      }),
    },
  ),
  mutant("REQ-04", "full for good", "A log that has said once that it is full takes nothing more.", {
    log: (log) => {
      let full: LogFull | undefined
      return {
        append: (claims) =>
          full === undefined
            ? Effect.tapError(log.append(claims), (fault) =>
                Effect.sync(() => {
                  if (fault._tag === "LogFull") full = fault
                }),
              )
            : Effect.fail(full),
      }
    },
  }),
  mutant("REQ-05", "claims in another scope", "The scope of a key is not kept with it.", {
    log: appending((claim) => ({ ...claim, scope: Scope.make("shop") })),
  }),
  mutant("REQ-05", "keys without case", "A key is kept in small letters.", {
    log: appending((claim) => ({ ...claim, key: IdempotencyKey.make(claim.key.toLowerCase()) })),
  }),
  mutant("REQ-05", "claims in seconds", "The moment of a claim is kept without its milliseconds.", {
    log: appending((claim) => ({ ...claim, at: Math.floor(claim.at / secondMillis) * secondMillis })),
  }),
  mutant("REQ-06", "nothing ever waits", "How many wait is not counted.", {
    log: () => ({ waiting: Effect.succeed(0) }),
  }),
  mutant("REQ-06", "all wait for ever", "What was decided counts as waiting.", {
    log: (log) => {
      let appended = 0
      return {
        append: (claims) =>
          Effect.tap(log.append(claims), (ids) =>
            Effect.sync(() => {
              appended += ids.length
            }),
          ),
        waiting: Effect.sync(() => appended),
      }
    },
  }),
  mutant("REQ-07", "append that never ends", "Now and then an append is not answered.", {
    log: (log) => {
      let calls = 0
      // As a commit that is not to be cut off.
      const never = Effect.uninterruptible(Effect.never)
      return { append: (claims) => (++calls % 5 === 0 ? never : log.append(claims)) }
    },
  }),
  mutant("REQ-07", "count that never ends", "Who asks how many wait is not answered.", {
    log: () => ({ waiting: Effect.never }),
  }),
]

/** The most trials of one seed. */
const mostTrials = 10
const settleMillis = 200

/** Hunts one mutant with each of the seeds. */
export const huntRequests = (adapter: RequestMutant, seeds: ReadonlyArray<number>): Caught => {
  const runs: Array<number> = []
  const laws: { [id: string]: number } = {}
  for (const seed of seeds) {
    for (let trial = 0; trial < mostTrials; trial++) {
      const broken = brokenBy(adapter, seed * mostTrials + trial)
      if (!broken.includes(adapter.diesBy)) continue
      runs.push(trial + 1)
      laws[adapter.diesBy] = (laws[adapter.diesBy] ?? 0) + 1
      break
    }
  }
  return { name: adapter.name, caught: runs.length, of: seeds.length, ...howSoon(runs), laws, workloads: {} }
}

/** The laws that one trial in simulated time breaks. */
export const brokenBy = (adapter: RequestLogAdapter, seed: number): ReadonlyArray<string> => {
  const trial = requestConformance(adapter, { rounds: 1, seed, settleMillis })
  // What is passed over is warned of, which would fill the log of whoever hunts.
  const { exit, stuck } = run(trial.pipe(Effect.provide(Logger.layer([]))), { seed })
  if (exit?._tag !== "Success") throw new Error(stuck?.message ?? "A trial of requests did not end.")
  return exit.value.laws.filter(({ verdict }) => verdict === "broken").map(({ id }) => id)
}
