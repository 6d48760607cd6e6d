/**
 * A comparison: several ways of doing the same thing, measured in turns, round after round, and compared within a round.
 */
import type { Context } from "../Scenario.ts"
import { median, percentile, quotientsOf, significant, spreadText } from "../statistics.ts"
import type { BenchDatabase } from "./BenchDatabase.ts"

/** What one turn showed. */
export interface Sample {
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** CPU time of the server per call, in microseconds; undefined where the server is elsewhere. */
  readonly serverMicros?: number | undefined
}

/** How long a turn lasts and how many rounds count. */
export interface Sizes {
  readonly millis: number
  readonly rounds: number
}

export const sizesOf = ({ quick, tiny }: Context, full: Sizes = { millis: 2_000, rounds: 5 }): Sizes =>
  tiny ? { millis: 30, rounds: 1 } : quick ? { millis: Math.min(400, full.millis), rounds: 3 } : full

/**
 * One step of a round: the samples of those who take part in it, by name. A side that is missing here has none.
 */
export type Step = () => Promise<Readonly<Record<string, Sample | undefined>>>

export class Comparison {
  readonly #progress: Context["progress"]
  readonly #tiny: boolean
  readonly #samples = new Map<string, Array<Sample>>()

  constructor({ progress, tiny = false }: Context) {
    this.#progress = progress
    this.#tiny = tiny
  }

  /** Takes all steps in every round, after one that warms up and does not count. */
  async run(rounds: number, steps: ReadonlyArray<Step>): Promise<void> {
    if (!this.#tiny) {
      this.#progress("warming up")
      for (const step of steps) await step()
    }
    await this.measure(rounds, steps)
  }

  /** Takes all steps in every round. The order turns from round to round. */
  async measure(rounds: number, steps: ReadonlyArray<Step>): Promise<void> {
    for (let round = 1; round <= rounds; round++) {
      this.#progress(`round ${round} of ${rounds}`)
      for (const step of round % 2 === 1 ? steps : steps.toReversed()) {
        for (const [name, sample] of Object.entries(await step())) this.#add(name, sample)
      }
    }
  }

  #add(name: string, sample: Sample | undefined): void {
    if (sample !== undefined) this.#samples.set(name, [...(this.#samples.get(name) ?? []), sample])
  }

  /** The median over the rounds of one quotient; null, and said so, where one of the two is missing. */
  ratio(
    above: string,
    below: string,
    figure: "perSecond" | "p50" | "p99" | "serverMicros" = "perSecond",
  ): number | null {
    const of = (name: string) => (this.#samples.get(name) ?? []).flatMap((sample) => sample[figure] ?? [])
    const [over, under] = [of(above), of(below)]
    if (over.length === 0 || under.length === 0) {
      this.#progress(`LEFT OUT: ${above} / ${below}, because ${over.length === 0 ? above : below} is missing here`)
      return null
    }
    const quotients = quotientsOf(over, under)
    this.#progress(`${above} / ${below} (${figure}): ${spreadText(quotients)}`)
    return significant(median(quotients), 3)
  }

  /** The median over the rounds of one figure; NaN where it is missing here. */
  median(name: string, figure: "perSecond" | "p50" | "p99"): number {
    return median((this.#samples.get(name) ?? []).map((sample) => sample[figure]))
  }

  /** Medians over the rounds. */
  figures(): Record<string, number> {
    const figures: Record<string, number> = {}
    for (const [name, all] of this.#samples) {
      figures[`${name}PerSecond`] = Math.round(median(all.map(({ perSecond }) => perSecond)))
      figures[`${name}P50Millis`] = significant(median(all.map(({ p50 }) => p50)), 3)
      if (all.every(({ p99 }) => p99 > 0))
        figures[`${name}P99Millis`] = significant(median(all.map(({ p99 }) => p99)), 3)
      const micros = all.map(({ serverMicros }) => serverMicros ?? Number.NaN)
      if (!micros.some(Number.isNaN)) figures[`${name}ServerCpuMicros`] = significant(median(micros), 3)
    }
    return figures
  }

  /** Rates of all sides, for a plot of bars. */
  bars(names: Readonly<Record<string, string>>): ReadonlyArray<{ readonly name: string; readonly value: number }> {
    return Object.entries(names).flatMap(([key, name]) => {
      const samples = this.#samples.get(key)
      return samples === undefined ? [] : [{ name, value: median(samples.map(({ perSecond }) => perSecond)) }]
    })
  }
}

/** The smaller of two ratios to the same side: to whichever was better. */
export const toTheBetter = (...ratios: ReadonlyArray<number | null>): number | null =>
  ratios.reduce((least, ratio) => (least === null || ratio === null ? (least ?? ratio) : Math.min(least, ratio)))

/** The share of a turn that comes before it and does not count. */
const leadShare = 0.2

/**
 * Lets callers call for a time, each as soon as its last answer is there, or until `atMost` calls were begun.
 *
 * A fifth of the time comes first and does not count: what the others left cold (caches, pages that were swept, compiled
 * code) does not count. The rate is that of the answers that came in time, the latencies are those of the calls that
 * were begun in time, however late their answers came.
 */
export const during = async (
  database: Pick<BenchDatabase, "cpuMicros">,
  millis: number,
  callers: number,
  call: (caller: number) => Promise<unknown>,
  atMost = Number.POSITIVE_INFINITY,
): Promise<Sample> => {
  const window = new Measuring(database.cpuMicros, performance.now() + millis * leadShare, millis)
  let begun = 0
  const loop = async (_: unknown, caller: number): Promise<void> => {
    while (!window.isOver && begun < atMost) {
      begun++
      const now = performance.now()
      await call(caller)
      window.answered(now, performance.now())
    }
  }
  await Promise.all(Array.from({ length: callers }, loop))
  return window.sample()
}

/** The time that counts, and what was seen in it. */
class Measuring {
  readonly #cpuMicros: BenchDatabase["cpuMicros"]
  readonly #opens: number
  readonly #millis: number
  #from: Mark | undefined
  #until: Mark | undefined
  #answers = 0
  readonly #latencies: Array<number> = []

  constructor(cpuMicros: BenchDatabase["cpuMicros"], opens: number, millis: number) {
    this.#cpuMicros = cpuMicros
    this.#opens = opens
    this.#millis = millis
  }

  get isOver(): boolean {
    return this.#until !== undefined
  }

  /** An answer came. It counts for the latencies where its call was begun in time: nobody begins one after the end. */
  answered(began: number, now: number): void {
    const from = this.#from
    if (from === undefined) {
      if (now >= this.#opens) this.#from = this.#open()
      return
    }
    if (began >= from.at) this.#latencies.push(now - began)
    if (this.#until !== undefined) return
    this.#answers++
    if (now >= from.at + this.#millis) this.#until = { at: now, cpu: this.#cpuMicros() }
  }

  // Reading the server's time takes some of ours.
  #open(): Mark {
    const cpu = this.#cpuMicros()
    return { at: performance.now(), cpu }
  }

  sample(): Sample {
    const until = this.#until ?? { at: performance.now(), cpu: this.#cpuMicros() }
    const { at, cpu } = this.#from ?? until
    return {
      perSecond: this.#answers / ((until.at - at) / 1_000),
      p50: percentile(this.#latencies, 50),
      p99: percentile(this.#latencies, 99),
      serverMicros: cpu === undefined || until.cpu === undefined ? undefined : (until.cpu - cpu) / this.#answers,
    }
  }
}

interface Mark {
  readonly at: number
  readonly cpu: number | undefined
}
