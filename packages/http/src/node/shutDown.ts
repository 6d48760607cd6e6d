/**
 * Leaving in order: first nobody is sent here, then nobody is let in, then what was let in is answered, then the shop goes,
 * and at last what it stands on. Backwards, each of these would fail somebody.
 *
 * It installs no signal handler and ends no process: a host calls it, and exits when it is done.
 */
import type { Server } from "node:http"
import { Options, type Shop } from "@holdfast/core"
import { hasMethods } from "../options.ts"
import type { ShopHandler } from "../shopHandler.ts"

export interface ShutDownOptions {
  readonly server: Server
  readonly handler: Pick<ShopHandler, "leave">
  readonly shop: Pick<Shop, "stop">
  /**
   * How long requests are still taken while `/readyz` says 503: longer than the balancer needs to see it, which is its
   * interval times the failures that it wants. Default 5,000; 0 where nothing balances.
   */
  readonly noticeMillis?: number | undefined
  /**
   * How long answers under way may take, of the server and then of the shop. What is not answered then is cut. Default 10,000,
   * as long as a call's deadline; the longest answer that the handler allows is `limits.answerMillis`.
   */
  readonly drainMillis?: number | undefined
  /** Closes what is the host's own and the shop stands on, such as its pool. Last. */
  readonly close?: (() => unknown) | undefined
}

const having = (be: string, ...methods: ReadonlyArray<string>): Options.Check =>
  Options.must(be, (value) => hasMethods(value, methods))

const checks: Options.Checks<ShutDownOptions> = {
  server: having("a server of node:http", "close", "closeIdleConnections", "closeAllConnections"),
  handler: having("a handler that shopHandler made", "leave"),
  shop: having("a shop", "stop"),
  noticeMillis: Options.wholeNumber(0, 600_000),
  drainMillis: Options.wholeNumber(0, 600_000),
  close: Options.aFunction,
}

const leaving = new WeakMap<Server, Promise<void>>()

/**
 * Shuts a serving process down without failing a request: `process.once("SIGTERM", () => shutDown({ … }).then(() => process.exit()))`.
 * May be called again, which waits for the first call. Rejects with the first error after everything was tried.
 */
export const shutDown = (options: ShutDownOptions): Promise<void> => {
  Options.check(options, checks, ["server", "handler", "shop"])
  const known = leaving.get(options.server)
  if (known !== undefined) return known
  const done = inOrder(options)
  leaving.set(options.server, done)
  return done
}

const inOrder = async (options: ShutDownOptions): Promise<void> => {
  const { server, handler, shop, noticeMillis = 5_000, drainMillis = 10_000, close } = options
  const errors: Array<unknown> = []
  const attempt = async (step: () => unknown): Promise<void> => {
    try {
      await step()
    } catch (error) {
      errors.push(error)
    }
  }
  handler.leave()
  // Whoever keeps a connection hears with its next answer that it is the last on it, and asks somebody else. The handler says so
  // by itself; this is for what the host serves beside it.
  server.prependListener("request", (_request, response) => response.setHeader("connection", "close"))
  await new Promise((noticed) => setTimeout(noticed, noticeMillis))
  await attempt(() => closed(server, drainMillis))
  await attempt(() => shop.stop({ drainMillis }))
  if (close !== undefined) await attempt(close)
  if (errors.length > 0) throw errors[0]
}

/** How often connections that have become idle are closed. */
const lookMillis = 50

/** Answers under way may finish; connections are closed as soon as they are idle, and all of them when the time is over. */
const closed = (server: Server, drainMillis: number): Promise<void> =>
  new Promise((resolve) => {
    // One that was idle may have been asked something a moment ago: so the server stops listening first.
    const idle = setInterval(() => server.closeIdleConnections(), lookMillis)
    const impatient = setTimeout(() => server.closeAllConnections(), drainMillis)
    server.close(() => {
      clearInterval(idle)
      clearTimeout(impatient)
      resolve()
    })
  })
