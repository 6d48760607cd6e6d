/**
 * The committed baseline: trials to the catch and what caught, and who has fallen behind it.
 */
import { readFileSync, writeFileSync } from "node:fs"
import type { Zoo } from "@holdfast/core/testing"

/** How a mutant usually fares. */
interface Usual {
  /** Trials to the catch, on average. */
  readonly meanRuns: number
  /** The workloads that caught it. */
  readonly workloads: ReadonlyArray<string>
}

export type Baseline = Readonly<Record<string, Usual>>

const baselineFile = new URL("../baseline.json", import.meta.url)

/** Means below this are noise: one trial more is no lost tooth. */
const least = 10
/** A mean that has grown by more than this is one. */
const mostGrowth = 3

export const readBaseline = (): Baseline => JSON.parse(readFileSync(baselineFile, "utf8"))

export const writeBaseline = (caught: ReadonlyArray<Zoo.Caught>): void => {
  const baseline: Baseline = Object.fromEntries(
    caught.map(({ name, meanRuns, workloads }) => [name, { meanRuns, workloads: Object.keys(workloads).sort() }]),
  )
  writeFileSync(baselineFile, `${JSON.stringify(baseline, undefined, 2)}\n`)
}

/** What is wrong with how mutants fared, in sentences: escapes, means far above the baseline, and names that only one knows. */
export const lostTeeth = (
  caught: ReadonlyArray<Pick<Zoo.Caught, "name" | "caught" | "of" | "meanRuns">>,
  baseline: Baseline,
): ReadonlyArray<string> => {
  const problems: Array<string> = []
  for (const { name, caught: times, of, meanRuns } of caught) {
    if (times < of) problems.push(`${name} escaped ${of - times} of ${of} times`)
    const usual = baseline[name]?.meanRuns
    if (usual === undefined) problems.push(`${name} is not in the baseline`)
    else if (meanRuns > mostGrowth * Math.max(usual, least)) {
      problems.push(`${name} took ${meanRuns} trials on average; the baseline is ${usual}`)
    }
  }
  for (const name of Object.keys(baseline)) {
    if (!caught.some((each) => each.name === name)) problems.push(`${name} is in the baseline and not in the zoo`)
  }
  return problems
}
