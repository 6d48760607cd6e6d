/**
 * The URL of a Redis, read before a client has it: a client takes what it cannot read for something else.
 */

interface RedisAddress {
  /** Without the database. */
  readonly url: string
  readonly database: number
}

const isUrl = /^rediss?:\/\//

/** What a URL must be, where it is not. Nothing of it is repeated, for there may be a password in it. */
export const whyNotUrl = (url: unknown): string | undefined => {
  if (typeof url !== "string" || !isUrl.test(url)) return "must begin with redis:// or rediss://"
  if (!URL.canParse(url)) return notLikeThis
  const { username, password, hostname, port, pathname, searchParams } = new URL(url)
  if (hostname === "" || port === "0" || !isDecodable(username) || !isDecodable(password)) return notLikeThis
  const databases = [pathname.replace(/^\//, ""), ...searchParams.getAll("db")]
  return databases.every((each) => /^\d{0,5}$/.test(each)) ? undefined : "must name the database by its number"
}

/** What several URLs must be, which are the seeds of a cluster, or one in a list. */
export const whyNotUrls = (urls: ReadonlyArray<unknown>): string | undefined => {
  if (urls.length === 0) return whyNotUrl(undefined)
  const whyNot = urls.map(whyNotUrl).find((why) => why !== undefined)
  if (whyNot !== undefined || urls.length === 1) return whyNot
  return urls.some((url) => typeof url === "string" && addressOf(url).database !== 0)
    ? "must name no database: a cluster has none but 0"
    : undefined
}

/** Of a URL that is as it must be. */
export const addressOf = (text: string): RedisAddress => {
  const url = new URL(text)
  // As a number: ioredis selects a database that it was given as text twice, and ends the process where the second one fails.
  const database = Number(url.pathname.replace(/^\//, "") || (url.searchParams.get("db") ?? ""))
  url.pathname = ""
  url.searchParams.delete("db")
  return { url: url.href, database }
}

/** What of an `ioredis` client is needed here. */
interface Client {
  readonly on: (event: "error", listener: (error: Error) => void) => unknown
  readonly disconnect: (reconnect: boolean) => void
  readonly status: string
}

/**
 * Closes a connection of which the server does not have the database: ioredis would go on in database 0, where another shop's
 * keys are. Answers what the server said, as long as that is why there is no connection. It hears all errors: without a
 * listener the process would end.
 */
export const keepToDatabase = (client: Client): (() => Error | undefined) => {
  let refused: Error | undefined
  client.on("error", (error) => {
    refused = isOfSelect(error) ? error : undefined
    if (refused !== undefined) client.disconnect(true)
  })
  return () => (client.status === "ready" ? undefined : refused)
}

/** ioredis marks what a server answers with the command that it answers. */
const isOfSelect = (error: Error): boolean => {
  const command: unknown = Reflect.get(error, "command")
  return typeof command === "object" && command !== null && Reflect.get(command, "name") === "select"
}

const notLikeThis =
  "must be like redis://host:port/database, and what is special in a name or a password percent-encoded"

const isDecodable = (text: string): boolean => {
  try {
    decodeURIComponent(text)
    return true
  } catch {
    return false
  }
}
