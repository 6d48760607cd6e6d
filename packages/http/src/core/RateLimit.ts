/**
 * An optional limit on requests per caller: a fixed window in this process's memory.
 *
 * It protects one process from one caller's loop. A limit over several processes belongs in front of them.
 */

export interface RateLimitOptions {
  /** The requests that one caller may send in a window. */
  readonly requests: number
  /** The length of a window. */
  readonly perSeconds: number
  /** The name in the RateLimit headers. Default "requests". */
  readonly name?: string | undefined
}

export interface Allowance {
  readonly allowed: boolean
  /** RateLimit and RateLimit-Policy (draft-ietf-httpapi-ratelimit-headers-11), and Retry-After where it is refused. */
  readonly headers: Readonly<Record<string, string>>
}

/** The most callers that are counted at a time; the one counted longest ago makes room. */
const maxCallers = 100_000

interface Window {
  readonly endsAt: number
  used: number
}

export class RateLimit {
  readonly #options: RateLimitOptions
  readonly #now: () => number
  readonly #windows = new Map<string, Window>()

  constructor(options: RateLimitOptions, now: () => number) {
    this.#options = options
    this.#now = now
  }

  take(caller: string): Allowance {
    const { requests, perSeconds, name = "requests" } = this.#options
    const now = this.#now()
    const window = this.#windowOf(caller, now)
    const allowed = window.used < requests
    if (allowed) window.used++
    const seconds = Math.max(1, Math.ceil((window.endsAt - now) / 1000))
    return {
      allowed,
      headers: {
        "ratelimit-policy": `"${name}";q=${requests};w=${perSeconds}`,
        ratelimit: `"${name}";r=${requests - window.used};t=${seconds}`,
        ...(allowed ? {} : { "retry-after": String(seconds) }),
      },
    }
  }

  #windowOf(caller: string, now: number): Window {
    const known = this.#windows.get(caller)
    if (known !== undefined && known.endsAt > now) return known
    // Taken out first, so that the map stays in the order of the windows' beginnings and the oldest is the first.
    this.#windows.delete(caller)
    const window = { endsAt: now + this.#options.perSeconds * 1000, used: 0 }
    this.#windows.set(caller, window)
    if (this.#windows.size > maxCallers) {
      const [oldest] = this.#windows.keys()
      if (oldest !== undefined) this.#windows.delete(oldest)
    }
    return window
  }
}
