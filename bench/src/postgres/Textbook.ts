/**
 * The textbook's callers in a comparison: sixty-four connections, and the pool size that suits it best.
 *
 * Its connections are open for its own turns only: beside those of others they would be too many for a server as it is
 * shipped. Each has done the work once before a turn counts, as it would have in a pool.
 */
import type { Context } from "../Scenario.ts"
import type { BenchDatabase } from "./BenchDatabase.ts"
import { during, type Sample, type Step } from "./Comparison.ts"
import { type Ask, Connections } from "./Connections.ts"

/** One call on a connection that it has for itself. */
export type Work = (ask: Ask) => Promise<unknown>

export class Textbook {
  readonly #database: BenchDatabase
  readonly #context: Context
  readonly #millis: number

  constructor(database: BenchDatabase, context: Context, millis: number) {
    this.#database = database
    this.#context = context
    this.#millis = millis
  }

  /** How many connections stand for "one per caller". */
  get many(): number {
    return this.#context.tiny ? 4 : 64
  }

  get #callers(): number {
    return this.#context.tiny ? 8 : 64
  }

  /** Works of `callers` callers on so many connections, one work after the other. None where so many do not fit. */
  step(connections: number, works: Readonly<Record<string, Work>>, callers = this.#callers): Step {
    return async () => {
      if ((await this.#database.room()) < connections) {
        this.#context.progress(`LEFT OUT: ${Object.keys(works).join(", ")}: no room for ${connections} connections`)
        return {}
      }
      const pool = await Connections.open(this.#database.url, connections)
      try {
        const samples: Record<string, Sample> = {}
        for (const [name, work] of Object.entries(works)) {
          await Promise.all(Array.from({ length: connections }, (_, n) => pool.use(n, work)))
          samples[name] = await during(this.#database, this.#millis, callers, (caller) => pool.use(caller, work))
        }
        return samples
      } finally {
        await pool.close()
      }
    }
  }

  /** The size of the pool that is fastest with 64 callers. */
  async bestPool(work: Work): Promise<number> {
    let best = { size: 8, perSecond: 0 }
    for (const size of this.#context.tiny ? [2] : [4, 8, 16]) {
      const { work: sample } = await this.step(size, { work })()
      this.#context.progress(`a pool of ${size}: ${Math.round(sample?.perSecond ?? 0)} per second`)
      if (sample !== undefined && sample.perSecond > best.perSecond) best = { size, perSecond: sample.perSecond }
    }
    return best.size
  }
}
