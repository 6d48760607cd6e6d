/**
 * `conformance`: puts an adapter to the test of every law, and says what it found.
 *
 * Simulated adapters get a fresh store and a chosen schedule for each trial; what breaks is shrunk and replays. Live ones
 * get one store for the whole run, clients side by side in real time, the same laws and the same faults at the port.
 */
import { Clock, Effect, type Scope } from "effect"
import type { Law } from "../laws/Law.ts"
import { laws as allLaws } from "../laws/laws.ts"
import { replay, type Strategy } from "../sim/strategies.ts"
import type { Plan } from "../trial/Plan.ts"
import { workloadsFor } from "../workloads/workloads.ts"
import { type Adapter, type Attempt, lawFor, simulate } from "./Adapter.ts"
import { Book, type Shrinker } from "./Book.ts"
import { exhaust } from "./exhaust.ts"
import { makeLiveStore } from "./live.ts"
import type { Report } from "./Report.ts"
import { shrink, shrinkLive } from "./shrink.ts"
import { replayOf } from "./token.ts"
import { standardRounds, trialAt } from "./trials.ts"

export type Profile = "quick" | "standard" | "soak"

export interface ConformanceOptions {
  /** How much is tried: quick for every save, standard (default) for every change, soak for every night. */
  readonly profile?: Profile | undefined
  /** Fixes every plan and schedule. Default 1. */
  readonly seed?: number | undefined
  /**
   * Begins no trial after this long. Where it is not given, 8 s, 20 s (live 100 s) or 30 min by profile, a run then goes
   * on with the trials of laws that have not met their case, for at most 15 min more: a slow machine makes no law vacuous.
   */
  readonly budgetMillis?: number | undefined
  /** The most rounds of all workloads. Default by profile: 35, 170, 100,000; live 5, 40, 100,000. */
  readonly rounds?: number | undefined
  /** How long a live trial may stand still before it counts as one that never ends. Default 30 s. */
  readonly trialMillis?: number | undefined
  /** Which laws are judged: ids, `*` at the end for a group: `STK-*,CPN-04`. Default all. */
  readonly laws?: string | undefined
  /** Runs this trial and nothing else. */
  readonly replay?: string | undefined
  /** Tokens of earlier failures, run first. */
  readonly regressions?: ReadonlyArray<string> | undefined
  /** Laws of your own beside the kit's. Their workloads are run as well. */
  readonly extraLaws?: ReadonlyArray<Law> | undefined
}

/** Rounds of all workloads. A live trial takes ten to thirty times as long as a simulated one. */
const roundsOf: { readonly [P in Profile]: { readonly simulated: number; readonly live: number } } = {
  quick: { simulated: 35, live: 5 },
  standard: { simulated: standardRounds, live: 40 },
  soak: { simulated: 100_000, live: 100_000 },
}
const budgetOf: { readonly [P in Profile]: { readonly simulated: number; readonly live: number } } = {
  quick: { simulated: 8_000, live: 30_000 },
  standard: { simulated: 20_000, live: 100_000 },
  soak: { simulated: 1_800_000, live: 1_800_000 },
}
/** How long a run goes on for laws that have not met their case. */
const mostOvertimeMillis = 900_000
/** Every so many rounds each trial is run twice, to see that it replays. */
const roundsPerAudit = 10
/** How often a known failure is run again where no schedule can be played. */
const liveRepeats = 10
/** Runs that shrinking the first failure may take. Every further one gets half of the one before, but no less than 200. */
const mostShrinkingRuns = 3_000
/** Runs the laws. Never fails: what is wrong is in the report. */
export const conformance = (adapter: Adapter, options: ConformanceOptions = {}): Effect.Effect<Report> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { profile = "standard", seed = 1 } = options
      const runs = adapter.runs ?? "live"
      const laws = lawsOf(adapter, options)
      const began = yield* Clock.currentTimeMillis
      const endsAt = began + (options.budgetMillis ?? budgetOf[profile][runs])
      // Nobody waits for the laws of a quick run.
      const latest = options.budgetMillis !== undefined || profile === "quick" ? endsAt : endsAt + mostOvertimeMillis
      const rounds = options.rounds ?? roundsOf[profile][runs]
      const runner = runs === "simulated" ? simulated(adapter) : yield* live(adapter, options.trialMillis)
      const book = new Book(adapter, laws, runner.shrink)
      const before = (end: number) =>
        Effect.map(Clock.currentTimeMillis, (now) => now < end && runner.trouble() === undefined)
      const known = options.replay === undefined ? (options.regressions ?? []) : [options.replay]
      yield* Effect.forEach(known, (token) => again(token, runner, book), { discard: true })
      if (options.replay === undefined) {
        const usual = workloadsFor(adapter)
        const extra = new Set(laws.flatMap(({ level, workload }) => (level === "UNTESTED" ? [] : [workload])))
        const offered = [...usual, ...Array.from(extra).filter((each) => !usual.includes(each))]
        for (let round = 0; round < rounds; round++) {
          if (!(yield* before(latest)) || (!(yield* before(endsAt)) && book.unmet.size === 0)) break
          for (const [index, workload] of offered.entries()) {
            if (!(yield* before(book.unmet.has(workload) ? latest : endsAt))) continue
            const { plan, strategy } = trialAt(seed, round, index, workload)
            yield* book.judge(yield* runner.attempt(plan, strategy, seed, round % roundsPerAudit === 0))
            // Whatever else this process does goes on meanwhile.
            yield* Effect.yieldNow
          }
          book.roundDone()
        }
        if (runs === "simulated" && profile !== "quick") yield* exhaust(adapter, seed, book, before(endsAt))
      }
      const trouble = runner.trouble()
      if (trouble !== undefined) book.trouble(trouble)
      const millis = (yield* Clock.currentTimeMillis) - began
      const enough = Math.min(rounds, roundsOf.standard[runs])
      return book.report({ profile, seed, runs, millis, enough, replaying: options.replay !== undefined })
    }),
  )

/** How trials are run: simulated or live. */
interface Runner {
  readonly attempt: (plan: Plan, strategy: Strategy, seed: number, twice: boolean) => Effect.Effect<Attempt>
  readonly shrink: Shrinker
  /** How often the trial of a token is run. */
  readonly repeats: number
  /** Why no more trials can be run; undefined while they can. */
  readonly trouble: () => string | undefined
}

const simulated = (adapter: Adapter): Runner => ({
  attempt: (plan, strategy, seed, twice) => Effect.sync(() => simulate(adapter, plan, strategy, seed, twice)),
  shrink: (law, found, earlier) =>
    Effect.sync(() => shrink(adapter, law, found, Math.max(200, mostShrinkingRuns / 2 ** earlier))),
  repeats: 1,
  trouble: () => undefined,
})

const live = (adapter: Adapter, trialMillis: number | undefined): Effect.Effect<Runner, never, Scope.Scope> =>
  Effect.map(makeLiveStore(adapter, trialMillis === undefined ? {} : { trialMillis }), ({ attempt, trouble }) => ({
    attempt: (plan, _strategy, seed) => attempt(plan, seed),
    shrink: (law, found) => shrinkLive(attempt, law, found),
    repeats: liveRepeats,
    trouble,
  }))

/** Runs the trial of a token. */
const again = Effect.fnUntraced(function* (token: string, { attempt, repeats, trouble }: Runner, book: Book) {
  const trial = replayOf(token)
  if (trial === undefined) return book.trouble(`This is no replay token: ${token.slice(0, 60)}`)
  for (let run = 0; run < repeats && trouble() === undefined; run++) {
    yield* book.judge(yield* attempt(trial.plan, replay(trial.tape), trial.seed, true), token)
  }
})

/** The laws that a run judges, and those that this adapter leaves untested. */
export const lawsOf = (
  adapter: Adapter,
  { laws, extraLaws = [] }: Pick<ConformanceOptions, "laws" | "extraLaws">,
): ReadonlyArray<Law> => selected([...allLaws, ...extraLaws], laws).map(lawFor(adapter))

/** The laws that a filter names. */
const selected = (laws: ReadonlyArray<Law>, filter: string | undefined): ReadonlyArray<Law> => {
  if (filter === undefined) return laws
  const patterns = filter.split(",").map((each) => each.trim())
  return laws.filter(({ id }) =>
    patterns.some((pattern) => (pattern.endsWith("*") ? id.startsWith(pattern.slice(0, -1)) : id === pattern)),
  )
}
