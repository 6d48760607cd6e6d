/**
 * Seeded randomness for simulations and plans: small, fast, and the same on every machine.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand), seeded through splitmix32. Not for secrets.
 */

/** A stream of random choices that a seed fixes entirely. */
export interface Draws {
  /** A number from 0 up to but not including 1. */
  readonly real: () => number
  /** A whole number from 0 up to but not including `below`, which must be at least 1. */
  readonly below: (below: number) => number
  /** A whole number from `least` to `most`, both included. */
  readonly between: (least: number, most: number) => number
  /** True with the given probability, 0 to 1. */
  readonly chance: (probability: number) => boolean
  /** One of the options; there must be at least one. */
  readonly oneOf: <T>(options: readonly [T, ...ReadonlyArray<T>]) => T
}

/** The stream of a seed. Parts after the first make streams that have nothing to do with each other. */
export const drawsOf = (...seed: ReadonlyArray<number>): Draws => {
  const real = sfc32(seed)
  const below = (bound: number): number => Math.floor(real() * bound)
  return {
    real,
    below,
    between: (least, most) => least + below(most - least + 1),
    chance: (probability) => real() < probability,
    oneOf: (options) => options[below(options.length)] ?? options[0],
  }
}

const sfc32 = (seed: ReadonlyArray<number>): (() => number) => {
  let mixed = 0x9e3779b9
  const next = (): number => {
    mixed = (mixed + 0x9e3779b9) | 0
    let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad)
    word = Math.imul(word ^ (word >>> 15), 0x735a2d97)
    return (word ^ (word >>> 15)) | 0
  }
  for (const part of seed) mixed = (next() ^ (part | 0) ^ Math.floor(part / 2 ** 32)) | 0
  let [a, b, c, counter] = [next(), next(), next(), 1]
  const step = (): number => {
    const sum = (((a + b) | 0) + counter) | 0
    counter = (counter + 1) | 0
    a = b ^ (b >>> 9)
    b = (c + (c << 3)) | 0
    c = (((c << 21) | (c >>> 11)) + sum) | 0
    return (sum >>> 0) / 2 ** 32
  }
  for (let round = 0; round < 12; round++) step()
  return step
}
