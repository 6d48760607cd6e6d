/**
 * What a conformance run says, as data, as a table, as JSON and as JUnit XML.
 */
import type { Guarantees } from "../../ports/Store.ts"
import type { Level } from "../laws/Law.ts"

/** How a law fared. Vacuous: it held, but what it is about never happened. */
export type LawVerdict = "holds" | "broken" | "vacuous" | "untested" | "not run"

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
  readonly timeline: string
  readonly html: string
}

export interface Report {
  readonly adapter: string
  readonly guarantees: Guarantees
  readonly runs: "simulated" | "live"
  readonly profile: string
  readonly seed: number
  readonly trials: number
  readonly millis: number
  /** True where no law was broken and, but for the quick profile, none was vacuous. */
  readonly ok: boolean
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
    ({ timeline, token, size, sizeFound }) => `\n${timeline}\nshrunk from ${sizeFound} to ${size}\nreplay: ${token}`,
  )
  return [
    ...report.disclaims.map((each) => `! ${each}`),
    `${adapter}: ${report.ok ? "conforms" : "DOES NOT CONFORM"} (${profile}, ${runs}, seed ${seed}, ${trials} trials, ${millis} ms)`,
    ...rows,
    ...failures,
  ].join("\n")
}

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
