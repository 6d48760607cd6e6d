/**
 * The fingerprint of an intention: what tells a repeat from a reuse of the same idempotency key.
 */
import { sha256 } from "@noble/hashes/sha2.js"
import { bytesToHex, utf8ToBytes } from "@noble/hashes/utils.js"
import type { Stored } from "./Receipt.ts"

/** Intentions up to this many characters stand in the receipt as they are, longer ones as their SHA-256. */
const longestPlain = 200

/**
 * `v1:` and the intention as canonical JSON (keys sorted, absent options left out); above 200 characters `v1:sha256:` and
 * the hexadecimal SHA-256 of that JSON's UTF-8.
 */
export const fingerprintOf = (intention: Stored): string => {
  const json = JSON.stringify(intention)
  return json.length <= longestPlain ? `v1:${json}` : `v1:sha256:${bytesToHex(sha256(utf8ToBytes(json)))}`
}
