/**
 * The comparison that most scenarios hold: ours with 64 callers, beside `select … for update` on a connection per caller and
 * in the pool that suits it best.
 */
import type { Plot } from "../plot.ts"
import type { Context } from "../Scenario.ts"
import type { BenchDatabase } from "./BenchDatabase.ts"
import { Comparison, during, type Sizes, type Step, sizesOf, toTheBetter } from "./Comparison.ts"
import { Textbook, type Work } from "./Textbook.ts"

export interface Sides {
  /** One call of a caller of the shop. */
  readonly ours: () => Promise<unknown>
  readonly interactive: Work
  /** What callers do, for the plot. */
  readonly title: string
  readonly yLabel: string
  /** Which other sides there are, by name. One without a step is sampled by another's. */
  readonly others?: Readonly<Record<string, { readonly name: string; readonly step?: Step | undefined }>> | undefined
  /** The step of our turn, where it is not just {@link ours} for the time of a turn. */
  readonly turn?: Step | undefined
  readonly sizes?: Sizes | undefined
}

export interface Outcome {
  readonly comparison: Comparison
  readonly ratios: { readonly toInteractive64: number | null; readonly toInteractiveBest: number | null }
  readonly figures: Readonly<Record<string, number>>
  readonly plot: Plot
}

export const againstInteractive = async (
  context: Context,
  database: BenchDatabase,
  { ours, interactive, title, yLabel, others = {}, turn, sizes = { millis: 3_000, rounds: 5 } }: Sides,
): Promise<Outcome> => {
  const { millis, rounds } = sizesOf(context, sizes)
  const textbook = new Textbook(database, context, millis)
  const best = await textbook.bestPool(interactive)
  const comparison = new Comparison(context)
  await comparison.run(rounds, [
    turn ?? (async () => ({ ours64: await during(database, millis, 64, ours) })),
    textbook.step(textbook.many, { interactive64: interactive }),
    textbook.step(best, { interactiveBest: interactive }),
    ...Object.values(others).flatMap(({ step }) => step ?? []),
  ])
  const toInteractive64 = comparison.ratio("ours64", "interactive64")
  const bars = comparison.bars({
    ours64: "ours",
    interactive64: `FOR UPDATE, ${textbook.many} connections`,
    interactiveBest: `FOR UPDATE, ${best} connections`,
    ...Object.fromEntries(Object.entries(others).map(([key, { name }]) => [key, name])),
  })
  return {
    comparison,
    ratios: {
      toInteractive64,
      toInteractiveBest: toTheBetter(toInteractive64, comparison.ratio("ours64", "interactiveBest")),
    },
    figures: { ...comparison.figures(), bestPoolConnections: best },
    plot: {
      type: "bars",
      title,
      caption: "Medians over the rounds. 64 callers, where nothing else is said.",
      yLabel,
      bars,
    },
  }
}

/** What the ratios mean. */
export const interactiveNotes = (must64: string, mustBest: string): Readonly<Record<string, string>> => ({
  toInteractive64: `64 callers: ours / SELECT FOR UPDATE on 64 connections${must64}`,
  toInteractiveBest: `the same / its best pool size of 4, 8, 16 and 64${mustBest}`,
})
