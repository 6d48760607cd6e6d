/**
 * The one path of every request: find the route, know the caller, take the key, decode, ask whether it is allowed, run,
 * encode. Everything that goes wrong on it becomes a problem document; nothing else leaves.
 *
 * Plain functions over plain values: no fiber, no `Request`, no `Response`.
 */
import { isHoldfastError } from "@holdfast/core"
import { quietly } from "@holdfast/core/ports"
import { type About, type Names, resourceOf } from "../compatibility/Words.ts"
import { Asking } from "../exchange/Asking.ts"
import { Deadlines } from "../exchange/Deadlines.ts"
import type { Exchange, Reply } from "../exchange/Exchange.ts"
import { hasDotSegment, hasHiddenStep, headerText, isAscii } from "../exchange/encoding.ts"
import { callerOf, HostDefect, HostUnavailable, isHostUnavailable, verdictOf } from "../exchange/hostAnswers.ts"
import { parseKey } from "../exchange/idempotencyKey.ts"
import { allowedByDefault, type Caller, isCallerId, isOpen, scopeOf } from "../exchange/identity.ts"
import { RateLimit } from "../exchange/RateLimit.ts"
import { traceIdOf } from "../exchange/trace.ts"
import type { Call, ShopCalls } from "../handlers/Handling.ts"
import type { Settings } from "../options.ts"
import { coreProblems } from "../problems/codes.ts"
import { type No, problemReply } from "../problems/problem.ts"
import { languageOf } from "../problems/titles.ts"
import { success } from "./answering.ts"
import { decode } from "./decoding.ts"
import { readJson } from "./json.ts"
import type { Metrics } from "./Metrics.ts"
import { makeRouter } from "./router.ts"
import { type Answered, type Route, routesOf } from "./routes.ts"

/** Answers a request that is no business call, such as a probe. */
type Plain = (exchange: Exchange) => Reply | No | Promise<Reply | No>

export interface PlainRoute {
  readonly name: string
  readonly plain: Plain
}

export interface Surface {
  readonly answer: (exchange: Exchange) => Promise<Reply>
  /** Whether a path is one of ours: for hosts that serve other things beside us. */
  readonly owns: (exchange: Pick<Exchange, "target" | "mountedAt">) => boolean
}

/** How much sooner than the limit of an answer a wait ends, so that there is time for the answer. */
const spareMillis = 1_000

/** What a request prefers (RFC 7240). */
const preferenceOf = (exchange: Exchange, preference: RegExp): RegExpExecArray | null =>
  preference.exec(exchange.header("prefer") ?? "")

/** A status for the logs where nobody is left to hear an answer. */
const gone = (): Reply => ({ status: 499, headers: {}, body: "" })

const surface = (code: Extract<No, { readonly _tag: "Surface" }>["code"]): No => ({ _tag: "Surface", code })

export const makeSurface = <C extends Caller>(
  shop: ShopCalls,
  settings: Settings<C>,
  plainRoutes: ReadonlyMap<string, PlainRoute>,
  metrics: Metrics,
  isLeaving: () => boolean,
): Surface => {
  const { limits, basePath } = settings
  const bodies = new Deadlines(limits.bodyMillis)
  const answers = new Deadlines(limits.answerMillis)
  const rateLimit = settings.rateLimit && new RateLimit(settings.rateLimit, settings.clock)
  const router = makeRouter<Route | PlainRoute>()
  for (const [path, route] of plainRoutes) router.add("GET", path, route)
  const routes = new Map(routesOf().map((route) => [`${route.method} ${route.path}`, route]))
  for (const route of routes.values()) router.add(route.method, route.path, route)

  /** The route that does it later, where there is one and the request prefers that. */
  const preferred = (route: Route, exchange: Exchange): Route => {
    if (route.later === undefined || !preferenceOf(exchange, /(?:^|,)\s*respond-async\s*(?:[,;]|$)/i)) return route
    return routes.get(`${route.method} ${route.later}`) ?? route
  }

  /** The path below the base path, or undefined where it is not below it. */
  const ownPath = ({ target, mountedAt }: Pick<Exchange, "target" | "mountedAt">): string | undefined => {
    const query = target.indexOf("?")
    const path = query === -1 ? target : target.slice(0, query)
    if (path.startsWith(basePath) && path[basePath.length] === "/") return path.slice(basePath.length)
    // Operators ask at the root. A host that mounted us elsewhere than at the base path gives us what is below.
    if (plainRoutes.has(path)) return path
    return mountedAt !== "" && path.startsWith(mountedAt) ? path.slice(mountedAt.length) : undefined
  }

  const isPlain = (path: string | undefined): boolean => path !== undefined && plainRoutes.has(path)

  const run = (exchange: Exchange, path: string | undefined, seen: Seen): Reply | No | Promise<Reply | No> => {
    if (metrics.inFlight > limits.inFlight && !isPlain(path)) {
      return core({ _tag: "Overloaded", outcome: "nothing-happened", retryAfterMillis: 1000 })
    }
    if (exchange.target.length > limits.targetLength) return surface("URI_TOO_LONG")
    if (exchange.headerCount > limits.headers) return surface("HEADERS_TOO_LARGE")
    if (!isAscii(exchange.target) || hasHiddenStep(exchange.target)) return surface("MALFORMED_PATH")
    if (path !== undefined && hasDotSegment(path)) return surface("MALFORMED_PATH")
    const found = path === undefined ? undefined : router.find(exchange.method, path)
    if (found === undefined) return surface("ROUTE_NOT_FOUND")
    if (found._tag === "Malformed") return surface("MALFORMED_PATH")
    if (found._tag === "OtherMethods") {
      return { _tag: "Surface", code: "METHOD_NOT_ALLOWED", headers: { allow: found.allow.join(", ") } }
    }
    const asked = found.route
    if ("plain" in asked) {
      seen.route = asked.name
      return asked.plain(exchange)
    }
    const route = preferred(asked, exchange)
    seen.route = route.name
    // Of a success alone: nothing is applied to what is refused.
    const headers: Record<string, string> = route === asked ? {} : { "preference-applied": "respond-async" }
    return business(exchange, route, found.params, headers, seen)
  }

  const business = async (
    exchange: Exchange,
    route: Route,
    params: Readonly<Record<string, string>>,
    headers: Record<string, string>,
    seen: Seen,
  ): Promise<Reply | No> => {
    seen.names = route.names
    const asking = new Asking(answers)
    let caller: C | undefined
    const { resolveCaller, authorize } = settings
    if (resolveCaller !== undefined) {
      const resolved = asking.ask(() => resolveCaller(exchange.view), callerOf<C>)
      // A promise costs a turn of the loop, so that hosts which answer at once are not made to wait for it.
      caller = resolved instanceof Promise ? await resolved : resolved
      const isKnown = caller !== undefined && isCallerId(caller.id)
      // Before the answer to a failed sign-in: one who guesses is limited too.
      const refused = limited(isKnown ? caller : undefined, exchange, seen)
      if (refused !== undefined) return refused
      if (!isKnown && (caller !== undefined || !isOpen(route.action))) return surface("UNAUTHENTICATED")
    }
    let key = ""
    let body: unknown
    if (route.changes) {
      const taken = keyOf(exchange, seen)
      if (typeof taken !== "string") return taken
      key = taken
      const read = await readJson(exchange, limits.bodyBytes, bodies)
      if (read._tag === "Gone") return gone()
      if (read._tag === "No") return read.no
      body = read.value
    }
    const decoded = decode(route, params, exchange.target, body)
    if ("_tag" in decoded) return decoded
    const input = route.input(decoded)
    if (settings.resolveCaller === undefined) {
      caller = demoCaller<C>(input, exchange)
      const refused = limited(caller, exchange, seen)
      if (refused !== undefined) return refused
      if (caller === undefined && !isOpen(route.action)) return surface("UNAUTHENTICATED")
    }
    const allows = (about: About): boolean | Promise<boolean> => {
      const rule = allowedByDefault(caller, route.action, about.accountId)
      if (authorize === undefined) return rule
      const question = { caller, action: route.action, resource: resourceOf(about), request: exchange.view }
      return asking.ask(
        () => authorize(question),
        (verdict) => (verdict === undefined ? rule : verdictOf("authorize", verdict)),
      )
    }
    const allowed = allows(input)
    if (!(allowed instanceof Promise ? await allowed : allowed)) return surface("FORBIDDEN")
    const call: Call = {
      shop,
      key,
      scope: caller === undefined ? "" : scopeOf(caller),
      signal: exchange.signal,
      traceparent: exchange.header("traceparent"),
      caller,
      allows,
      asks: (rule, question) => asking.ask(question, (verdict) => verdictOf(rule, verdict)),
      names: route.names,
      // biome-ignore lint/plugin/casts: the host's rules are asked about callers that the host's own resolveCaller gave
      charge: settings.charge as Call["charge"],
      // biome-ignore lint/plugin/casts: likewise
      cancel: settings.cancel as Call["cancel"],
      cache: settings.cache,
      headers,
      preferredWaitSeconds: Number(preferenceOf(exchange, /(?:^|,)\s*wait=(\d{1,4})\s*(?:[,;]|$)/i)?.[1] ?? 0),
      longestWaitMillis: Math.max(0, limits.answerMillis - spareMillis),
      isLeaving,
      maxLines: limits.orderItems,
      now: settings.clock,
    }
    seen.mayBeDone = route.changes
    const answered = await answers.race<Answered | No>(route.run(input, call), () =>
      asking.giveUp() ? away() : late(route),
    )
    return "body" in answered ? success(route, answered, exchange, settings.authorize === undefined) : answered
  }

  const limited = (caller: C | undefined, { view }: Exchange, seen: Seen): No | undefined => {
    if (rateLimit === undefined) return undefined
    const address = caller === undefined ? rateLimit.addressOf(view) : undefined
    if (caller === undefined && address === undefined) {
      warnOfAddresses()
      return undefined
    }
    const allowance = rateLimit.take(caller === undefined ? `address:${address}` : `caller:${caller.id}`)
    Object.assign(seen.headers, allowance.headers)
    return allowance.allowed ? undefined : surface("RATE_LIMITED")
  }

  let isWarned = false
  const warnOfAddresses = (): void => {
    if (isWarned) return
    isWarned = true
    settings.warn(
      "holdfast: rateLimit cannot tell callers apart who are not signed in, and does not limit them: give rateLimit.addressOf.",
    )
  }

  const keyOf = (exchange: Exchange, seen: Seen): string | No => {
    const key = parseKey(exchange.header("idempotency-key"))
    if (key === false) return surface("IDEMPOTENCY_KEY_INVALID")
    if (key !== undefined) return key
    if (settings.keys === "required") return surface("IDEMPOTENCY_KEY_REQUIRED")
    const made = crypto.randomUUID()
    // The caller can still ask what became of it.
    seen.headers["idempotency-key"] = `"${made}"`
    return made
  }

  return {
    owns: (exchange) => ownPath(exchange) !== undefined,
    answer: async (exchange) => {
      const startedAt = performance.now()
      const seen: Seen = {
        route: "unknown",
        names: {},
        headers: {},
        mayBeDone: false,
        traceId: traceIdOf(exchange.header("traceparent")),
      }
      const path = ownPath(exchange)
      // An orchestrator that hears no from a probe restarts the process: the more is under way, the more that would cut.
      const counts = isPlain(path) ? 0 : 1
      metrics.inFlight += counts
      let outcome: Reply | No
      try {
        outcome = await run(exchange, path, seen)
      } catch (error) {
        outcome = failureOf(error, exchange, seen, settings.onDefect)
      }
      metrics.inFlight -= counts
      const reply = "_tag" in outcome ? problemReply(outcome, occasionOf(exchange, seen, settings)) : outcome
      reply.headers["trace-id"] = seen.traceId
      for (const name in seen.headers) reply.headers[name] = seen.headers[name] ?? ""
      // Also one that was under way when the process began to leave: its connection is closed as soon as it is idle, and who was
      // told that it stays would send the next request into that.
      if (isLeaving()) reply.headers.connection = "close"
      metrics.record(seen.route, reply.status, performance.now() - startedAt)
      return reply
    },
  }
}

/** What is known of a request so far, whatever becomes of it. */
interface Seen {
  route: string
  /** The core's names of fields, and the request's. */
  names: Names
  readonly headers: Record<string, string>
  /** Whether it is a change that was asked of the shop. */
  mayBeDone: boolean
  readonly traceId: string
}

const core = (no: Extract<No, { readonly _tag: "Core" }>["no"], names: Names = {}): No => ({
  _tag: "Core",
  no,
  names,
})

/** What a read may still find changes nothing. */
const late = ({ changes }: Route): No =>
  core({
    _tag: "StoreUnavailable",
    outcome: changes ? "unknown" : "nothing-happened",
    reason: "the answer did not come in time",
  })

const occasionOf = <C extends Caller>(exchange: Exchange, { traceId }: Seen, settings: Settings<C>) => {
  const query = exchange.target.indexOf("?")
  return {
    language: languageOf(exchange.header("accept-language")),
    traceId,
    instance: query === -1 ? exchange.target : exchange.target.slice(0, query),
    typeBase: settings.problemTypeBase ?? `${exchange.mountedAt || settings.basePath}/docs#`,
  }
}

const failureOf = (
  error: unknown,
  exchange: Exchange,
  { route, names, mayBeDone, traceId }: Seen,
  onDefect: Settings<Caller>["onDefect"],
): Reply | No => {
  const isHosts = error instanceof HostDefect
  // What was thrown may throw at the first look at it.
  const no = isHosts ? undefined : quietly(() => noOf(error, names))
  if (no === undefined && exchange.signal.aborted) return gone()
  // Why a store rejects something stays inside, and nobody but the host can mend it.
  if (no === undefined || (no._tag === "Core" && no.no._tag === "StoreRejected")) {
    onDefect(isHosts ? error.thrown : error, { traceId, route })
  }
  // The host is asked before anything is changed.
  return no ?? { _tag: "Surface", code: "INTERNAL", ...(mayBeDone && !isHosts && { outcome: "unknown" }) }
}

/** What an error says that is no defect. */
const noOf = (error: unknown, names: Names): No | undefined => {
  if (isHoldfastError(error)) {
    const no = error.refusal ?? error.unavailable
    // A shop of another version may know one that has no status here: what cannot be told is a defect.
    if (no !== undefined && Object.hasOwn(coreProblems, no._tag)) return core(no, names)
  }
  return isHostUnavailable(error) ? away(error) : undefined
}

const away = ({ retryAfterMillis }: HostUnavailable = new HostUnavailable()): No => {
  const seconds = Math.max(1, Math.ceil(retryAfterMillis / 1000))
  // The host's own number, such as one that it read from somebody else's answer. A header has whole seconds and no others.
  const retryAfter = String(Number.isSafeInteger(seconds) ? seconds : 1)
  return { _tag: "Surface", code: "HOST_UNAVAILABLE", headers: { "retry-after": retryAfter } }
}

/** The caller that a demonstration believes: whom the request names, else an `x-user-id` header. */
const demoCaller = <C extends Caller>({ accountId }: About, exchange: Exchange): C | undefined => {
  const id = accountId ?? headerText(exchange.header("x-user-id") ?? "")
  // biome-ignore lint/plugin/casts: the demo identity knows nothing of the host's own callers
  return isCallerId(id) ? ({ id } as C) : undefined
}
