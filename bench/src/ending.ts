/**
 * What has to be undone when a run ends, however it ends: servers, schemas, processes.
 */

/** No step may take longer: a run that failed must not hang because of what it left open. */
const longestMillis = 5_000

export class Ending {
  readonly #steps: Array<() => unknown> = []
  readonly #limitMillis: number

  constructor(limitMillis: number = longestMillis) {
    this.#limitMillis = limitMillis
  }

  /** Remembers a step. The last one comes first. */
  readonly later = (step: () => unknown): void => {
    this.#steps.push(step)
  }

  /** Takes all steps, once, and says which failed or took too long. */
  async now(say: (text: string) => void): Promise<void> {
    for (let step = this.#steps.pop(); step !== undefined; step = this.#steps.pop()) {
      const taken = Promise.resolve()
        .then(step)
        .catch((error: unknown) => say(`While cleaning up: ${String(error)}`))
      const { promise: late, resolve } = Promise.withResolvers<"late">()
      const timer = setTimeout(resolve, this.#limitMillis, "late")
      if ((await Promise.race([taken, late])) === "late") say(`While cleaning up: no end in ${this.#limitMillis} ms.`)
      clearTimeout(timer)
    }
  }
}
