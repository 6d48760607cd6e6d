/**
 * A set of account ids in twelve bits each: it holds every one that was added, and about one other in three hundred.
 *
 * A Bloom filter of eight probes, by double hashing (Kirsch and Mitzenmacher, 2006). Each has seeds of its own, so that
 * nobody can choose ids that are in all of them.
 */

const bitsPerOwner = 12
const probes = 8
/** Below this it is not worth being small. */
const fewestBytes = 64

/** How many bytes a filter of so many owners has. */
export const filterBytes = (owners: number): number => Math.max(fewestBytes, Math.ceil((owners * bitsPerOwner) / 8))

export class OwnerFilter {
  readonly bits: Uint8Array
  readonly seeds: readonly [number, number]
  readonly #length: number

  /** A filter of these bits, or an empty one out of as many zeros. */
  constructor(bits: Uint8Array, seeds: readonly [number, number]) {
    this.bits = bits
    this.seeds = seeds
    this.#length = bits.length * 8
  }

  add(id: string): void {
    this.#each(id, (byte, bit) => {
      this.bits[byte] = (this.bits[byte] ?? 0) | bit
      return true
    })
  }

  /** False where it was certainly not added. */
  mayHold(id: string): boolean {
    return this.#each(id, (byte, bit) => ((this.bits[byte] ?? 0) & bit) !== 0)
  }

  /** Visits the bits of an id until a visit says no. */
  #each(id: string, visit: (byte: number, bit: number) => boolean): boolean {
    const first = hash(id, this.seeds[0])
    // Odd, so that the probes do not fall on one place.
    const step = hash(id, this.seeds[1]) | 1
    for (let probe = 0; probe < probes; probe++) {
      const index = (first + probe * (step >>> 0)) % this.#length
      if (!visit(index >>> 3, 1 << (index & 7))) return false
    }
    return true
  }
}

/** 32 bits of a text, mixed as in MurmurHash3 (Austin Appleby, public domain). */
const hash = (text: string, seed: number): number => {
  let mixed = seed | 0
  for (let index = 0; index < text.length; index++) {
    mixed = Math.imul(mixed ^ text.charCodeAt(index), 0xcc9e2d51)
    mixed = (mixed << 15) | (mixed >>> 17)
  }
  mixed = Math.imul(mixed ^ text.length ^ (mixed >>> 16), 0x85ebca6b)
  mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35)
  return (mixed ^ (mixed >>> 16)) >>> 0
}
