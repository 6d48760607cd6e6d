/**
 * Ids that sort by time: 26 characters of Crockford's base 32, a 48-bit time in milliseconds and 80 random bits.
 *
 * The form is ULID's (github.com/ulid/spec). Within one millisecond the random part counts up from a random start, so
 * that ids of one process are strictly increasing. Time and randomness come from the caller.
 */
import type { CommandId } from "../values.ts"

const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
/** 40 bits: half of the random part, which is kept as two halves because 80 bits do not fit into a number. */
const half = 2 ** 40

/** The last two digits of an id, by their value: making all eight of what counts up took more than the rest of an id. */
const lastTwo = Array.from({ length: 1_024 }, (_, value) => alphabet.charAt(value >> 5) + alphabet.charAt(value & 31))

/** Makes a source of ids. `random` answers numbers from 0 up to but not including 1. */
export const makeIds = (random: () => number): ((at: number) => CommandId) => {
  let lastMillis = -1
  let prefix = ""
  let low = 0
  /** An id without its last two digits. */
  let stem = ""
  return (now) => {
    // There are no ids of before 1970. A clock that stands there, or tells no time, must not leave the random part out.
    const at = Math.max(now || 0, 0)
    // A clock that steps back must not make ids step back.
    if (at > lastMillis || low >= half) {
      lastMillis = Math.max(at, lastMillis + (at > lastMillis ? 0 : 1))
      prefix = encode(lastMillis, 10) + encode(Math.floor(random() * half), 8)
      // Starts in the lower half, so that there is room to count up within the millisecond.
      low = Math.floor((random() * half) / 2)
      stem = ""
    }
    const last = low % 1_024
    if (last === 0 || stem === "") stem = prefix + encode(Math.floor(low / 1_024), 6)
    low++
    return idOf(stem + lastTwo[last])
  }
}

const encode = (value: number, length: number): string => {
  let text = ""
  let rest = value
  for (let index = 0; index < length; index++) {
    text = alphabet[rest % 32] + text
    rest = Math.floor(rest / 32)
  }
  return text
}

// biome-ignore lint/plugin/casts: this is the one place where command ids are made
const idOf = (text: string): CommandId => text as CommandId
