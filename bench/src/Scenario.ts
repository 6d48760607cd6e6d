/**
 * What a benchmark is: add one by one file in `scenarios/` that exports a `scenario`.
 *
 * A scenario measures and answers numbers. It prints nothing but progress, and it decides about no pass mark: figures are
 * of one machine, and only ratios within one run are worth comparing.
 */
import type { Plot } from "./plot.ts"

export interface Scenario {
  readonly name: string
  /** One line for the list of scenarios. */
  readonly about: string
  /** The heap it needs. With a smaller limit the program starts itself again with this one. */
  readonly heapMegabytes?: ((context: Pick<Context, "quick">) => number) | undefined
  readonly run: (context: Context) => Promise<Result>
}

export interface Context {
  /** Less of everything, to see that it works. */
  readonly quick: boolean
  /** More of what takes long: for a scenario that says so. */
  readonly large?: boolean | undefined
  /** So little that figures mean nothing: for the test that every scenario still runs and still adds up. */
  readonly tiny?: boolean | undefined
  /** The PostgreSQL server. Default: the one that `DATABASE_URL` names, else a private one. */
  readonly url?: string | undefined
  /** Says what is being done, on standard error. */
  readonly progress: (text: string) => void
  /** Remembers what is to be undone when the run ends, however it ends. The last one comes first; each has some seconds. */
  readonly atEnd: (step: () => unknown) => void
}

export interface Result {
  /** What is compared: quotients of two figures that were measured in turns; null where one of the two is missing here. */
  readonly ratios: Readonly<Record<string, number | null>>
  /** What was measured, with its unit at the end of its name. */
  readonly figures: Readonly<Record<string, number>>
  /** Whether everything that was sold in the meantime is right, by the shop's own audit. */
  readonly audit: { readonly ok: boolean }
  readonly plots?: ReadonlyArray<Plot> | undefined
  /** What is better read than drawn, such as a query's plan. */
  readonly texts?: ReadonlyArray<{ readonly title: string; readonly text: string }> | undefined
  /** What each number means, for the table and the page. */
  readonly notes?: Readonly<Record<string, string>> | undefined
}
