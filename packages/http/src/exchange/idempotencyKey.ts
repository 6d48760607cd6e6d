/**
 * Reads the Idempotency-Key header: a structured string (`"k-1"`, draft-ietf-httpapi-idempotency-key-header-07) or the
 * bare text that most clients send. Both spellings of a key are the same key.
 */

import { maxKeyBytes } from "@holdfast/core"

/** The key, `undefined` where there is none, or `false` where the header is no key. */
export const parseKey = (header: string | undefined): string | undefined | false => {
  if (header === undefined) return undefined
  const text = header.trim()
  if (text === "") return false
  const key = text.startsWith('"') ? quoted(text) : text
  return key !== undefined && isKey(key) ? key : false
}

// Printable ASCII, as the draft has it. Surrounding space would be lost on the way, so that it is not part of a key.
const isKey = (key: string): boolean => {
  if (key.length === 0 || key.length > maxKeyBytes || key.trim() !== key) return false
  for (let index = 0; index < key.length; index++) {
    const unit = key.charCodeAt(index)
    if (unit < 0x20 || unit > 0x7e) return false
  }
  return true
}

/** The content of a structured string (RFC 9651 §3.3.3), or undefined where it is not one. */
const quoted = (text: string): string | undefined => {
  if (text.length < 2 || !text.endsWith('"')) return undefined
  const inner = text.slice(1, -1)
  if (!inner.includes("\\") && !inner.includes('"')) return inner
  return /^(?:[^"\\]|\\["\\])*$/.test(inner) ? inner.replace(/\\(["\\])/g, "$1") : undefined
}
