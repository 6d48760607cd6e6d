/**
 * Strong entity tags of answers, made from their text.
 *
 * Not cryptographic: whoever asks with a tag was given it by us, and a false match of 64 bits shows one stale price.
 */

/** The tag of a body (cyrb53 by bryc, public domain: two 32-bit mixes, here with all of their bits). */
export const etagOf = (body: string): string => {
  let high = 0xdeadbeef
  let low = 0x41c6ce57
  for (let index = 0; index < body.length; index++) {
    const unit = body.charCodeAt(index)
    high = Math.imul(high ^ unit, 2654435761)
    low = Math.imul(low ^ unit, 1597334677)
  }
  high = Math.imul(high ^ (high >>> 16), 2246822507) ^ Math.imul(low ^ (low >>> 13), 3266489909)
  low = Math.imul(low ^ (low >>> 16), 2246822507) ^ Math.imul(high ^ (high >>> 13), 3266489909)
  // Two small numbers are written in half the time of a large one.
  return `"${(low >>> 0).toString(36)}${(high >>> 0).toString(36)}"`
}

/** Whether an If-None-Match header names this tag. Weak and strong are compared alike (RFC 9110 §13.1.2). */
export const matchesTag = (ifNoneMatch: string, tag: string): boolean =>
  ifNoneMatch === tag ||
  ifNoneMatch === "*" ||
  ifNoneMatch.split(",").some((candidate) => candidate.trim().replace(/^W\//, "") === tag)
