/**
 * A law: one promise, as data. What it says, why anybody should care, the plans that put it to the test, and how a trial
 * is judged.
 *
 * A law that holds because nothing interesting happened proves nothing, so each names what must happen *sometimes*: a law
 * whose goals are never met is reported as vacuous.
 */
import type { Op, TrialRecord } from "../trial/Trial.ts"
import type { Workload } from "../workloads/Workload.ts"

/** MUST and SHOULD are checked in every profile; SAMPLED only by chance; UNTESTED is a promise that nothing here checks. */
export type Level = "MUST" | "SHOULD" | "SAMPLED" | "UNTESTED"

/** How a law was broken. */
export interface Violation {
  readonly message: string
  /** The calls in question, if there are any. */
  readonly ops: ReadonlyArray<Op>
}

export interface Law {
  /** Stable: `STK-01`. */
  readonly id: string
  readonly level: Level
  /** What is promised, as a sentence. */
  readonly title: string
  /** Why it matters, in one sentence. */
  readonly why: string
  /** What an adapter must bring along to be tested by it. Without that the law is reported as untested. */
  readonly needs?: "reopen" | "processes"
  /** Makes plans that put the law to the test. Laws with the same workload share its trials. */
  readonly workload: Workload
  readonly check: (trial: TrialRecord) => Violation | undefined
  /** What must have happened in at least one trial, by name. */
  readonly sometimes: { readonly [goal: string]: (trial: TrialRecord) => boolean }
}

/** Declares a law; teams add laws for their own policies with it. */
export const defineLaw = (law: Law): Law => law

export const broken = (message: string, ...ops: ReadonlyArray<Op>): Violation => ({ message, ops })
