/**
 * What a conformance run says, as data, as a table, as JSON and as JUnit XML.
 */
import type { Guarantees } from "../../ports/index.ts"
import type { Level } from "../laws/Law.ts"

/**
 * How a law fared. Vacuous: it held, but what it is about never happened. Cut short: the same where the run's time was
 * over before all of its rounds were, which says something of the machine and nothing of the store.
 */
export type LawVerdict = "holds" | "broken" | "vacuous" | "cut short" | "untested" | "not run"

export interface LawReport {
  readonly id: string
  readonly level: Level
  readonly title: string
  readonly verdict: LawVerdict
  /** How many trials it judged. */
  readonly trials: number
  /** How often each of its goals was met. */
  readonly goals: { readonly [goal: string]: number }
}

export interface Failure {
  readonly law: string
  readonly message: string
  /** Runs the same trial again: the option `replay`, or a file among the regressions. */
  readonly token: string
  /** How large the plan was when it was found, and how large it is after shrinking: calls, steps and faults. */
  readonly sizeFound: number
  readonly size: number
  /** `shrunk from 9 to 4`, or why not. */
  readonly shrinking: string
  /** True where it was found again by the token of an earlier run. */
  readonly known: boolean
  readonly timeline: string
  readonly html: string
}

/** A trial that went otherwise when it was run again: the adapter asks the real clock or real chance. */
export interface Unrepeatable {
  /** Where the two runs part, and what each of them showed there. */
  readonly message: string
  /** Calls to the real clock or to real chance, with their places. */
  readonly strays: ReadonlyArray<string>
  readonly token: string
}

/** How many small plans were tried under every schedule with few switches, and how many schedules those were. */
export interface Exhausted {
  readonly plans: number
  readonly schedules: number
}

export interface Report {
  readonly adapter: string
  readonly guarantees: Guarantees
  readonly runs: "simulated" | "live"
  readonly profile: string
  readonly seed: number
  readonly trials: number
  readonly millis: number
  /** True where no law was broken, every repeated trial was the same and, but for the quick profile, no law was vacuous. */
  readonly ok: boolean
  readonly nondeterminism: Unrepeatable | undefined
  /** How many trials were run twice to see that they replay. */
  readonly repeated: number
  readonly exhausted: Exhausted
  /** What the adapter does not claim, or what this run could not show. */
  readonly disclaims: ReadonlyArray<string>
  readonly laws: ReadonlyArray<LawReport>
  readonly failures: ReadonlyArray<Failure>
}

/** The report as text: what is disclaimed first, then a line for each law, then every counterexample. */
export const reportTable = (report: Report): string => {
  const { adapter, runs, profile, seed, trials, millis } = report
  const rows = report.laws.map((law) => {
    const unmet = Object.entries(law.goals).flatMap(([goal, times]) => (times === 0 ? [goal] : []))
    const note = unmet.length > 0 ? `  never seen: ${unmet.join(", ")}` : ""
    return `${law.id}  ${law.level.padEnd(8)}  ${law.verdict.padEnd(8)}  ${String(law.trials).padStart(6)}  ${law.title}${note}`
  })
  const failures = report.failures.map(
    ({ timeline, token, shrinking }) => `\n${timeline}\n${shrinking}\nreplay: ${token}`,
  )
  return [
    ...nondeterminismLines(report),
    ...report.disclaims.map((each) => `! ${each}`),
    `${adapter}: ${report.ok ? "conforms" : "DOES NOT CONFORM"} (${profile}, ${runs}, seed ${seed}, ${trials} trials, ${millis} ms)`,
    ...(runs === "simulated" ? [simulatedLine(report)] : []),
    ...rows,
    ...failures,
  ].join("\n")
}

const nondeterminismLines = ({ nondeterminism }: Report): ReadonlyArray<string> =>
  nondeterminism === undefined
    ? []
    : [
        `! NOT DETERMINISTIC: ${nondeterminism.message}`,
        ...nondeterminism.strays.map((stray) => `!   asked: ${stray}`),
        `!   replay: ${nondeterminism.token}`,
      ]

const simulatedLine = ({ repeated, exhausted: { plans, schedules } }: Report): string =>
  `${repeated} trials were run twice${plans === 0 ? "" : `; all ${schedules} schedules of ${plans} small plans were tried`}`

export const reportJson = (report: Report): string => JSON.stringify(report, undefined, 2)

/** One test case for each law, as JUnit's XML. */
export const reportJUnit = (report: Report): string => {
  const failureOf = new Map(report.failures.map((failure) => [failure.law, failure]))
  const cases = report.laws.map(({ id, title, verdict }) => {
    const name = `<testcase classname="${attribute(report.adapter)}" name="${attribute(`${id} ${title}`)}"`
    const failure = failureOf.get(id)
    if (verdict === "broken") {
      return `${name}><failure message="${attribute(failure?.message ?? "broken")}">${attribute(failure?.timeline ?? "")}</failure></testcase>`
    }
    if (verdict === "vacuous" && report.profile !== "quick") return `${name}><failure message="vacuous"/></testcase>`
    return verdict === "holds" ? `${name}/>` : `${name}><skipped message="${verdict}"/></testcase>`
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuite name="${attribute(report.adapter)}" tests="${report.laws.length}" failures="${report.failures.length}" time="${report.millis / 1_000}">\n${cases.join("\n")}\n</testsuite>\n`
}

const attribute = (text: string): string =>
  text
    .replaceAll("&", "&amp;")
    .replaceAll("<", "&lt;")
    .replaceAll(">", "&gt;")
    .replaceAll('"', "&quot;")
    // XML knows no control characters.
    .replace(/\p{Cc}/gu, (control) => (control === "\n" ? "&#10;" : " "))
