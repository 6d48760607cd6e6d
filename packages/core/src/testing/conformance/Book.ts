/**
 * The book of a conformance run: what every law saw, which failed first and how small the failure could be made.
 */
import { Effect } from "effect"
import type { Law } from "../laws/Law.ts"
import { sizeOf } from "../trial/Plan.ts"
import type { Workload } from "../workloads/Workload.ts"
import { type Adapter, type Attempt, type Breach, breachOf } from "./Adapter.ts"
import type { Exhausted, Failure, LawReport, LawVerdict, Report, Unrepeatable } from "./Report.ts"
import type { Shrunk } from "./shrink.ts"
import { timelineHtml, timelineText } from "./timeline.ts"
import { tokenOf } from "./token.ts"

/** Makes a failure smaller. `earlier` is how many failures were made smaller before it. */
export type Shrinker = (law: Law, found: Attempt, earlier: number) => Effect.Effect<Shrunk>

/** Keeps the score of every law. */
export class Book {
  readonly #adapter: Adapter
  readonly #laws: ReadonlyArray<Law>
  readonly #shrink: Shrinker
  readonly #failures = new Map<string, Failure>()
  readonly #goals = new Map<string, number>()
  readonly #troubles: Array<string> = []
  #unrepeatable: Unrepeatable | undefined
  #exhausted: Exhausted = { plans: 0, schedules: 0 }
  #trials = 0
  #judged = 0
  #rounds = 0
  #repeated = 0

  constructor(adapter: Adapter, laws: ReadonlyArray<Law>, shrink: Shrinker) {
    this.#adapter = adapter
    this.#laws = laws
    this.#shrink = shrink
  }

  trouble(message: string): void {
    this.#troubles.push(message)
  }

  /** Notes a plan of which every schedule with few switches was tried. */
  exhausted(schedules: number): void {
    const { plans, schedules: before } = this.#exhausted
    this.#exhausted = { plans: plans + 1, schedules: before + schedules }
  }

  /** Notes that every workload has had its turn. */
  roundDone(): void {
    this.#rounds++
  }

  /** The workloads of laws that hold so far, and have not met their case yet. */
  get unmet(): ReadonlySet<Workload> {
    const waiting = this.#laws.filter(
      (law) => law.level !== "UNTESTED" && !this.#failures.has(law.id) && this.#unmetGoals(law).length > 0,
    )
    return new Set(waiting.map(({ workload }) => workload))
  }

  /** `token` where the trial came from one: then what fails keeps its token, and is small already. */
  judge(attempt: Attempt, token?: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.#trials++
      if (attempt.unopened === true) return Effect.void
      if (attempt.twice) this.#repeated++
      if (attempt.nondeterminism !== undefined) this.#unrepeated(attempt)
      const breaches = this.#breachesOf(attempt)
      return Effect.forEach(breaches, (breach) => this.#failed(breach, attempt, token), { discard: true })
    })
  }

  #breachesOf(attempt: Attempt): ReadonlyArray<Breach> {
    const { record } = attempt
    const open = this.#laws.filter(({ id }) => !this.#failures.has(id))
    if (record === undefined) {
      // Of all laws: where the one that stands for it has failed before, a trial without an end accuses no other one instead.
      const breach = breachOf(attempt, this.#laws)
      return breach === undefined || this.#failures.has(breach.law.id) ? [] : [breach]
    }
    this.#judged++
    const breaches: Array<Breach> = []
    for (const law of open) {
      for (const [goal, met] of Object.entries(law.sometimes)) {
        const name = `${law.id} ${goal}`
        if (met(record)) this.#goals.set(name, (this.#goals.get(name) ?? 0) + 1)
      }
      const violation = law.check(record)
      if (violation !== undefined) breaches.push({ law, violation })
    }
    return breaches
  }

  #unrepeated({ plan, tape, seed, nondeterminism }: Attempt): void {
    if (this.#unrepeatable !== undefined || nondeterminism === undefined) return
    const { message, strays } = nondeterminism
    this.#unrepeatable = { message, strays, token: tokenOf({ law: "replay", plan, tape, seed }) }
  }

  #failed(breach: Breach, found: Attempt, known: string | undefined): Effect.Effect<void> {
    const { law } = breach
    const small: Effect.Effect<Shrunk> =
      known === undefined
        ? Effect.suspend(() => this.#shrink(law, found, this.#failures.size))
        : Effect.succeed({ attempt: found, note: "known: its token was among the regressions" })
    return Effect.map(small, ({ attempt, note }) => {
      const shown = breachOf(attempt, [law]) ?? breach
      const { plan, tape, seed } = attempt
      const token = known ?? tokenOf({ law: law.id, plan, tape, seed })
      this.#failures.set(law.id, {
        law: law.id,
        message: shown.violation.message,
        token,
        known: known !== undefined,
        sizeFound: sizeOf(found.plan),
        size: sizeOf(plan),
        shrinking: note,
        timeline: timelineText(attempt, shown),
        html: timelineHtml(attempt, shown, token),
      })
    })
  }

  report(about: {
    readonly profile: string
    readonly seed: number
    readonly runs: "simulated" | "live"
    readonly millis: number
    /** Rounds after which a law that has not met its case counts as vacuous. */
    readonly enough: number
    readonly replaying: boolean
  }): Report {
    const { profile, seed, runs, millis, enough, replaying } = about
    const laws = this.#laws.map((law) => this.#lawReport(law, enough, replaying))
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
      ok:
        failures.length === 0 &&
        !vacuous &&
        this.#troubles.length === 0 &&
        this.#unrepeatable === undefined &&
        this.#trials > 0,
      nondeterminism: this.#unrepeatable,
      repeated: this.#repeated,
      exhausted: this.#exhausted,
      disclaims: [...this.#troubles, ...this.#cutShort(laws, enough), ...disclaims(this.#adapter, this.#laws, runs)],
      laws,
      failures,
    }
  }

  #lawReport(law: Law, enough: number, replaying: boolean): LawReport {
    const { id, level, title, sometimes } = law
    const goals = Object.fromEntries(
      Object.keys(sometimes).map((goal) => [goal, this.#goals.get(`${id} ${goal}`) ?? 0]),
    )
    const unmet = !replaying && this.#unmetGoals(law).length > 0
    return { id, level, title, verdict: this.#verdict(law, unmet, enough), trials: this.#judged, goals }
  }

  #unmetGoals({ id, sometimes }: Law): ReadonlyArray<string> {
    return Object.keys(sometimes).filter((goal) => !this.#goals.has(`${id} ${goal}`))
  }

  #verdict({ id, level }: Law, unmet: boolean, enough: number): LawVerdict {
    if (level === "UNTESTED") return "untested"
    if (this.#failures.has(id)) return "broken"
    if (this.#judged === 0) return "not run"
    if (!unmet) return "holds"
    return this.#rounds >= enough ? "vacuous" : "cut short"
  }

  #cutShort(laws: ReadonlyArray<LawReport>, enough: number): ReadonlyArray<string> {
    const open = laws.filter(({ verdict }) => verdict === "cut short").map(({ id }) => id)
    return open.length === 0
      ? []
      : [`its time was over after ${this.#rounds} of ${enough} rounds, before these met their case: ${open.join(", ")}`]
  }
}

const disclaims = (
  { guarantees, reopen, processes }: Adapter,
  laws: ReadonlyArray<Law>,
  runs: "simulated" | "live",
): ReadonlyArray<string> => [
  ...(guarantees.durability === "nothing" ? ["keeps nothing: what was acknowledged does not survive its process"] : []),
  ...(guarantees.durability === "process crash" ? ["does not claim to survive a power loss"] : []),
  ...(guarantees.standbys === "unheard"
    ? ["does not hear of a commit that stopped waiting for a standby: it is acknowledged, and a failover may lose it"]
    : []),
  ...(guarantees.scope === "many machines" ? [] : [`may be used by ${guarantees.scope} only`]),
  ...(runs === "live"
    ? ["run live: schedules are not chosen, so a failure may not replay, and shrinks only where it breaks again"]
    : []),
  ...(reopen === undefined ? ["untested here: real crashes of the store (DUR-01)"] : []),
  ...(processes === undefined ? untestedProcesses(laws) : []),
]

const untestedProcesses = (laws: ReadonlyArray<Law>): ReadonlyArray<string> => {
  const ids = laws.filter(({ needs }) => needs === "processes").map(({ id }) => id)
  return ids.length === 0 ? [] : [`untested here: processes with connections of their own (${ids.join(", ")})`]
}
