/**
 * Which partition a key belongs to, as Java's clients have it: murmur2 of the key's UTF-8, positive, modulo.
 */

const utf8 = new TextEncoder()

export const partitionOf = (key: string, partitions: number): number =>
  (murmur2(utf8.encode(key)) & 0x7fffffff) % partitions

const m = 0x5bd1e995
const r = 24
const seed = 0x9747b28c | 0

const murmur2 = (bytes: Uint8Array): number => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const words = bytes.length >> 2
  let h = seed ^ bytes.length
  for (let word = 0; word < words; word++) {
    let k = Math.imul(view.getInt32(word * 4, true), m)
    k ^= k >>> r
    h = Math.imul(h, m) ^ Math.imul(k, m)
  }
  const rest = words * 4
  const left = bytes.length - rest
  if (left >= 3) h ^= view.getUint8(rest + 2) << 16
  if (left >= 2) h ^= view.getUint8(rest + 1) << 8
  if (left >= 1) h = Math.imul(h ^ view.getUint8(rest), m)
  h = Math.imul(h ^ (h >>> 13), m)
  return h ^ (h >>> 15)
}
