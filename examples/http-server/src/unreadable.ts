/**
 * Problem documents for what Node's own parser refuses, before any handler sees a request: garbage, headers over 16 KB,
 * headers that never end. Only the owner of a server can answer these.
 */
import { randomBytes } from "node:crypto"
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Socket } from "node:net"

const problems: Readonly<Record<string, { readonly status: string; readonly code: string; readonly title: string }>> = {
  HPE_HEADER_OVERFLOW: {
    status: "431 Request Header Fields Too Large",
    code: "HEADERS_TOO_LARGE",
    title: "Too many headers",
  },
  HPE_CHUNK_EXTENSIONS_OVERFLOW: {
    status: "413 Content Too Large",
    code: "BODY_TOO_LARGE",
    title: "The body is too large",
  },
  ERR_HTTP_REQUEST_TIMEOUT: {
    status: "408 Request Timeout",
    code: "REQUEST_TIMEOUT",
    title: "The request took too long to arrive",
  },
}

const unreadable = { status: "400 Bad Request", code: "INVALID_INPUT", title: "The request is not HTTP" }

/** The requests of each connection that have no answer yet. */
const underWay = new WeakMap<Socket, Set<IncomingMessage>>()

/** A listener for a server's requests, beside the one that answers them. */
export const noteRequest = (request: IncomingMessage, response: ServerResponse): void => {
  const requests = underWay.get(request.socket) ?? new Set()
  underWay.set(request.socket, requests.add(request))
  response.once("close", () => requests.delete(request))
}

/** Whether something that was asked on a connection before may be carried out already, and waits for its answer. */
const mayBeDone = (socket: Socket): boolean => [...(underWay.get(socket) ?? [])].some(({ complete }) => complete)

export const answerUnreadable = (error: NodeJS.ErrnoException, socket: Socket): void => {
  // A connection that broke has nobody at its other end.
  // And what is written now would be taken for the answer to a request before, such as an order that is placed meanwhile.
  if (error.code === "ECONNRESET" || !socket.writable || mayBeDone(socket)) {
    socket.destroy()
    return
  }
  const { status, code, title } = problems[error.code ?? ""] ?? unreadable
  const traceId = randomBytes(16).toString("hex")
  const body = JSON.stringify({
    type: `/docs#${code}`,
    title,
    status: Number.parseInt(status, 10),
    detail: title,
    code,
    retryable: code === "REQUEST_TIMEOUT",
    traceId,
  })
  socket.end(
    [
      `HTTP/1.1 ${status}`,
      "connection: close",
      "content-type: application/problem+json",
      `content-length: ${Buffer.byteLength(body)}`,
      `trace-id: ${traceId}`,
      "",
      body,
    ].join("\r\n"),
  )
}
