/**
 * The load generator, in a process of its own: raw keep-alive sockets, one request at a time on each.
 *
 * It gets loads as messages and answers each with a report. It parses no more of an answer than it has to, so that it is
 * never the slower half.
 */
import { connect, type Socket } from "node:net"

export interface Stream {
  /** `late` claims a coupon of the campaign `gone`, by one of fifty accounts that own none of it. */
  readonly kind: "read" | "popular" | "order" | "claim" | "late"
  readonly connections: number
  /**
   * Requests per second, whether or not the last ones were answered (an open loop: what users do). Without it every
   * connection sends as soon as it was answered (a closed loop: what finds the most that a server can do).
   */
  readonly perSecond?: number
}

export interface Load {
  readonly port: number
  readonly streams: ReadonlyArray<Stream>
  readonly warmMillis: number
  readonly millis: number
}

export interface Heard {
  readonly perSecond: number
  readonly p50Millis: number
  readonly p99Millis: number
}

export interface Report {
  /** By the order of the load's streams; of the measured time only. */
  readonly heard: ReadonlyArray<Heard>
  /** Everything that was answered, also while warming up. */
  readonly answers: number
  /** Answers that are neither a success nor a refusal. */
  readonly failures: number
  /** The share of one core that the generator itself took. */
  readonly utilisation: number
}

const ids = 1_000
let sent = 0
const unique = `${process.pid}-${Date.now()}`
const common = "host: shop.test\r\nuser-agent: bench\r\naccept: application/json\r\naccept-language: en\r\n"

const post = (path: string, user: string, body: string): string =>
  `POST /api/v1${path} HTTP/1.1\r\n${common}authorization: Bearer ${user}\r\ncontent-type: application/json\r\n` +
  `content-length: ${body.length}\r\nidempotency-key: "${unique}-${sent}"\r\n\r\n${body}`

const requests: Readonly<Record<Stream["kind"], (user: number) => string>> = {
  read: (id) => `GET /api/v1/products/${id} HTTP/1.1\r\n${common}authorization: Bearer ${id}\r\n\r\n`,
  popular: (id) => `GET /api/v1/products/popular HTTP/1.1\r\n${common}authorization: Bearer ${id}\r\n\r\n`,
  order: (user) =>
    post(
      "/orders",
      String(user),
      `{"userId":"${user}","orderItems":[{"productId":"1","quantity":1}],"reference":"cart ${sent}"}`,
    ),
  claim: (user) => post("/coupons/issue", String(user), `{"userId":"${user}","couponId":"sale"}`),
  late: (user) => post("/coupons/issue", `account-${user % 50}`, `{"userId":"account-${user % 50}","couponId":"gone"}`),
}

class Connection {
  readonly #socket: Socket
  readonly #onAnswer: (connection: Connection, status: string, millis: number) => void
  #buffered = ""
  #since = 0

  constructor(port: number, onAnswer: (connection: Connection, status: string, millis: number) => void) {
    this.#onAnswer = onAnswer
    // A connection that breaks is no measurement: the process ends with the error.
    this.#socket = connect({ port, host: "127.0.0.1", noDelay: true })
    this.#socket.setEncoding("latin1")
    this.#socket.on("data", (chunk: string) => this.#hear(chunk))
    // What is sent on it from now on would never be answered.
    this.#socket.on("end", () => this.#socket.destroy(new Error("The server closed a connection.")))
  }

  send(kind: Stream["kind"], since: number): void {
    this.#since = since
    this.#socket.write(requests[kind](sent++ % ids))
  }

  end(): void {
    this.#socket.destroy()
  }

  #hear(chunk: string): void {
    this.#buffered += chunk
    const head = this.#buffered.indexOf("\r\n\r\n")
    if (head === -1) return
    const at = this.#buffered.indexOf("content-length: ") + 16
    const length = Number.parseInt(this.#buffered.slice(at, at + 8), 10)
    if (this.#buffered.length < head + 4 + length) return
    const status = this.#buffered.slice(9, 12)
    this.#buffered = ""
    this.#onAnswer(this, status, performance.now() - this.#since)
  }
}

const expected: ReadonlySet<string> = new Set(["200", "409", "422"])

const run = async ({ port, streams, warmMillis, millis }: Load): Promise<Report> => {
  let [answers, failures, measuring, over] = [0, 0, false, false]
  let underWay = 0
  const allAnswered = Promise.withResolvers<void>()

  /** Opens the connections of a stream and keeps them busy; answers the latencies of the measured time. */
  const drive = ({ kind, connections, perSecond }: Stream): ReadonlyArray<number> => {
    const latencies: Array<number> = []
    const idle: Array<Connection> = []
    /** Since when requests wait for a connection. */
    const due: Array<number> = []
    const send = (connection: Connection, since: number): void => {
      underWay++
      connection.send(kind, since)
    }
    const onAnswer = (connection: Connection, status: string, took: number): void => {
      underWay--
      answers++
      if (!expected.has(status)) failures++
      if (measuring) latencies.push(took)
      if (over) {
        connection.end()
        if (underWay === 0) allAnswered.resolve()
      } else if (perSecond === undefined) send(connection, performance.now())
      else {
        // What was due while every connection was busy has waited since then: a slow server does not slow its users.
        const since = due.shift()
        if (since === undefined) idle.push(connection)
        else send(connection, since)
      }
    }
    for (let index = 0; index < connections; index++) idle.push(new Connection(port, onAnswer))
    if (perSecond === undefined) for (const connection of idle.splice(0)) send(connection, performance.now())
    else {
      const began = performance.now()
      let begun = 0
      const timer = setInterval(() => {
        if (over) {
          clearInterval(timer)
          for (const connection of idle) connection.end()
          return
        }
        const now = performance.now()
        for (; begun < ((now - began) / 1_000) * perSecond; begun++) {
          // In turns, so that the server closes none that nobody has used for long.
          const connection = idle.shift()
          if (connection === undefined) due.push(now)
          else send(connection, now)
        }
      }, 1)
    }
    return latencies
  }

  const latencies = streams.map(drive)
  const pause = (time: number) => new Promise((resolve) => setTimeout(resolve, time))
  await pause(warmMillis)
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  measuring = true
  await pause(millis)
  measuring = false
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - began) / 1_000
  over = true
  if (underWay > 0) await allAnswered.promise
  return {
    heard: latencies.map((each) => heardOf(each, seconds)),
    answers,
    failures,
    utilisation: (user + system) / 1_000_000 / seconds,
  }
}

const heardOf = (millis: ReadonlyArray<number>, seconds: number): Heard => {
  const sorted = Float64Array.from(millis).sort()
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  return { perSecond: sorted.length / seconds, p50Millis: at(0.5), p99Millis: at(0.99) }
}

process.on("message", async (load: Load) => process.send?.(await run(load)))
process.on("disconnect", () => process.exit(0))
process.send?.("ready")
