/**
 * An optional limit on requests per caller: a fixed window in this process's memory.
 *
 * It protects one process from one caller's loop. A limit over several processes belongs in front of them. A caller who is
 * not signed in, or who tried to and failed, is known by the address.
 */
import type { RequestView } from "./Exchange.ts"
import { addressText, failureOfHost } from "./hostAnswers.ts"

export interface RateLimitOptions {
  /** The requests that one caller may send in a window. */
  readonly requests: number
  /** The length of a window. */
  readonly perSeconds: number
  /**
   * What tells callers who are not signed in apart, such as the address that your own proxy writes into a header. Default: the
   * peer's address, where the shell knows it; of IPv6 the first 64 bits, since the rest is the peer's choice. Where it is
   * undefined they are not limited: one window for all of them would let one of them lock out the others.
   */
  readonly addressOf?: ((request: RequestView) => string | undefined) | undefined
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

interface RateWindow {
  readonly endsAt: number
  used: number
}

export class RateLimit {
  readonly #options: RateLimitOptions
  readonly #now: () => number
  readonly #windows = new Map<string, RateWindow>()

  constructor(options: RateLimitOptions, now: () => number) {
    this.#options = options
    this.#now = now
  }

  /** What tells a caller apart who is not signed in. */
  addressOf(request: RequestView): string | undefined {
    const { addressOf } = this.#options
    if (addressOf === undefined) return request.address === undefined ? undefined : networkOf(request.address)
    try {
      return addressText(addressOf(request))
    } catch (thrown) {
      throw failureOfHost(thrown)
    }
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

  #windowOf(caller: string, now: number): RateWindow {
    const known = this.#windows.get(caller)
    const left = known === undefined ? 0 : known.endsAt - now
    // An end further away than a window is long is one of before the clock was set back: it would lock the caller out for as long.
    if (known !== undefined && left > 0 && left <= this.#options.perSeconds * 1000) return known
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

/** An IPv4 address, or the first 64 bits of an IPv6 one. */
export const networkOf = (address: string): string => {
  if (!address.includes(":")) return address
  // IPv4 on a socket that takes both.
  const mapped = /^::ffff:(\d+(?:\.\d+){3})$/i.exec(address)?.[1]
  if (mapped !== undefined) return mapped
  const [head = "", tail = ""] = address.split("::")
  const [before, after] = [head, tail].map((part) => part.split(":").filter((group) => group !== ""))
  const zeros = new Array<string>(Math.max(0, 8 - (before?.length ?? 0) - (after?.length ?? 0))).fill("0")
  const groups = [...(before ?? []), ...zeros, ...(after ?? [])].slice(0, 4)
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(":")}::`
}
