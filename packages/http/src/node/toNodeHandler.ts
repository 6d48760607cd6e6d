/**
 * The node shell: fills an exchange from what `node:http` gives and writes the reply back.
 *
 * No `Request` and no `Response` are made on the way: behind the obvious bridge a read costs five times as much
 * (measured 2026-11-22 with 64 connections: 0.20 of a bare handler's rate against 0.81).
 */
import type { IncomingMessage, ServerResponse } from "node:http"
import type { Deadlines } from "../exchange/Deadlines.ts"
import type { BodyRead, Exchange, Reply } from "../exchange/Exchange.ts"
import { isAscii } from "../exchange/encoding.ts"
import { View } from "../exchange/view.ts"
import { checkHandler } from "../options.ts"
import type { ShopHandler } from "../shopHandler.ts"
import { Leaving } from "./Leaving.ts"
import { type MountedRequest, readBody } from "./readBody.ts"

export type NodeHandler = (
  request: IncomingMessage,
  response: ServerResponse,
  /** Called for paths that are not ours, where there is one: the host may serve other things beside us. */
  next?: (error?: unknown) => void,
) => void

/**
 * A listener for `node:http`, and a middleware for Express, Nest and Connect; before or after `express.json()`.
 *
 * Before is better: what `express.json()` itself refuses leaves as its own HTML, before we see the request.
 */
export const toNodeHandler = (handler: Pick<ShopHandler, "answer" | "owns">): NodeHandler => {
  checkHandler(handler, "answer", "owns")
  const { answer, owns } = handler
  return (request, response, next) => {
    const exchange = new NodeExchange(request, response, targetOf(request, owns))
    if (next !== undefined && exchange.mountedAt === "" && !owns(exchange)) return next()
    // `answer` never rejects: what goes wrong in it is a problem document already. But other code of the host's may stand
    // behind the response, such as a middleware that looks at its headers.
    const sent = answer(exchange).then((reply) => send(reply, request, response))
    sent.catch((thrown: unknown) => (next === undefined ? response.destroy() : next(thrown)))
  }
}

const send = ({ status, headers, body }: Reply, request: IncomingMessage, response: ServerResponse): void => {
  // Whoever left hears nothing, and a host that has answered already, such as a time-out of its own, keeps its answer.
  if (response.destroyed || response.headersSent) return
  // HTTP/2 has no such header, and Node warns of it.
  if (request.httpVersionMajor > 1) delete headers.connection
  if (status !== 304) headers["content-length"] = String(Buffer.byteLength(body))
  response.writeHead(status, headers)
  response.end(request.method === "HEAD" ? undefined : body)
}

class NodeExchange implements Exchange {
  readonly #request: MountedRequest
  readonly #response: ServerResponse
  readonly method: string
  readonly target: string
  readonly mountedAt: string
  #leaving: Leaving | undefined
  #view: View | undefined

  constructor(request: MountedRequest, response: ServerResponse, target: string) {
    this.#request = request
    this.#response = response
    this.method = request.method ?? "GET"
    this.target = target
    this.mountedAt = request.baseUrl ?? ""
  }

  header(name: string): string | undefined {
    const value = this.#request.headers[name]
    return typeof value === "object" ? value.join(", ") : value
  }

  get headerCount(): number {
    return this.#request.rawHeaders.length / 2
  }

  readBody(maxBytes: number, deadlines: Deadlines): Promise<BodyRead> {
    return readBody(this.#request, maxBytes, deadlines)
  }

  get signal(): Leaving {
    this.#leaving ??= new Leaving(this.#response)
    return this.#leaving
  }

  get view(): View {
    this.#view ??= new View(this, this.#request.socket.remoteAddress, () =>
      requestOf(this.method, this.target, this.#request),
    )
    return this.#view
  }
}

/**
 * What is asked: what a host has made of an address, such as of an older path, and not always what arrived. Express and Nest
 * tell both parts of it. Fastify changes the whole, and Connect takes the mount away: each keeps what arrived.
 */
const targetOf = ({ baseUrl, originalUrl, url = "/" }: MountedRequest, owns: ShopHandler["owns"]): string => {
  const here = pathOf(url)
  if (baseUrl !== undefined) return baseUrl + here
  return originalUrl === undefined || owns({ target: here, mountedAt: "" }) ? here : pathOf(originalUrl)
}

/** The path of a target in absolute form (`GET http://shop/orders`), which proxies send; itself otherwise. */
const pathOf = (target: string): string => {
  // What is no address stays as it came, and is refused as one.
  if (target.startsWith("/") || !isAscii(target)) return target
  const url = URL.canParse(target) ? new URL(target) : undefined
  return url === undefined ? target : url.pathname + url.search
}

const requestOf = (method: string, target: string, { headers }: IncomingMessage): Request => {
  const made = new Headers()
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined && !name.startsWith(":"))
      made.set(name, typeof value === "object" ? value.join(", ") : value)
  }
  // The path is what was asked for, whatever a Host header would add to it.
  // HTTP/2 has it as a part of the request's own line.
  const authority = headers.host ?? headers[":authority"]
  const url = `http://${hostOf(typeof authority === "string" ? authority : undefined)}${target.startsWith("/") ? "" : "/"}${target}`
  return new Request(url, { method, headers: made })
}

/**
 * The host that a client names: behind a proxy it is what the client says it is, and never more than a name and a port. A
 * path, a query or a password in it would shape the address that the host's own functions look at.
 */
const hostOf = (header: string | undefined): string =>
  header !== undefined && /^(?:[\w.~-]+|\[[\da-f:.]+\])(?::\d{1,5})?$/i.test(header) && URL.canParse(`http://${header}`)
    ? header
    : "localhost"
