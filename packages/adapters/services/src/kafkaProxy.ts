/**
 * A proxy before a broker that can lose the reply to a request which the broker has carried out.
 *
 * Kafka's clients connect to the addresses that brokers tell them, so the broker has a listener that tells ours.
 */
import { connect, createServer, type Socket } from "node:net"
import type { KafkaBroker } from "./kafka.ts"

export interface KafkaProxy {
  /** `host:port` for clients. */
  readonly address: string
  /** Loses the reply to the next Produce request, and its connection. Resolves when that has happened. */
  readonly loseProduce: () => Promise<void>
  /** Ends all connections and takes no more, until `mend`. */
  readonly cut: () => void
  readonly mend: () => void
  readonly close: () => Promise<void>
}

const produce = 0

export const proxyToBroker = async ({ proxied }: KafkaBroker): Promise<KafkaProxy> => {
  const open = new Set<Socket>()
  let isCut = false
  let lose: (() => void) | undefined
  const server = createServer((client) => {
    if (isCut) return void client.destroy()
    const broker = connect({ host: "127.0.0.1", port: proxied.port })
    let unheard: number | undefined
    const end = () => {
      client.destroy()
      broker.destroy()
    }
    for (const socket of [client, broker]) {
      open.add(socket)
      socket.on("error", end)
      socket.on("close", () => {
        open.delete(socket)
        end()
      })
    }
    const requests = frames((frame) => {
      if (lose !== undefined && unheard === undefined && frame.readInt16BE(4) === produce) {
        unheard = frame.readInt32BE(8)
      }
      broker.write(frame)
    })
    const replies = frames((frame) => {
      if (frame.readInt32BE(4) !== unheard) return void client.write(frame)
      lose?.()
      lose = undefined
      end()
    })
    client.on("data", requests)
    broker.on("data", replies)
  })
  const port = Number(new URL(`tcp://${proxied.address}`).port)
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject)
    server.listen(port, "127.0.0.1", resolve)
  })
  const cut = () => {
    for (const socket of open) socket.destroy()
  }
  return {
    address: proxied.address,
    loseProduce: () =>
      new Promise((resolve) => {
        lose = resolve
      }),
    cut: () => {
      isCut = true
      cut()
    },
    mend: () => {
      isCut = false
    },
    close: () => {
      cut()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Hands over whole messages, each with its length before it. */
const frames = (found: (frame: Buffer) => void): ((bytes: Buffer) => void) => {
  let pending: Buffer = Buffer.alloc(0)
  return (bytes) => {
    pending = Buffer.concat([pending, bytes])
    while (pending.length >= 4) {
      const end = 4 + pending.readInt32BE(0)
      if (pending.length < end) return
      found(pending.subarray(0, end))
      pending = pending.subarray(end)
    }
  }
}
