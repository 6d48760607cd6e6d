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
  readonly verdict: "holds" | "broken" | "vacuous"
  /** How it was broken, or what was never seen. */
  readonly message: string | undefined
}

export interface KitReport {
  readonly adapter: string
  readonly seed: number
  readonly trials: number
  /** True where every law holds and none was vacuous. */
  readonly ok: boolean
  readonly laws: ReadonlyArray<KitVerdict>
}

/** Collects what trials find. */
export class KitBook {
  readonly #laws: ReadonlyArray<KitLaw>
  readonly #broken = new Map<string, string>()
  readonly #seen = new Set<string>()

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

  /** Notes that something happened. */
  saw(goal: string): void {
    this.#seen.add(goal)
  }

  report(adapter: string, seed: number, trials: number): KitReport {
    const laws = this.#laws.map((law): KitVerdict => {
      const message = this.#broken.get(law.id)
      if (message !== undefined) return { ...law, verdict: "broken", message }
      const unmet = law.sometimes.filter((goal) => !this.#seen.has(goal))
      return unmet.length === 0
        ? { ...law, verdict: "holds", message: undefined }
        : { ...law, verdict: "vacuous", message: `never seen: ${unmet.join(", ")}` }
    })
    return { adapter, seed, trials, ok: laws.every(({ verdict }) => verdict === "holds"), laws }
  }
}
