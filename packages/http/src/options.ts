/**
 * What a host chooses about the HTTP surface, with its defaults, checked before the first request.
 */
import { maxOrderLines, type Order } from "@holdfast/core"
import { quietly } from "@holdfast/core/ports"
import type { Authorize, Caller, ResolveCaller } from "./exchange/identity.ts"
import type { RateLimitOptions } from "./exchange/RateLimit.ts"

/** Bounds on what one request may bring. */
export interface Limits {
  /** Bytes of a body, counted while they arrive. Default 65,536. */
  readonly bodyBytes: number
  /** Default 64. Node's own parser refuses more than 16 KB of headers before anybody sees them. */
  readonly headers: number
  /** Characters of path and query. Default 4,096. */
  readonly targetLength: number
  /** Items of one order: 1 to 100. Default 100. */
  readonly orderItems: number
  /**
   * Requests without an answer in this process; above it they are answered OVERLOADED at once. Probes, metrics and the
   * documentation neither count nor are refused. Default 10,000.
   */
  readonly inFlight: number
  /** How long a body may take to arrive. Default 10,000. */
  readonly bodyMillis: number
  /** How long an answer may take before it is 503 with an unknown outcome. Default 15,000. */
  readonly answerMillis: number
}

/** Who may charge points over HTTP. A charge makes points out of nothing: what was paid for it is the host's to know. */
export interface ChargeOptions<C extends Caller> {
  /** `"owner"`: every caller who may act for the account, for itself. Or the host's own rule, asked in addition. */
  readonly by: "owner" | ((question: ChargeQuestion<C>) => boolean | PromiseLike<boolean>)
}

export interface ChargeQuestion<C extends Caller> {
  readonly caller: C
  readonly accountId: string
  readonly amount: number
}

/** Who may cancel orders over HTTP, and until when. */
export interface CancelOptions<C extends Caller> {
  /** `"owner"`: whoever may act for the order's user. Or the host's own rule, asked in addition. */
  readonly by: "owner" | ((question: { readonly caller: C; readonly order: Order }) => boolean | PromiseLike<boolean>)
  /** Until so long after it was placed, in milliseconds, or until the host completes the order. */
  readonly until: "completed" | number
}

/** How old answers to reads may be, in milliseconds: 1 to 3,600,000. What is left out is answered exactly. */
export interface CacheOptions {
  /** One product. */
  readonly productMillis?: number | undefined
  /** The popular products. Where it is given, caches in between keep the list no longer than this. */
  readonly popularMillis?: number | undefined
}

export interface CommonOptions<C extends Caller> {
  /** Where the API begins. Default "/api/v1". */
  readonly basePath?: string | undefined
  /** Says who may do what, beyond callers acting for themselves. */
  readonly authorize?: Authorize<C> | undefined
  /** Whether a POST must carry an Idempotency-Key (default), or gets one made for it. */
  readonly keys?: "required" | "optional" | undefined
  /** Who may charge points. Off unless given. */
  readonly charge?: ChargeOptions<C> | undefined
  /** Who may cancel orders, and until when. Off unless given. */
  readonly cancel?: CancelOptions<C> | undefined
  /** Bounds on what one request may bring; those that are left out keep their defaults. */
  readonly limits?: Partial<Limits> | undefined
  /** How old answers to reads may be. Default: they are exact. */
  readonly cache?: CacheOptions | undefined
  /** Off unless given. */
  readonly rateLimit?: RateLimitOptions | undefined
  /**
   * The documentation page of a problem's code is this and the code. Default: this surface's own page, which is off in
   * production: name a page of yours there.
   */
  readonly problemTypeBase?: string | undefined
  /** Whether there is a documentation page at `/docs`. Default: not where NODE_ENV is "production". */
  readonly docs?: boolean | undefined
  /** Whether /metrics is served. Default true: shield it where the whole world reaches it. */
  readonly metrics?: boolean | undefined
  /**
   * Whether `/readyz` stays 200 while the store is away. Default false: then it is 503. True suits a single process, and
   * balancers that answer nothing at all once nobody is ready.
   */
  readonly readyWithoutStore?: boolean | undefined
  /** Told of every error that is answered 500. Default: one line on the console. */
  readonly onDefect?:
    | ((error: unknown, request: { readonly traceId: string; readonly route: string }) => void)
    | undefined
  /** Gets what has to be said once, such as that the demo identity is on. Default: the console. */
  readonly warn?: ((message: string) => void) | undefined
  /** The time in milliseconds since 1970. Default: the system's. */
  readonly clock?: (() => number) | undefined
}

/** How callers are known: by the host's function, or, for demonstrations only, by what the request claims. */
export type IdentityOptions<C extends Caller> =
  | {
      /** Says who a request comes from; undefined where nobody is signed in. */
      readonly resolveCaller: ResolveCaller<C>
      /** Only in place of `resolveCaller`. */
      readonly demoIdentity?: undefined
    }
  | {
      /** Says who a request comes from: the way for everything but demonstrations. */
      readonly resolveCaller?: undefined
      /**
       * Believes the user id in the path or body, else an `x-user-id` header. For demonstrations: it warns, and is
       * refused where NODE_ENV is "production".
       */
      readonly demoIdentity: true
    }

export type ShopHandlerOptions<C extends Caller = Caller> = CommonOptions<C> & IdentityOptions<C>

/** The options with every default filled in. */
export interface Settings<C extends Caller> {
  readonly basePath: string
  readonly resolveCaller: ResolveCaller<C> | undefined
  readonly authorize: Authorize<C> | undefined
  readonly keys: "required" | "optional"
  readonly charge: ChargeOptions<C> | undefined
  readonly cancel: CancelOptions<C> | undefined
  readonly limits: Limits
  readonly cache: CacheOptions
  readonly rateLimit: RateLimitOptions | undefined
  readonly problemTypeBase: string
  readonly docs: boolean
  readonly metrics: boolean
  readonly readyWithoutStore: boolean
  readonly onDefect: (error: unknown, request: { readonly traceId: string; readonly route: string }) => void
  readonly warn: (message: string) => void
  readonly clock: () => number
}

const defaultLimits: Limits = {
  bodyBytes: 65_536,
  headers: 64,
  targetLength: 4_096,
  orderItems: maxOrderLines,
  inFlight: 10_000,
  bodyMillis: 10_000,
  answerMillis: 15_000,
}

const known: { readonly [Name in keyof Required<ShopHandlerOptions>]: true } = {
  basePath: true,
  resolveCaller: true,
  demoIdentity: true,
  authorize: true,
  keys: true,
  charge: true,
  cancel: true,
  limits: true,
  cache: true,
  rateLimit: true,
  problemTypeBase: true,
  docs: true,
  metrics: true,
  readyWithoutStore: true,
  onDefect: true,
  warn: true,
  clock: true,
}

export const settingsOf = <C extends Caller>(options: ShopHandlerOptions<C>): Settings<C> => {
  refuseUnknown(options, known, "option")
  refuseUnknown(options.limits ?? {}, defaultLimits, "limit")
  const production = environment() === "production"
  const warn = (message: string): void => void quietly(() => (options.warn ?? console.warn)(message))
  const { onDefect = onConsole } = options
  if (options.resolveCaller === undefined) checkDemo(options.demoIdentity, production, warn)
  const basePath = basePathOf(options.basePath ?? "/api/v1")
  return {
    basePath,
    resolveCaller: options.resolveCaller,
    authorize: options.authorize,
    keys: options.keys ?? "required",
    charge: options.charge,
    cancel: options.cancel,
    limits: limitsOf(options.limits ?? {}),
    cache: checkedCache(options.cache ?? {}),
    rateLimit: options.rateLimit && checkedRateLimit(options.rateLimit),
    problemTypeBase: options.problemTypeBase ?? `${basePath}/docs#`,
    docs: options.docs ?? !production,
    metrics: options.metrics ?? true,
    readyWithoutStore: options.readyWithoutStore ?? false,
    onDefect: (error, request) => void quietly(() => onDefect(error, request)),
    warn,
    clock: options.clock ?? Date.now,
  }
}

const onConsole: Settings<Caller>["onDefect"] = (error, { traceId, route }) =>
  console.error(`holdfast: ${route} failed (trace ${traceId})`, error)

const checkDemo = (demoIdentity: unknown, production: boolean, warn: (message: string) => void): void => {
  if (demoIdentity !== true) {
    throw new TypeError("shopHandler needs resolveCaller, which says who a request comes from.")
  }
  if (production) {
    throw new TypeError("demoIdentity believes whatever a request claims, so it is refused in production.")
  }
  warn("holdfast: demoIdentity is on, so every request is believed to come from the user that it names.")
}

const basePathOf = (path: string): string => {
  if (path === "" || path === "/") return ""
  if (!path.startsWith("/") || path.endsWith("/") || /[?#%\s]|\/\//.test(path)) {
    throw new TypeError(`basePath must be a plain path such as "/api/v1", and not "${path}".`)
  }
  return path
}

const limitsOf = (given: Partial<Limits>): Limits => {
  const limits = { ...defaultLimits, ...given }
  for (const [name, value] of Object.entries(limits)) {
    if (!Number.isSafeInteger(value) || value < 1) {
      throw new TypeError(`limits.${name} must be a whole number of at least 1.`)
    }
  }
  if (limits.orderItems > maxOrderLines) throw new TypeError(`limits.orderItems must be at most ${maxOrderLines}.`)
  return limits
}

const cacheNames: { readonly [Name in keyof Required<CacheOptions>]: true } = {
  productMillis: true,
  popularMillis: true,
}

const mostAgeMillis = 3_600_000

const checkedCache = (cache: CacheOptions): CacheOptions => {
  refuseUnknown(cache, cacheNames, "option of cache")
  for (const name of ["productMillis", "popularMillis"] as const) {
    const millis = cache[name]
    if (millis !== undefined && !(Number.isSafeInteger(millis) && millis >= 1 && millis <= mostAgeMillis)) {
      throw new TypeError(`cache.${name} must be a whole number from 1 to ${mostAgeMillis}.`)
    }
  }
  return cache
}

const rateLimitNames: { readonly [Name in keyof Required<RateLimitOptions>]: true } = {
  requests: true,
  perSeconds: true,
  addressOf: true,
  name: true,
}

const checkedRateLimit = (rateLimit: RateLimitOptions): RateLimitOptions => {
  refuseUnknown(rateLimit, rateLimitNames, "option of rateLimit")
  for (const name of ["requests", "perSeconds"] as const) {
    if (!Number.isSafeInteger(rateLimit[name]) || rateLimit[name] < 1) {
      throw new TypeError(`rateLimit.${name} must be a whole number of at least 1.`)
    }
  }
  return rateLimit
}

const refuseUnknown = (given: object, knownNames: object, kind: string): void => {
  for (const name of Object.keys(given)) {
    if (!(name in knownNames)) {
      throw new TypeError(`There is no ${kind} "${name}"; there are ${Object.keys(knownNames).join(", ")}.`)
    }
  }
}

/** NODE_ENV where there is such a thing. */
const environment = (): string | undefined => (typeof process === "undefined" ? undefined : process.env.NODE_ENV)
