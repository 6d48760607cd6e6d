/**
 * What it means that a session could not be opened: whether trying again may help.
 */
import type { StoreFault } from "@holdfast/core"
import { meaningOf } from "./faults.ts"
import type { Failure } from "./wire.ts"

/**
 * A server that is away, full or starting up may be there in a moment, and so may a name that is not known yet: where a host
 * and its database start together, the name comes with the database. A password, a database, a right or a certificate that
 * is refused stays refused until it is mended.
 */
export const notOpened = (failure: Failure): StoreFault => {
  const { code, message, cause } = failure
  const reason = code === undefined ? message : `${message} (${code})`
  return { _tag: isForGood(failure) ? "Rejected" : "Lost", reason, cause }
}

const isForGood = (failure: Failure): boolean =>
  failure.code === undefined
    ? clientsOwn.test(failure.message) || certificates.test(codeOf(failure.cause))
    : meaningOf(failure, false) === "rejected"

/** What drivers find out by themselves, of which they say nothing but a sentence. */
const clientsOwn =
  /does not support (?:TLS|SSL)|does not encrypt connections|^SASL|No username|Invalid (?:URL|.* in URL)|Unrecognized sslmode/
/** What Node calls a certificate or a handshake that it does not accept. */
const certificates = /^(?:ERR_TLS_|ERR_SSL_|ERR_INVALID_URL|CERT_|UNABLE_TO_|DEPTH_ZERO_|SELF_SIGNED_|HOSTNAME_)/

const codeOf = (cause: unknown): string =>
  typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? cause.code : ""
