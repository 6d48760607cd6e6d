/**
 * What a kit for one of the smaller ports says: a verdict for each of its laws.
 */

/** A promise of a port, as a kit judges it. */
export interface KitLaw {
  /** Stable: `CACHE-01`. */
  readonly id: string
  /** What is promised, as a sentence. */
  readonly title: string
  /** Why it matters, in one sentence. */
  readonly why: string
  /** What must have happened at least once, by name: a law that holds because nothing happened proves nothing. */
  readonly sometimes: ReadonlyArray<string>
}

export interface KitVerdict extends KitLaw {
  /** Untested: the adapter, or the options, left out what it takes. */
  readonly verdict: "holds" | "broken" | "vacuous" | "untested"
  /** How it was broken, what was never seen, or what it takes. */
  readonly message: string | undefined
}

export interface KitReport {
  readonly adapter: string
  readonly seed: number
  readonly trials: number
  /** True where no law was broken and none was vacuous. */
  readonly ok: boolean
  readonly laws: ReadonlyArray<KitVerdict>
}

/** Collects what trials find. */
export class KitBook {
  readonly #laws: ReadonlyArray<KitLaw>
  readonly #broken = new Map<string, string>()
  readonly #seen = new Set<string>()
  readonly #untested = new Map<string, string>()

  constructor(laws: ReadonlyArray<KitLaw>) {
    this.#laws = laws
  }

  /** Notes the first way in which a law was broken. */
  broken(id: string, message: string): void {
    if (!this.#broken.has(id)) this.#broken.set(id, message)
  }

  isBroken(id: string): boolean {
    return this.#broken.has(id)
  }

  /** Notes what it would take to put a law to the test. */
  untested(id: string, message: string): void {
    this.#untested.set(id, message)
  }

  /** Notes that something happened. */
  saw(goal: string): void {
    this.#seen.add(goal)
  }

  report(adapter: string, seed: number, trials: number): KitReport {
    const laws = this.#laws.map((law): KitVerdict => {
      const message = this.#broken.get(law.id)
      if (message !== undefined) return { ...law, verdict: "broken", message }
      const untested = this.#untested.get(law.id)
      if (untested !== undefined) return { ...law, verdict: "untested", message: untested }
      const unmet = law.sometimes.filter((goal) => !this.#seen.has(goal))
      return unmet.length === 0
        ? { ...law, verdict: "holds", message: undefined }
        : { ...law, verdict: "vacuous", message: `never seen: ${unmet.join(", ")}` }
    })
    return {
      adapter,
      seed,
      trials,
      ok: laws.every(({ verdict }) => verdict === "holds" || verdict === "untested"),
      laws,
    }
  }
}
