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
  /** Loses the reply of the next commit and ends every connection: it happened, and nobody hears of it but those words. */
  readonly loseCommit: (parting?: LastWords) => Promise<void>
  /** From now on requests arrive and replies do not; ends every connection a little later. Says how many were lost. */
  readonly swallowReplies: (millis: number) => Promise<number>
  /**
   * The next `count` statements of that text are cancelled before they begin, as by somebody's `pg_cancel_backend` in that
   * moment: each fails, and a commit leaves its transaction open. They must have no parameters and no name.
   */
  readonly cancel: (sql: string, count: number) => void
  /** How many were. */
  readonly cancelled: () => number
  /** Ends the connection behind the next error that the server answers: the client gets that, and nothing more. */
  readonly cutBehindError: () => Promise<void>
  /** Ends every connection with those words, whatever is under way. Completes when the clients have closed them too. */
  readonly farewell: (parting: LastWords) => Promise<void>
  /** Holds back every byte in both directions, or lets them go again: a server that is there and does not answer. */
  readonly stall: (stalled: boolean) => void
  /**
   * From now on the server gets nothing that clients send, until they have sent `bytes` more: then their side of every
   * connection is reset, and the server hears nothing of that. `done` says from which ports it sees the connections that
   * something was held back of. It reaches the server when `deliver` says so, which completes when each session is done
   * with it, or was closed.
   */
  readonly holdAndReset: (bytes: number) => {
    readonly done: Promise<ReadonlyArray<number>>
    readonly deliver: () => Promise<void>
  }
  /** From now on new connections go to another server. */
  readonly leadTo: (url: string) => void
  /** Refuses new connections, or takes them again. */
  readonly refuse: (refused: boolean) => void
  /** How many connections were refused. */
  readonly refusals: () => number
  /** How many statements were sent. */
  readonly statements: () => number
  /** The most connections that there were at one time. */
  readonly most: () => number
  readonly close: () => Promise<void>
}

/** What somebody says who ends a connection, such as a server that stops. `translated` is the severity as people read it. */
export interface LastWords {
  readonly severity: "FATAL" | "PANIC"
  readonly translated?: string
  readonly code: string
}

export const proxyTo = async (target: string): Promise<CuttableWire> => {
  const { pathname, username, password } = new URL(target)
  let current = new URL(target)
  const pairs = new Set<readonly [Socket, Socket]>()
  let losing: { readonly lost: () => void; readonly parting: LastWords | undefined } | undefined
  let parting: (() => void) | undefined
  let cancelling: { readonly sql: string; left: number } | undefined
  let cancelled = 0
  /** Those of which only the server's side is left. */
  const outliving = new Set<readonly [Socket, Socket]>()
  let swallowing = false
  let swallowed = 0
  let refused = false
  let refusals = 0
  let stalled = false
  let most = 0
  let statements = 0
  let holding: { readonly held: (near: Socket, bytes: Buffer) => void } | undefined
  const server = createServer((near) => {
    if (refused) {
      refusals++
      near.destroy()
      return
    }
    const far = connect({ host: current.hostname, port: Number(current.port === "" ? 5432 : current.port) })
    const pair = [near, far] as const
    pairs.add(pair)
    most = Math.max(most, pairs.size)
    const read = statementReader(() => statements++)
    near.on("data", (sent) => {
      let bytes: Buffer = sent
      for (let next: Buffer | undefined; cancelling !== undefined && cancelling.left > 0; cancelling.left--) {
        next = withCancelled(cancelling.sql, bytes)
        if (next === undefined) break
        bytes = next
        cancelled++
      }
      read(bytes)
      if (holding === undefined) far.write(bytes)
      else holding.held(near, bytes)
    })
    far.on("data", (bytes) => {
      if (losing !== undefined && bytes.includes(committed)) {
        const { lost, parting: words } = losing
        losing = undefined
        lost()
        if (words === undefined) cut()
        else sayLast(pair, words)
      } else if (parting !== undefined && endOfError(bytes) !== undefined) {
        parting()
        parting = undefined
        near.end(bytes.subarray(0, endOfError(bytes)))
        far.destroy()
      } else if (swallowing) swallowed++
      else near.write(bytes)
    })
    if (stalled) for (const socket of pair) socket.pause()
    const end = () => {
      if (outliving.has(pair)) return
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
    loseCommit: (words) =>
      new Promise((lost) => {
        losing = { lost, parting: words }
      }),
    swallowReplies: async (millis) => {
      swallowing = true
      swallowed = 0
      await new Promise((resolve) => setTimeout(resolve, millis))
      cut()
      swallowing = false
      return swallowed
    },
    cutBehindError: () =>
      new Promise((resolve) => {
        parting = resolve
      }),
    cancel: (sql, left) => {
      cancelling = { sql, left }
    },
    cancelled: () => cancelled,
    farewell: async (words) => {
      const closed = Array.from(pairs, ([near]) => new Promise<unknown>((resolve) => near.once("close", resolve)))
      for (const pair of pairs) sayLast(pair, words)
      await Promise.all(closed)
    },
    holdAndReset: (least) => {
      const held = new Map<Socket, Array<Buffer>>()
      const { promise: done, resolve } = Promise.withResolvers<ReadonlyArray<number>>()
      let count = 0
      holding = {
        held: (near, bytes) => {
          held.set(near, [...(held.get(near) ?? []), bytes])
          count += bytes.length
          if (count < least) return
          holding = undefined
          const ports: Array<number> = []
          for (const pair of pairs) {
            const [client, far] = pair
            outliving.add(pair)
            client.destroy()
            if (held.has(client)) ports.push(far.localPort ?? 0)
          }
          resolve(ports)
        },
      }
      const deliverTo = (pair: readonly [Socket, Socket]): Promise<void> =>
        new Promise((answered) => {
          const [near, far] = pair
          const end = (): void => {
            outliving.delete(pair)
            pairs.delete(pair)
            far.destroy()
            answered()
          }
          const bytes = held.get(near)
          if (bytes === undefined || far.destroyed) return end()
          far.once("close", end).once("error", end)
          // With a goodbye behind it: the server closes when it has done everything.
          far.write(Buffer.concat([...bytes, goodbye]))
        })
      return { done, deliver: async () => void (await Promise.all(Array.from(outliving, deliverTo))) }
    },
    leadTo: (url) => {
      current = new URL(url)
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
    refusals: () => refusals,
    statements: () => statements,
    most: () => most,
    close: () => {
      outliving.clear()
      cut()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** How a server says that a commit is done. It says so behind whatever else it answers, so a whole reply has it. */
const committed = Buffer.from("COMMIT\0")
/** Terminate. */
const goodbye = Buffer.from([0x58, 0, 0, 0, 4])

/** How an ErrorResponse begins, behind its type and its length. */
const errorFields = Buffer.from("SERROR\0")

/** Where the first whole error in these bytes ends; undefined where there is none. */
const endOfError = (bytes: Buffer): number | undefined => {
  const at = bytes.indexOf(errorFields) - 4
  if (at < 1) return undefined
  const end = at + bytes.readUInt32BE(at)
  return end <= bytes.length ? end : undefined
}

/** A message of the protocol: a type, the length of what follows, and that. */
const messageOf = (type: string, body: string): Buffer => {
  const message = Buffer.from(`${type}\0\0\0\0${body}`, "latin1")
  message.writeUInt32BE(message.length - 1, 1)
  return message
}

const errorOf = ({ severity, translated = severity, code }: LastWords): Buffer =>
  messageOf("E", `S${translated}\0V${severity}\0C${code}\0Mthis is the end\0\0`)

/** The client closes when it has heard that, and then the server's side is closed as well. */
const sayLast = ([near, far]: readonly [Socket, Socket], words: LastWords): void => {
  far.pause()
  near.end(errorOf(words))
}

const parseOf = (sql: string): Buffer => messageOf("P", `\0${sql}\0\0\0`)
const queryOf = (sql: string): Buffer => messageOf("Q", `${sql}\0`)
const cancelledStatement = "do $$begin raise query_canceled; end$$"

/** The same bytes with the first such statement cancelled, sent by Parse or by Query; undefined where they have none. */
const withCancelled = (sql: string, bytes: Buffer): Buffer | undefined => {
  for (const messageWith of [parseOf, queryOf]) {
    const meant = messageWith(sql)
    const at = bytes.indexOf(meant)
    if (at >= 0) {
      const rest = bytes.subarray(at + meant.length)
      return Buffer.concat([bytes.subarray(0, at), messageWith(cancelledStatement), rest])
    }
  }
  return undefined
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
