/**
 * From bytes to text, or to nothing: what is no UTF-8 has no text, and a decoder that puts a mark in its place makes one user
 * of two.
 */

/** The text of a percent-encoded part of an address; undefined where its bytes are no UTF-8. */
export const percentDecoded = (part: string): string | undefined => {
  if (!part.includes("%")) return part
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}

/** Whether an address is what RFC 3986 lets travel: bytes above ASCII come percent-encoded or mean nothing certain. */
export const isAscii = (target: string): boolean => !/[^\x21-\x7e]/.test(target)

/**
 * Whether a path has a segment "." or "..": an address that others read as another one. Clients and the `Request` of the web
 * walk such steps before they send; what arrives with one was made by hand.
 */
export const hasDotSegment = (path: string): boolean =>
  (path.includes("/.") || path.includes("/%2")) && /\/(?:\.|%2e){1,2}(?:\/|$)/i.test(path)

/**
 * Whether an address has a character that is never sent, and that others read as a step or an end: browsers and the `URL` of a
 * host's own rule take "\" in a path for "/", and "#" for the end of the address.
 */
export const hasHiddenStep = (target: string): boolean =>
  target.includes("#") || (target.includes("\\") && /^[^?]*\\/.test(target))

/** The text of a header, whose characters are bytes; undefined where they are no UTF-8. */
export const headerText = (header: string): string | undefined =>
  isAscii(header) ? header : percentDecoded(encodedBytes(header))

const encodedBytes = (header: string): string =>
  Array.from(header, (unit) => `%${unit.charCodeAt(0).toString(16).padStart(2, "0")}`).join("")
