/**
 * A shop behind `node:http`: everything that a real server adds around the handler, and the library deliberately does not.
 */
import { createServer, type Server } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { createHoldfast } from "@holdfast/core"
import { shopHandler } from "@holdfast/http"
import { toNodeHandler } from "@holdfast/http/node"
import { type Catalogue, loadCatalogue } from "./catalogue.ts"
import type { StoreFlag } from "./flags.ts"
import { openStore } from "./stores.ts"
import { answerUnreadable } from "./unreadable.ts"

export interface Serving {
  readonly url: string
  /** Stops accepting, answers what was accepted, and lets the store go. */
  readonly stop: () => Promise<void>
}

export const serve = async (options: {
  readonly port: number
  readonly store: StoreFlag
  readonly catalogue: Catalogue
  readonly say: (text: string) => void
}): Promise<Serving> => {
  const { say } = options
  const shop = createHoldfast({
    store: await openStore(options.store),
    logger: (level, text) => say(`${level}: ${text}`),
  })
  await shop.start()
  for (const sentence of await loadCatalogue(shop, options.catalogue)) say(sentence)
  const handler = shopHandler(shop, {
    demoIdentity: true,
    keys: "optional",
    cancel: { by: "owner", until: "completed" },
    warn: say,
  })
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, toNodeHandler(handler))
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => answerUnreadable(error, socket))
  // A flash sale opens many connections at once; the default backlog of 511 turns some of them away.
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen({ port: options.port, host: "127.0.0.1", backlog: 4_096 }, resolve)
  })
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}`, stop: () => stop(server).then(() => shop.stop()) }
}

/** Answers under way may finish; connections are closed as soon as they are idle, and after 5 seconds anyway. */
const stop = (server: Server): Promise<void> =>
  new Promise((resolve) => {
    const idle = setInterval(() => server.closeIdleConnections(), 50)
    const impatient = setTimeout(() => server.closeAllConnections(), 5_000)
    server.close(() => {
      clearInterval(idle)
      clearTimeout(impatient)
      resolve()
    })
  })
