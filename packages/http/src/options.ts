/**
 * What a host chooses about the HTTP surface, with its defaults, checked before the first request.
 */
import { maxOrderLines, Options, type Order } from "@holdfast/core"
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
  /** How long an answer may take before it is 503, with an unknown outcome where it is a change's. Default 15,000. */
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
  readonly limits?: { readonly [Name in keyof Limits]?: Limits[Name] | undefined } | undefined
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
  /** The time, as a Date or as milliseconds since 1970, as the shop's own `clock`. Default: the system's. */
  readonly clock?: (() => Date | number) | undefined
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
  /** Undefined where it is this surface's own page, wherever a host has mounted it. */
  readonly problemTypeBase: string | undefined
  readonly docs: boolean
  readonly metrics: boolean
  readonly readyWithoutStore: boolean
  readonly onDefect: (error: unknown, request: { readonly traceId: string; readonly route: string }) => void
  readonly warn: (message: string) => void
  readonly clock: () => number
}

/** The longest that a timer waits, of Node's and of browsers: one that is longer ends at once. */
const longestTimerMillis = 2_147_483_647

const anyNumber = Options.wholeNumber(1, Number.MAX_SAFE_INTEGER)

const limitChecks: Options.Checks<Limits> = {
  bodyBytes: anyNumber,
  headers: anyNumber,
  targetLength: anyNumber,
  orderItems: Options.wholeNumber(1, maxOrderLines),
  inFlight: anyNumber,
  bodyMillis: Options.wholeNumber(1, longestTimerMillis),
  answerMillis: Options.wholeNumber(1, longestTimerMillis),
}

const byWhom = Options.must('"owner" or a function', (value) => value === "owner" || typeof value === "function")

const chargeChecks: Options.Checks<ChargeOptions<Caller>> = { by: byWhom }

const cancelChecks: Options.Checks<CancelOptions<Caller>> = {
  by: byWhom,
  until: Options.must(
    '"completed" or a whole number of milliseconds, at least 1',
    (value) => value === "completed" || anyNumber(value) === undefined,
  ),
}

const cacheChecks: Options.Checks<CacheOptions> = {
  productMillis: Options.wholeNumber(1, 3_600_000),
  popularMillis: Options.wholeNumber(1, 3_600_000),
}

const rateLimitChecks: Options.Checks<RateLimitOptions> = {
  requests: Options.wholeNumber(1, 1_000_000_000),
  perSeconds: Options.wholeNumber(1, 31_536_000),
  addressOf: Options.aFunction,
  // It stands in a header, between quotes.
  name: Options.must(
    "1 to 255 printable characters of ASCII, without quotes and backslashes",
    (value) => typeof value === "string" && /^[ !#-[\]-~]{1,255}$/.test(value),
  ),
}

/** The checks of options that have options of their own come after those of the rest, with pointers into them. */
const looksInside: Options.Check = () => undefined

const checks: Options.Checks<ShopHandlerOptions> = {
  basePath: Options.must(
    'a path such as "/api/v1", of letters, digits and .~_-!$&\'(),;=@+ between single slashes',
    (value) => typeof value === "string" && (value === "/" || isPlainPath(value)),
  ),
  resolveCaller: Options.aFunction,
  demoIdentity: Options.trueOrFalse,
  authorize: Options.aFunction,
  keys: Options.oneOf("required", "optional"),
  charge: looksInside,
  cancel: looksInside,
  limits: looksInside,
  cache: looksInside,
  rateLimit: looksInside,
  problemTypeBase: Options.must(
    'the beginning of an address, such as "https://shop.example/problems#"',
    (value) => typeof value === "string" && /^[\w\-.~:/?#[\]@!$&'()*+,;=%]*$/.test(value),
  ),
  docs: Options.trueOrFalse,
  metrics: Options.trueOrFalse,
  readyWithoutStore: Options.trueOrFalse,
  onDefect: Options.aFunction,
  warn: Options.aFunction,
  clock: Options.aFunction,
}

/**
 * Characters that arrive as they were written, whatever reads the address on the way, and that no router takes for a
 * pattern. Clients walk the steps "." and ".." before they send.
 */
const isPlainPath = (path: string): boolean =>
  /^(?:\/[\w.~!$&'(),;=@+-]+)*$/.test(path) && !/\/\.{1,2}(?:\/|$)/.test(path)

/** Throws a HoldfastError that names every option that is unknown, not as it must be, or needed and not given. */
export const checkOptions = <C extends Caller>(options: ShopHandlerOptions<C>): void => {
  // What has no options at all lacks each that is needed.
  const { charge, cancel, limits, cache, rateLimit } = options ?? {}
  Options.refuse([
    ...Options.issuesOf(options, checks),
    ...identityIssues(options ?? {}),
    ...inside(charge, chargeChecks, "/charge", ["by"]),
    ...inside(cancel, cancelChecks, "/cancel", ["by", "until"]),
    ...inside(limits, limitChecks, "/limits"),
    ...inside(cache, cacheChecks, "/cache"),
    ...inside(rateLimit, rateLimitChecks, "/rateLimit", ["requests", "perSeconds"]),
  ])
}

const inside: typeof Options.issuesOf = (value, ...rest) =>
  value === undefined ? [] : Options.issuesOf(value, ...rest)

/** Callers are known in exactly one way. */
const identityIssues = ({ resolveCaller, demoIdentity }: { resolveCaller?: unknown; demoIdentity?: unknown }) => {
  if (demoIdentity !== true) {
    const message = "must be given: it says who a request comes from"
    return resolveCaller === undefined ? [{ pointer: "/resolveCaller", message }] : []
  }
  const refused = (message: string) => [{ pointer: "/demoIdentity", message }]
  if (resolveCaller !== undefined) return refused("must not be given beside resolveCaller")
  return isProduction() ? refused("believes whatever a request claims, so it is refused in production") : []
}

export const hasMethods = (value: unknown, methods: ReadonlyArray<string>): boolean =>
  typeof value === "object" &&
  value !== null &&
  methods.every((method) => typeof Reflect.get(value, method) === "function")

/** Throws where what is put on the wire is nothing that `shopHandler` made. */
export const checkHandler = (handler: unknown, ...methods: ReadonlyArray<string>): void => {
  const message = "must be a handler that shopHandler made"
  if (!hasMethods(handler, methods)) Options.refuse([{ pointer: "/handler", message }])
}

/** The options with every default filled in, after they were checked. */
export const settingsOf = <C extends Caller>(options: ShopHandlerOptions<C>): Settings<C> => {
  checkOptions(options)
  const warn = (message: string): void => void quietly(() => (options.warn ?? console.warn)(message))
  const { onDefect = onConsole, basePath: path = "/api/v1" } = options
  if (options.resolveCaller === undefined) {
    warn("holdfast: demoIdentity is on, so every request is believed to come from the user that it names.")
  }
  const basePath = path === "/" ? "" : path
  return {
    basePath,
    resolveCaller: options.resolveCaller,
    authorize: options.authorize,
    keys: options.keys ?? "required",
    charge: options.charge,
    cancel: options.cancel,
    limits: limitsOf(options.limits ?? {}),
    cache: options.cache ?? {},
    rateLimit: options.rateLimit,
    problemTypeBase: options.problemTypeBase,
    docs: options.docs ?? !isProduction(),
    metrics: options.metrics ?? true,
    readyWithoutStore: options.readyWithoutStore ?? false,
    onDefect: (error, request) => void quietly(() => onDefect(error, request)),
    warn,
    clock: options.clock === undefined ? Date.now : momentsOf(options.clock),
  }
}

/** Of another value no window of a limit would ever be over, or each at once: that is a defect, and allows nothing. */
const momentsOf = (clock: () => Date | number) => (): number => {
  const at = Number(clock())
  if (Number.isFinite(at)) return at
  throw new Error("The clock tells no time: it must answer a Date or milliseconds since 1970.")
}

const onConsole: Settings<Caller>["onDefect"] = (error, { traceId, route }) =>
  console.error(`holdfast: ${route} failed (trace ${traceId})`, error)

const limitsOf = (given: CommonOptions<Caller>["limits"] & {}): Limits => ({
  bodyBytes: given.bodyBytes ?? 65_536,
  headers: given.headers ?? 64,
  targetLength: given.targetLength ?? 4_096,
  orderItems: given.orderItems ?? maxOrderLines,
  inFlight: given.inFlight ?? 10_000,
  bodyMillis: given.bodyMillis ?? 10_000,
  answerMillis: given.answerMillis ?? 15_000,
})

/** Whether NODE_ENV says so, where there is such a thing. */
const isProduction = (): boolean => typeof process !== "undefined" && process.env.NODE_ENV === "production"
