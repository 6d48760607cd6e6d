/**
 * Somebody at the door of a server: a TCP server that lets connections through, or turns them away as PostgreSQL does, with a
 * FATAL error of a given SQLSTATE. It counts who came.
 */
import { Buffer } from "node:buffer"
import { connect, createServer, type Socket } from "node:net"

export interface Doorman {
  readonly url: string
  /** How many connections were asked for. */
  readonly came: () => number
  readonly close: () => Promise<void>
}

/** `turnedAway` says with which SQLSTATE the nth connection is turned away, counted from 1; undefined lets it through. */
export const doormanOf = async (target: string, turnedAway: (nth: number) => string | undefined): Promise<Doorman> => {
  const real = new URL(target)
  const here = new URL(target)
  const sockets = new Set<Socket>()
  let came = 0
  const server = createServer((near) => {
    const code = turnedAway(++came)
    sockets.add(near)
    near.on("error", () => {})
    if (code !== undefined) {
      near.once("data", () => near.end(fatal(code)))
      return
    }
    const far = connect({ host: real.hostname, port: Number(real.port === "" ? 5432 : real.port) })
    sockets.add(far)
    far.on("error", () => near.destroy())
    near.pipe(far).pipe(near)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  here.port = String(typeof address === "object" && address !== null ? address.port : 0)
  here.hostname = "127.0.0.1"
  return {
    url: here.href,
    came: () => came,
    close: () => {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** An ErrorResponse of the protocol. */
const fatal = (code: string): Buffer => {
  const fields = ["SFATAL", "VFATAL", `C${code}`, "Mturned away at the door"].map((field) => `${field}\0`).join("")
  const body = Buffer.from(`${fields}\0`)
  const head = Buffer.alloc(5)
  head.write("E")
  head.writeUInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}
