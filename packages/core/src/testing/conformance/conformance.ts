/**
 * `conformance`: puts an adapter to the test of every law, and says what it found.
 *
 * Simulated adapters get a fresh store and a chosen schedule for each trial; what breaks is shrunk and replays. Live ones
 * get one store for the whole run, clients side by side in real time, the same laws and the same faults at the port.
 */
import { Cause, Clock, Context, Effect, Layer, type Scope } from "effect"
import { Store, type StoreFault, type StoreShape } from "../../ports/Store.ts"
import type { Law } from "../laws/Law.ts"
import { laws as allLaws } from "../laws/laws.ts"
import { type Plan, sizeOf } from "../laws/Plan.ts"
import { runPlan } from "../laws/runPlan.ts"
import { workloads } from "../laws/workloads.ts"
import { replay, type Strategy } from "../sim/strategies.ts"
import { type Adapter, type Attempt, type Breach, breachOf, simulate } from "./Adapter.ts"
import type { Failure, LawReport, LawVerdict, Report } from "./Report.ts"
import { shrink } from "./shrink.ts"
import { timelineHtml, timelineText } from "./timeline.ts"
import { replayOf, tokenOf } from "./token.ts"
import { standardRounds, trialAt } from "./trials.ts"

export type Profile = "quick" | "standard" | "soak"

export interface ConformanceOptions {
  /** How much is tried: quick for every save, standard (default) for every change, soak for every night. */
  readonly profile?: Profile | undefined
  /** Fixes every plan and schedule. Default 1. */
  readonly seed?: number | undefined
  /** Stops early after this long. Default by profile: 8 s, 20 s (live 120 s), 30 min. */
  readonly budgetMillis?: number | undefined
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
  standard: { simulated: 20_000, live: 120_000 },
  soak: { simulated: 1_800_000, live: 1_800_000 },
}
/** How long one live trial may take before it counts as one that never ends. */
const liveTrialMillis = 30_000

/** Runs the laws. Never fails: what is wrong is in the report. */
export const conformance = (adapter: Adapter, options: ConformanceOptions = {}): Effect.Effect<Report> =>
  Effect.scoped(
    Effect.gen(function* () {
      const { profile = "standard", seed = 1 } = options
      const runs = adapter.runs ?? "live"
      const laws = selected([...allLaws, ...(options.extraLaws ?? [])], options.laws)
      const book = new Book(adapter, laws, runs === "simulated")
      const began = yield* Clock.currentTimeMillis
      const endsAt = began + (options.budgetMillis ?? budgetOf[profile][runs])
      const attempt = runs === "simulated" ? simulated(adapter) : yield* live(adapter, book)
      const known = options.replay === undefined ? (options.regressions ?? []) : [options.replay]
      for (const token of known) {
        const trial = replayOf(token)
        if (trial === undefined) book.trouble(`This is no replay token: ${token.slice(0, 60)}`)
        else book.judge(yield* attempt(trial.plan, replay(trial.tape), trial.seed))
      }
      if (options.replay === undefined) {
        const extra = new Set(laws.map(({ workload }) => workload).filter((each) => !workloads.includes(each)))
        const offered = [...workloads, ...extra]
        for (let round = 0; round < roundsOf[profile][runs]; round++) {
          for (const [index, workload] of offered.entries()) {
            if ((yield* Clock.currentTimeMillis) >= endsAt) break
            const { plan, strategy } = trialAt(seed, round, index, workload)
            book.judge(yield* attempt(plan, strategy, seed))
            // Whatever else this process does goes on meanwhile.
            yield* Effect.yieldNow
          }
        }
      }
      const millis = (yield* Clock.currentTimeMillis) - began
      return book.report({ profile, seed, runs, millis, replaying: options.replay !== undefined })
    }),
  )

type AttemptPlan = (plan: Plan, strategy: Strategy, seed: number) => Effect.Effect<Attempt>

const simulated =
  (adapter: Adapter): AttemptPlan =>
  (plan, strategy, seed) =>
    Effect.sync(() => simulate(adapter, plan, strategy, seed))

/** One store for all trials, kept apart by the prefixes of their ids. */
const live = Effect.fnUntraced(function* (
  adapter: Adapter,
  book: Book,
): Effect.fn.Return<AttemptPlan, never, Scope.Scope> {
  const built = yield* Effect.exit(Layer.build(adapter.layer))
  if (built._tag === "Failure") {
    book.trouble(`The store could not be built: ${Cause.pretty(built.cause)}`)
    return (plan, _strategy, seed) => Effect.succeed({ plan, seed, tape: [], record: undefined, trouble: "no store" })
  }
  const store = Context.get(built.value, Store)
  // Of one width, so that no trial's prefix begins another's; the time keeps runs on a durable store apart.
  const run = (yield* Clock.currentTimeMillis).toString(36).padStart(9, "0")
  let trials = 0
  return (plan, _strategy, seed) =>
    liveTrial(adapter, store, plan, seed, `t${run}${(trials++).toString(36).padStart(5, "0")}`)
})

const liveTrial = (
  adapter: Adapter,
  store: StoreShape,
  plan: Plan,
  seed: number,
  prefix: string,
): Effect.Effect<Attempt> => {
  const trial = Effect.scoped(runPlan(plan, store, { prefix, tampering: adapter.tampering }))
  const attempt = { plan, seed, tape: [] }
  return Effect.timeoutOption(Effect.exit(trial), liveTrialMillis).pipe(
    Effect.map((ended): Attempt => {
      if (ended._tag === "None") {
        return { ...attempt, record: undefined, trouble: `The trial had not ended after ${liveTrialMillis} ms.` }
      }
      const exit = ended.value
      return exit._tag === "Success"
        ? { ...attempt, record: exit.value, trouble: undefined }
        : { ...attempt, record: undefined, trouble: Cause.pretty<StoreFault>(exit.cause) }
    }),
  )
}

/** The laws that a filter names. */
const selected = (laws: ReadonlyArray<Law>, filter: string | undefined): ReadonlyArray<Law> => {
  if (filter === undefined) return laws
  const patterns = filter.split(",").map((each) => each.trim())
  return laws.filter(({ id }) =>
    patterns.some((pattern) => (pattern.endsWith("*") ? id.startsWith(pattern.slice(0, -1)) : id === pattern)),
  )
}

/** Keeps the score of every law. */
class Book {
  readonly #adapter: Adapter
  readonly #laws: ReadonlyArray<Law>
  readonly #shrinks: boolean
  readonly #failures = new Map<string, Failure>()
  readonly #goals = new Map<string, number>()
  readonly #troubles: Array<string> = []
  #trials = 0
  #judged = 0

  constructor(adapter: Adapter, laws: ReadonlyArray<Law>, shrinks: boolean) {
    this.#adapter = adapter
    this.#laws = laws
    this.#shrinks = shrinks
  }

  trouble(message: string): void {
    this.#troubles.push(message)
  }

  judge(attempt: Attempt): void {
    this.#trials++
    const { record } = attempt
    const open = this.#laws.filter(({ id }) => !this.#failures.has(id))
    if (record === undefined) {
      const breach = breachOf(attempt, open)
      if (breach !== undefined) this.#failed(breach, attempt)
      return
    }
    this.#judged++
    for (const law of open) {
      for (const [goal, met] of Object.entries(law.sometimes)) {
        const name = `${law.id} ${goal}`
        if (met(record)) this.#goals.set(name, (this.#goals.get(name) ?? 0) + 1)
      }
      const violation = law.check(record)
      if (violation !== undefined) this.#failed({ law, violation }, attempt)
    }
  }

  #failed(breach: Breach, found: Attempt): void {
    const { law } = breach
    const smallest = this.#shrinks ? shrink(this.#adapter, law, found) : found
    const shown = breachOf(smallest, [law]) ?? breach
    const token = tokenOf({ law: law.id, plan: smallest.plan, tape: smallest.tape, seed: smallest.seed })
    const { record } = smallest
    this.#failures.set(law.id, {
      law: law.id,
      message: shown.violation.message,
      token,
      sizeFound: sizeOf(found.plan),
      size: sizeOf(smallest.plan),
      timeline: record === undefined ? shown.violation.message : timelineText(record, shown),
      html: record === undefined ? "" : timelineHtml(record, shown, token),
    })
  }

  report(about: {
    readonly profile: Profile
    readonly seed: number
    readonly runs: "simulated" | "live"
    readonly millis: number
    readonly replaying: boolean
  }): Report {
    const { profile, seed, runs, millis, replaying } = about
    const laws = this.#laws.map((law) => this.#lawReport(law, replaying))
    const failures = Array.from(this.#failures.values())
    const vacuous = profile !== "quick" && laws.some(({ verdict }) => verdict === "vacuous")
    const { guarantees, name } = this.#adapter
    return {
      adapter: name,
      guarantees,
      runs,
      profile,
      seed,
      trials: this.#trials,
      millis,
      ok: failures.length === 0 && !vacuous && this.#troubles.length === 0 && this.#trials > 0,
      disclaims: [...this.#troubles, ...disclaims(this.#adapter, runs)],
      laws,
      failures,
    }
  }

  #lawReport(law: Law, replaying: boolean): LawReport {
    const { id, level, title, sometimes } = law
    const goals = Object.fromEntries(
      Object.keys(sometimes).map((goal) => [goal, this.#goals.get(`${id} ${goal}`) ?? 0]),
    )
    const unmet = Object.values(goals).some((times) => times === 0)
    return { id, level, title, verdict: this.#verdict(law, unmet && !replaying), trials: this.#judged, goals }
  }

  #verdict({ id, level }: Law, unmet: boolean): LawVerdict {
    if (level === "UNTESTED") return "untested"
    if (this.#failures.has(id)) return "broken"
    if (this.#judged === 0) return "not run"
    return unmet ? "vacuous" : "holds"
  }
}

const disclaims = ({ guarantees }: Adapter, runs: "simulated" | "live"): ReadonlyArray<string> => [
  ...(guarantees.durability === "nothing" ? ["keeps nothing: what was acknowledged does not survive its process"] : []),
  ...(guarantees.durability === "process crash" ? ["does not claim to survive a power loss"] : []),
  ...(guarantees.scope === "many machines" ? [] : [`may be used by ${guarantees.scope} only`]),
  ...(runs === "live" ? ["run live: a failure may not replay, and is not shrunk"] : []),
  "untested here: real crashes of the store (DUR-01)",
]
