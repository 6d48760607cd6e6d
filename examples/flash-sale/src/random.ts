/**
 * Numbers from 0 up to but not including 1 that depend on a seed alone (mulberry32, public domain, by Tommy Ettinger).
 */
export const randomOf = (seed: number, stream: number): (() => number) => {
  // Streams of one seed start far apart: the multiplier is the golden ratio's, as in Knuth's multiplicative hashing.
  let state = (seed ^ Math.imul(stream + 1, 0x9e3779b1)) >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}
