/**
 * Choices from a seed, so that a failing run can be had again.
 */

export interface Random {
  /** From 0 up to but not including 1. */
  readonly next: () => number
  /** True in `share` of the cases. */
  readonly chance: (share: number) => boolean
  readonly below: (limit: number) => number
  readonly pick: <A>(options: ReadonlyArray<A>) => A
}

/** mulberry32 (Tommy Ettinger, public domain). */
export const randomOf = (seed: number): Random => {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
  const below = (limit: number): number => Math.floor(next() * limit)
  return {
    next,
    below,
    chance: (share) => next() < share,
    pick: (options) => {
      const picked = options[below(options.length)]
      if (picked === undefined) throw new RangeError("There is nothing to pick from.")
      return picked
    },
  }
}
