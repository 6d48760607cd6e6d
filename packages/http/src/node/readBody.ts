/**
 * Reads the body of a node request, counting its bytes while they arrive.
 */
import { isUtf8 } from "node:buffer"
import type { IncomingMessage } from "node:http"
import type { Deadlines } from "../exchange/Deadlines.ts"
import type { BodyRead } from "../exchange/Exchange.ts"

/** What Express, Nest and Fastify add to a request. Plain `node:http` has none of it. */
export interface MountedRequest extends IncomingMessage {
  /** The address before a router took its own prefix away. */
  readonly originalUrl?: string
  /** The prefix that it took away. */
  readonly baseUrl?: string
  readonly body?: unknown
}

/**
 * How much more than the limit is read and thrown away before the answer. Many clients hear an answer only when they have
 * sent everything, and take a connection that closes earlier for a failure.
 */
const discardedBytes = 1_048_576

/** For the host: no caller can do anything about it. */
const wasTaken =
  "The body was read before this handler, and what it says is not in `request.body`: mount the handler before what reads bodies."

export const readBody = (request: MountedRequest, maxBytes: number, deadlines: Deadlines): Promise<BodyRead> => {
  if (wasParsed(request)) return Promise.resolve(readBefore(request.body, maxBytes))
  // Ends come once, also that of a connection. Who waits for one that was would take a peer for gone, or one who is gone for slow.
  if (request.readableEnded) {
    return hasBody(request) ? Promise.reject(new TypeError(wasTaken)) : Promise.resolve({ _tag: "Text", text: "" })
  }
  if (request.destroyed) return Promise.resolve({ _tag: "Gone" })
  if (Number(request.headers["content-length"] ?? 0) > maxBytes + discardedBytes) {
    return Promise.resolve({ _tag: "TooLarge" })
  }
  return new Promise((resolve) => {
    const chunks: Array<Buffer> = []
    let bytes = 0
    let ended = false
    // Listeners stay, since taking them off costs more than being told of what is over already.
    const end = (read: BodyRead): void => {
      if (ended) return
      ended = true
      deadlines.end(ticket)
      resolve(read)
    }
    const onData = (chunk: Buffer): void => {
      if (ended) return
      bytes += chunk.length
      if (bytes <= maxBytes) chunks.push(chunk)
      else if (bytes > maxBytes + discardedBytes) {
        // Nothing more is read: the answer closes the connection.
        request.pause()
        end({ _tag: "TooLarge" })
      } else chunks.length = 0
    }
    const onEnd = (): void => {
      const [only] = chunks
      const whole = chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks)
      end(bytes > maxBytes ? { _tag: "TooLarge" } : textOf(whole))
    }
    const onGone = (): void => end({ _tag: "Gone" })
    const ticket = deadlines.begin(() => end({ _tag: "TooSlow" }))
    request.on("data", onData).on("end", onEnd).on("error", onGone).on("close", onGone)
  })
}

const textOf = (bytes: Buffer): BodyRead =>
  isUtf8(bytes) ? { _tag: "Text", text: bytes.toString("utf8") } : { _tag: "NotText" }

/** What a parser before us made of a body: `express.raw()` leaves its bytes, the others a value. */
const readBefore = (value: unknown, maxBytes: number): BodyRead => {
  if (!Buffer.isBuffer(value)) return { _tag: "Parsed", value }
  return value.length > maxBytes ? { _tag: "TooLarge" } : textOf(value)
}

const hasBody = ({ headers }: MountedRequest): boolean =>
  headers["transfer-encoding"] !== undefined || Number(headers["content-length"] ?? 0) > 0

/**
 * Whether somebody before us has read and parsed the body. Express 4 sets `body` to `{}` where it parsed nothing, so that
 * the value alone proves nothing: the parser's own mark or a stream that was read to its end does.
 */
const wasParsed = (request: MountedRequest): boolean =>
  request.body !== undefined && (("_body" in request && request._body === true) || request.readableEnded)
