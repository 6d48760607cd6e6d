/**
 * A shop behind `node:http`: everything that a real server adds around the handler, and the library deliberately does not.
 */
import { createServer } from "node:http"
import type { AddressInfo, Socket } from "node:net"
import { createHoldfast } from "@holdfast/core"
import { shopHandler } from "@holdfast/http"
import { shutDown, toNodeHandler } from "@holdfast/http/node"
import { type Catalogue, loadCatalogue } from "./catalogue.ts"
import type { StoreFlag } from "./flags.ts"
import { openBus, openShared, openStore } from "./stores.ts"
import { answerUnreadable, noteRequest } from "./unreadable.ts"

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
  /** How long it goes on serving after `stop`, for a balancer to see that it leaves. */
  readonly noticeMillis: number
  /** Where a Redis is that the processes of this shop share. Default: none. */
  readonly redis?: string | undefined
  /** Brokers of Kafka that the events of this shop go to. Default: none. */
  readonly kafka?: ReadonlyArray<string> | undefined
}): Promise<Serving> => {
  const { say } = options
  const bus = options.kafka && (await openBus(options.kafka))
  const shop = createHoldfast({
    store: await openStore(options.store),
    ...(options.redis !== undefined && (await openShared(options.redis))),
    ...(bus && { bus }),
    logger: (level, text) => say(`${level}: ${text}`),
  })
  await shop.start()
  for (const sentence of await loadCatalogue(shop, options.catalogue)) say(sentence)
  const handler = shopHandler(shop, {
    demoIdentity: true,
    keys: "optional",
    charge: { by: "owner" },
    cancel: { by: "owner", until: "completed" },
    warn: say,
    ...(options.redis !== undefined && { cache: { productMillis: 500, popularMillis: 2_000 } }),
  })
  const server = createServer({ requestTimeout: 30_000, headersTimeout: 10_000 }, toNodeHandler(handler))
  server.prependListener("request", noteRequest)
  server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => answerUnreadable(error, socket))
  // A flash sale opens many connections at once; the default backlog of 511 turns some of them away.
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen({ port: options.port, host: "127.0.0.1", backlog: 4_096 }, resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    stop: () =>
      shutDown({
        server,
        handler,
        shop,
        noticeMillis: options.noticeMillis,
        drainMillis: 5_000,
        ...(bus && { close: bus.close }),
      }),
  }
}
