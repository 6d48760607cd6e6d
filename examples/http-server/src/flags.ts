/**
 * The flags of `npm run serve`, read into one value or refused with a sentence.
 */
import { parseArgs } from "node:util"

export const usage = `npm run serve -- [flags]

  --port N             the port to listen on; 0 takes a free one (default 3000)
  --store NAME         memory, pglite or postgres (default pglite: PostgreSQL inside this process)
  --url URL            where the PostgreSQL server is, for --store postgres (default DATABASE_URL)
  --data DIR           keeps PGlite's data there between starts (default: in memory)
  --notice MILLIS      how long to go on serving after SIGTERM, for a balancer to see it (default 0)
  --redis URL          shares reads, seals and what is popular: redis://127.0.0.1:6379 (default: each keeps its own)
  --kafka BROKERS      publishes every event to the topic shop.events: 127.0.0.1:9092 (default: nowhere)
  --catalogue FILE     accounts, products and campaigns to load, as JSON (default: a small one)
  --help               prints this
`

export type StoreFlag =
  | { readonly name: "memory" }
  | { readonly name: "pglite"; readonly dir: string | undefined }
  | { readonly name: "postgres"; readonly url: string }

export interface Flags {
  readonly port: number
  readonly store: StoreFlag
  readonly catalogue: string | undefined
  readonly noticeMillis: number
  readonly redis: string | undefined
  readonly kafka: ReadonlyArray<string> | undefined
}

/** As `shutDown` has it, which is asked when the server leaves: too late to hear that it never could. */
const longestNotice = 600_000

/** What the flags mean; undefined where they ask for help. Throws an Error whose message says what is wrong with them. */
export const readFlags = (
  args: ReadonlyArray<string>,
  environment: Readonly<Record<string, string | undefined>>,
): Flags | undefined => {
  const { values } = parseArgs({
    args: [...args],
    options: {
      port: { type: "string", default: "3000" },
      store: { type: "string", default: "pglite" },
      url: { type: "string" },
      data: { type: "string" },
      catalogue: { type: "string" },
      notice: { type: "string", default: "0" },
      redis: { type: "string" },
      kafka: { type: "string" },
      help: { type: "boolean", short: "h" },
    },
  })
  if (values.help === true) return undefined
  const port = Number(values.port)
  if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new Error(`--port ${values.port} is no port.`)
  const noticeMillis = Number(values.notice)
  if (!Number.isInteger(noticeMillis) || noticeMillis < 0 || noticeMillis > longestNotice)
    throw new Error(`--notice ${values.notice} is no time of at most ${longestNotice} milliseconds.`)
  const { catalogue, redis } = values
  const kafka = values.kafka?.split(",")
  const wrong = kafka?.find((broker) => !/^[^\s:]+:\d+$/.test(broker))
  if (wrong !== undefined) throw new Error(`--kafka ${wrong} is no address of a broker, such as 127.0.0.1:9092.`)
  if (redis !== undefined && !/^rediss?:\/\//.test(redis)) throw new Error(`--redis ${redis} is no address of a Redis.`)
  return { port, store: storeOf(values, environment.DATABASE_URL), catalogue, noticeMillis, redis, kafka }
}

const storeOf = (
  values: { readonly store: string; readonly url?: string | undefined; readonly data?: string | undefined },
  databaseUrl: string | undefined,
): StoreFlag => {
  const { store, data } = values
  if (data !== undefined && store !== "pglite") throw new Error("--data belongs to --store pglite.")
  if (values.url !== undefined && store !== "postgres") throw new Error("--url belongs to --store postgres.")
  switch (store) {
    case "memory":
      return { name: "memory" }
    case "pglite":
      return { name: "pglite", dir: data }
    case "postgres": {
      const url = values.url ?? databaseUrl
      if (url === undefined) throw new Error("--store postgres needs --url or DATABASE_URL.")
      return { name: "postgres", url }
    }
    default:
      throw new Error(`There is no store "${store}"; there are memory, pglite and postgres.`)
  }
}
