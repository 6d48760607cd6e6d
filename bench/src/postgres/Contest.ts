/**
 * A contest: several ways of doing the same thing, measured in turns, round after round, and compared within a round.
 */
import type { Context } from "../Scenario.ts"
import { median, percentile, quotientsOf, significant, spreadText } from "../statistics.ts"
import type { Ground } from "./Ground.ts"

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
 * One step of a round: the samples of those who take part in it, by name. A contestant who is missing here has none.
 */
export type Step = () => Promise<Readonly<Record<string, Sample | undefined>>>

export class Contest {
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
  ratio(above: string, below: string, figure: "perSecond" | "p50" | "p99" = "perSecond"): number | null {
    const of = (name: string) => (this.#samples.get(name) ?? []).map((sample) => sample[figure])
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

  /** Rates of all contestants, for a plot of bars. */
  bars(names: Readonly<Record<string, string>>): ReadonlyArray<{ readonly name: string; readonly value: number }> {
    return Object.entries(names).flatMap(([key, name]) => {
      const samples = this.#samples.get(key)
      return samples === undefined ? [] : [{ name, value: median(samples.map(({ perSecond }) => perSecond)) }]
    })
  }
}

/** The smaller of two ratios to the same contestant: to whichever was better. */
export const toTheBetter = (...ratios: ReadonlyArray<number | null>): number | null =>
  ratios.reduce((least, ratio) => (least === null || ratio === null ? (least ?? ratio) : Math.min(least, ratio)))

/**
 * Lets callers call for a time, each as soon as its last answer is there, or until `atMost` calls were begun. The rate
 * counts until the last answer.
 */
export const during = async (
  ground: Pick<Ground, "cpuMicros">,
  millis: number,
  callers: number,
  call: (caller: number) => Promise<unknown>,
  atMost = Number.POSITIVE_INFINITY,
): Promise<Sample> => {
  const latencies: Array<number> = []
  let begun = 0
  const cpu = ground.cpuMicros()
  const began = performance.now()
  const loop = async (_: unknown, caller: number): Promise<void> => {
    for (let now = performance.now(); now - began < millis && begun < atMost; ) {
      begun++
      await call(caller)
      const after = performance.now()
      latencies.push(after - now)
      now = after
    }
  }
  await Promise.all(Array.from({ length: callers }, loop))
  const seconds = (performance.now() - began) / 1_000
  return sampleOf(latencies, seconds, cpu, ground.cpuMicros())
}

const sampleOf = (
  latencies: ReadonlyArray<number>,
  seconds: number,
  cpuBefore: number | undefined,
  cpuAfter: number | undefined,
): Sample => ({
  perSecond: latencies.length / seconds,
  p50: percentile(latencies, 50),
  p99: percentile(latencies, 99),
  serverMicros:
    cpuBefore === undefined || cpuAfter === undefined ? undefined : (cpuAfter - cpuBefore) / latencies.length,
})
