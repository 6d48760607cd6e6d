/**
 * A wire that can be cut: a TCP proxy before a server, which on demand drops connections, with or without the requests and
 * replies that are on their way.
 */
import { Buffer } from "node:buffer"
import { connect, createServer, type Socket } from "node:net"

export interface CuttableWire {
  readonly url: string
  /** Ends every connection, and says how many. What the server has not got yet it never gets. */
  readonly cut: () => number
  /** From now on requests arrive and replies do not; ends every connection a little later. Says how many were lost. */
  readonly swallowReplies: (millis: number) => Promise<number>
  /** Holds back every byte in both directions, or lets them go again: a server that is there and does not answer. */
  readonly stall: (stalled: boolean) => void
  /** Refuses new connections, or takes them again. */
  readonly refuse: (refused: boolean) => void
  /** How many statements were sent. */
  readonly statements: () => number
  /** The most connections that there were at one time. */
  readonly most: () => number
  readonly close: () => Promise<void>
}

export const proxyTo = async (target: string): Promise<CuttableWire> => {
  const { hostname, port, pathname, username, password } = new URL(target)
  const pairs = new Set<readonly [Socket, Socket]>()
  let swallowing = false
  let swallowed = 0
  let refused = false
  let stalled = false
  let most = 0
  let statements = 0
  const server = createServer((near) => {
    if (refused) {
      near.destroy()
      return
    }
    const far = connect({ host: hostname, port: Number(port === "" ? 5432 : port) })
    const pair = [near, far] as const
    pairs.add(pair)
    most = Math.max(most, pairs.size)
    const read = statementReader(() => statements++)
    near.on("data", (bytes) => {
      read(bytes)
      far.write(bytes)
    })
    far.on("data", (bytes) => {
      if (swallowing) swallowed++
      else near.write(bytes)
    })
    if (stalled) for (const socket of pair) socket.pause()
    const end = () => {
      pairs.delete(pair)
      near.destroy()
      far.destroy()
    }
    for (const socket of pair) socket.on("close", end).on("error", end)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const here = typeof address === "object" && address !== null ? address.port : 0
  const cut = () => {
    const count = pairs.size
    for (const [near, far] of pairs) {
      near.destroy()
      far.destroy()
    }
    return count
  }
  const user = `${username === "" ? "postgres" : username}${password === "" ? "" : `:${password}`}`
  return {
    url: `postgres://${user}@127.0.0.1:${here}${pathname === "" ? "/postgres" : pathname}`,
    cut,
    swallowReplies: async (millis) => {
      swallowing = true
      swallowed = 0
      await new Promise((resolve) => setTimeout(resolve, millis))
      cut()
      swallowing = false
      return swallowed
    },
    stall: (now) => {
      stalled = now
      for (const socket of Array.from(pairs).flat()) {
        if (now) socket.pause()
        else socket.resume()
      }
    },
    refuse: (now) => {
      refused = now
    },
    statements: () => statements,
    most: () => most,
    close: () => {
      cut()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** The messages of the protocol that run a statement: Execute and Query. */
const running: ReadonlyArray<number> = [0x45, 0x51]

/** Finds the messages in what a driver sends, and says when one runs a statement. */
const statementReader = (found: () => void): ((bytes: Buffer) => void) => {
  let pending: Buffer = Buffer.alloc(0)
  // The first message of a session has no type byte.
  let typeBytes = 0
  return (bytes) => {
    pending = Buffer.concat([pending, bytes])
    while (pending.length >= typeBytes + 4) {
      const end = typeBytes + pending.readUInt32BE(typeBytes)
      if (pending.length < end) return
      if (typeBytes === 1 && running.includes(pending[0] ?? 0)) found()
      typeBytes = 1
      pending = pending.subarray(end)
    }
  }
}
