/**
 * How a host names its Redis, checked before anything is opened.
 */
import { Options } from "@holdfast/core"
import { type RankingGuarantees, rankingDays } from "@holdfast/core/ports"
import { whyNotUrls } from "./address.ts"
import type { Send } from "./Connection.ts"

/** What of an `ioredis` client is needed: a `Redis` or a `Cluster` of version 5 or 6 has it as it is. */
export interface RedisClient {
  readonly call: (command: string, ...args: Array<string>) => Promise<unknown>
}

/** One of the three ways to a Redis. */
export interface Ways {
  /** An `ioredis` client of yours, `Redis` or `Cluster`. It stays yours: it is never configured and never closed. */
  readonly client?: RedisClient | undefined
  /**
   * `redis://` or `rediss://` with name and password as usual, and the number of a database behind the host where it is not 0:
   * one that the server does not have is a Redis that is away. Several are the seeds of a cluster. Needs the package `ioredis`.
   */
  readonly url?: string | ReadonlyArray<string> | undefined
  /** Sends one command, for any other client. */
  readonly send?: Send | undefined
}

export interface CommonOptions extends Ways {
  /** What every key begins with: one of its own for every shop. Default "holdfast:". */
  readonly prefix?: string | undefined
  /** How long a call may take before the store is asked instead, 10 to 5,000 ms. Default 100. */
  readonly timeoutMillis?: number | undefined
}

export interface RedisOptions extends CommonOptions {
  /** Whether single products are shared as well, and not only lists and seals. Default false. */
  readonly products?: boolean | undefined
}

export interface RankingOptions extends CommonOptions {
  /** The windows that are kept sorted, in days, for `popularity.top`: 1 to 4 of them, each 1 to 31. Default [3]. */
  readonly days?: RankingGuarantees["days"] | undefined
}

const commonChecks: Options.Checks<CommonOptions> = {
  client: Options.must("an ioredis client, which has call()", isClient),
  url: (url) => whyNotUrls(Array.isArray(url) ? url : [url]),
  send: Options.aFunction,
  prefix: Options.must(
    "1 to 64 printable characters without { or }",
    (value) => typeof value === "string" && /^[!-z|~]{1,64}$/.test(value),
  ),
  timeoutMillis: Options.wholeNumber(10, 5_000),
}

export const redisChecks: Options.Checks<RedisOptions> = { ...commonChecks, products: Options.trueOrFalse }

export const rankingChecks: Options.Checks<RankingOptions> = { ...commonChecks, days: rankingDays }

/** Throws where the options are not as the checks say, or do not name exactly one way to a Redis. */
export const checkRedis = <Of extends Ways>(options: Of, checks: Options.Checks<Of>): void => {
  Options.check(options, checks)
  const given = (["client", "url", "send"] as const).filter((way) => options[way] !== undefined)
  const message = "pass one of `client`, `url` and `send`"
  if (given.length !== 1) Options.refuse([{ pointer: given.length === 0 ? "" : `/${given[1]}`, message }])
}

export const defaultPrefix = "holdfast:"

function isClient(client: unknown): boolean {
  return typeof client === "object" && client !== null && typeof Reflect.get(client, "call") === "function"
}
