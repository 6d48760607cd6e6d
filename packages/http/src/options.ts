/**
 * What a host chooses about the HTTP surface, with its defaults, checked before the first request.
 */
import { maxOrderLines, type Order } from "@holdfast/core"
import type { Authorize, Caller, ResolveCaller } from "./core/identity.ts"
import type { RateLimitOptions } from "./core/RateLimit.ts"

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
  /** Requests without an answer in this process; above it they are answered OVERLOADED at once. Default 10,000. */
  readonly inFlight: number
  /** How long a body may take to arrive. Default 10,000. */
  readonly bodyMillis: number
  /** How long an answer may take before it is 503 with an unknown outcome. Default 15,000. */
  readonly answerMillis: number
}

/** Who may cancel orders over HTTP, and until when. */
export interface CancelOptions<C extends Caller> {
  /** `"owner"`: whoever may act for the order's user. Or the host's own rule, asked in addition. */
  readonly by: "owner" | ((question: { readonly caller: C; readonly order: Order }) => boolean | Promise<boolean>)
  /** Until so long after it was placed, in milliseconds, or until the host completes the order. */
  readonly until: "completed" | number
}

export interface CommonOptions<C extends Caller> {
  /** Where the API begins. Default "/api/v1". */
  readonly basePath?: string | undefined
  /** Says who may do what, beyond callers acting for themselves. */
  readonly authorize?: Authorize<C> | undefined
  /** Whether a POST must carry an Idempotency-Key (default), or gets one made for it. */
  readonly keys?: "required" | "optional" | undefined
  /** Off unless given. */
  readonly cancel?: CancelOptions<C> | undefined
  readonly limits?: Partial<Limits> | undefined
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
  | { readonly resolveCaller: ResolveCaller<C>; readonly demoIdentity?: undefined }
  | {
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
  readonly cancel: CancelOptions<C> | undefined
  readonly limits: Limits
  readonly rateLimit: RateLimitOptions | undefined
  readonly problemTypeBase: string
  readonly docs: boolean
  readonly metrics: boolean
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
  cancel: true,
  limits: true,
  rateLimit: true,
  problemTypeBase: true,
  docs: true,
  metrics: true,
  onDefect: true,
  warn: true,
  clock: true,
}

export const settingsOf = <C extends Caller>(options: ShopHandlerOptions<C>): Settings<C> => {
  refuseUnknown(options, known, "option")
  refuseUnknown(options.limits ?? {}, defaultLimits, "limit")
  const production = environment() === "production"
  const warn = options.warn ?? ((message) => console.warn(message))
  if (options.resolveCaller === undefined) checkDemo(options.demoIdentity, production, warn)
  const basePath = basePathOf(options.basePath ?? "/api/v1")
  return {
    basePath,
    resolveCaller: options.resolveCaller,
    authorize: options.authorize,
    keys: options.keys ?? "required",
    cancel: options.cancel,
    limits: limitsOf(options.limits ?? {}),
    rateLimit: options.rateLimit,
    problemTypeBase: options.problemTypeBase ?? `${basePath}/docs#`,
    docs: options.docs ?? !production,
    metrics: options.metrics ?? true,
    onDefect:
      options.onDefect ??
      ((error, { traceId, route }) => console.error(`holdfast: ${route} failed (trace ${traceId})`, error)),
    warn,
    clock: options.clock ?? Date.now,
  }
}

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

const refuseUnknown = (given: object, knownNames: object, kind: string): void => {
  for (const name of Object.keys(given)) {
    if (!(name in knownNames)) {
      throw new TypeError(`There is no ${kind} "${name}"; there are ${Object.keys(knownNames).join(", ")}.`)
    }
  }
}

/** NODE_ENV where there is such a thing. */
const environment = (): string | undefined => (typeof process === "undefined" ? undefined : process.env.NODE_ENV)
