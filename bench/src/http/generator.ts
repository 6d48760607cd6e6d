/**
 * The load generator, in a process of its own: raw sockets that each send a request, read its answer and send the next.
 *
 * `node generator.ts '{ … }'` prints one line of JSON. It parses no more of an answer than it has to, so that it is never
 * the slower half.
 */
import { connect, type Socket } from "node:net"

export interface Load {
  readonly port: number
  /** Connections that read products, place orders on one product, and claim coupons. */
  readonly readers: number
  readonly buyers: number
  readonly claimers: number
  readonly warmMillis: number
  readonly millis: number
}

export interface Heard {
  readonly perSecond: number
  readonly p50Millis: number
  readonly p99Millis: number
  readonly failures: number
}

export interface Report {
  readonly reads: Heard
  readonly orders: Heard
  readonly claims: Heard
  /** The share of one core that the generator itself took. */
  readonly utilisation: number
}

interface Kind {
  readonly request: () => string
  readonly millis: Array<number>
  /** Answers that are neither a success nor, for coupons, a refusal. */
  failures: number
}

const ids = 1_000
let sent = 0
const unique = `${process.pid}-${Date.now()}`
const common = "host: shop.test\r\nuser-agent: bench\r\naccept: application/json\r\naccept-language: en\r\n"

const read = (): string => {
  const id = sent++ % ids
  return `GET /api/v1/products/${id} HTTP/1.1\r\n${common}authorization: Bearer ${id}\r\n\r\n`
}

const post = (path: string, user: number, body: string): string =>
  `POST /api/v1${path} HTTP/1.1\r\n${common}authorization: Bearer ${user}\r\ncontent-type: application/json\r\n` +
  `content-length: ${body.length}\r\nidempotency-key: "${unique}-${sent}"\r\n\r\n${body}`

const order = (): string => {
  const user = sent++ % ids
  return post(
    "/orders",
    user,
    `{"userId":"${user}","orderItems":[{"productId":"1","quantity":1}],"reference":"cart ${sent}"}`,
  )
}

const claim = (): string => {
  const user = sent++ % ids
  return post("/coupons/issue", user, `{"userId":"${user}","couponId":"sale"}`)
}

const kindOf = (request: () => string): Kind => ({ request, millis: [], failures: 0 })

/** One connection, until it is told to end. */
const drive = (port: number, kind: Kind, phase: { measuring: boolean; over: boolean }): Promise<void> =>
  new Promise((resolve, reject) => {
    let began = 0
    let buffered = ""
    const socket: Socket = connect({ port, host: "127.0.0.1", noDelay: true }, () => ask())
    socket.setEncoding("latin1")
    const ask = (): void => {
      began = performance.now()
      socket.write(kind.request())
    }
    socket.on("data", (chunk: string) => {
      buffered += chunk
      const head = buffered.indexOf("\r\n\r\n")
      if (head === -1) return
      const at = buffered.indexOf("content-length: ")
      const length = Number.parseInt(buffered.slice(at + 16, at + 24), 10)
      if (buffered.length < head + 4 + length) return
      const status = buffered.slice(9, 12)
      buffered = ""
      if (phase.measuring) {
        kind.millis.push(performance.now() - began)
        if (status !== "200" && status !== "409" && status !== "422") kind.failures++
      }
      if (phase.over) {
        socket.destroy()
        resolve()
      } else ask()
    })
    socket.on("error", reject)
  })

const heard = ({ millis, failures }: Kind, seconds: number): Heard => {
  const sorted = Float64Array.from(millis).sort()
  const at = (share: number): number => sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  return { perSecond: sorted.length / seconds, p50Millis: at(0.5), p99Millis: at(0.99), failures }
}

const main = async (load: Load): Promise<Report> => {
  const [reads, orders, claims] = [kindOf(read), kindOf(order), kindOf(claim)]
  const phase = { measuring: false, over: false }
  const times = (count: number, kind: Kind) => Array.from({ length: count }, () => drive(load.port, kind, phase))
  const driving = [...times(load.readers, reads), ...times(load.buyers, orders), ...times(load.claimers, claims)]
  const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))
  await pause(load.warmMillis)
  const [began, cpu] = [performance.now(), process.cpuUsage()]
  phase.measuring = true
  await pause(load.millis)
  phase.measuring = false
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - began) / 1_000
  phase.over = true
  await Promise.all(driving)
  return {
    reads: heard(reads, seconds),
    orders: heard(orders, seconds),
    claims: heard(claims, seconds),
    utilisation: (user + system) / 1_000_000 / seconds,
  }
}

if (process.argv[1] === import.meta.filename)
  console.log(JSON.stringify(await main(JSON.parse(process.argv[2] ?? "{}"))))
