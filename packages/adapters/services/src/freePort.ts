import { createServer } from "node:net"

/**
 * Below the ports that systems give to outgoing connections, so that none of those takes a server's port while the server
 * is down between two starts.
 */
const [first, last] = [15_000, 32_000] as const

/** A port of the loopback address that nobody listens on, nor on the one that is so much above it. */
export const freePort = async (above = 0): Promise<number> => {
  for (;;) {
    const port = first + Math.floor(Math.random() * (last - above - first))
    if ((await isFree(port)) && (await isFree(port + above))) return port
  }
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const probe = createServer()
    probe.once("error", () => resolve(false))
    probe.listen(port, "127.0.0.1", () => probe.close(() => resolve(true)))
  })
