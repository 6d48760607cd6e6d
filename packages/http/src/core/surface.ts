/**
 * The one path of every request: find the route, know the caller, take the key, decode, ask whether it is allowed, run,
 * encode. Everything that goes wrong on it becomes a problem document; nothing else leaves.
 *
 * Plain functions over plain values: no fiber, no `Request`, no `Response`.
 */
import { isHoldfastError } from "@holdfast/core"
import type { Answered, Call, ShopCalls } from "../handlers/Handling.ts"
import type { Settings } from "../options.ts"
import { type No, problemReply } from "../problems/problem.ts"
import { languageOf } from "../problems/titles.ts"
import { success } from "./answering.ts"
import { Deadlines } from "./Deadlines.ts"
import { decode } from "./decoding.ts"
import type { Exchange, Reply } from "./Exchange.ts"
import { parseKey } from "./idempotencyKey.ts"
import { allowedByDefault, type Caller, isCallerId, isOpen, type Resource, scopeOf } from "./identity.ts"
import { readJson } from "./json.ts"
import type { Metrics } from "./Metrics.ts"
import { RateLimit } from "./RateLimit.ts"
import { makeRouter } from "./router.ts"
import { type Route, routesOf } from "./routes.ts"
import { traceIdOf } from "./trace.ts"

/** Answers a request that is no business call, such as a probe. */
type Plain = (exchange: Exchange) => Reply | Promise<Reply>

export interface PlainRoute {
  readonly name: string
  readonly plain: Plain
}

export interface Surface {
  readonly answer: (exchange: Exchange) => Promise<Reply>
  /** Whether a path is one of ours: for hosts that serve other things beside us. */
  readonly owns: (exchange: Pick<Exchange, "target" | "mountedAt">) => boolean
}

/** A status for the logs where nobody is left to hear an answer. */
const gone = (): Reply => ({ status: 499, headers: {}, body: "" })

const surface = (code: Extract<No, { readonly _tag: "Surface" }>["code"]): No => ({ _tag: "Surface", code })

export const makeSurface = <C extends Caller>(
  shop: ShopCalls,
  settings: Settings<C>,
  plainRoutes: ReadonlyMap<string, PlainRoute>,
  metrics: Metrics,
): Surface => {
  const { limits, basePath } = settings
  const bodies = new Deadlines(limits.bodyMillis)
  const answers = new Deadlines(limits.answerMillis)
  const rateLimit = settings.rateLimit && new RateLimit(settings.rateLimit, settings.clock)
  const router = makeRouter<Route | PlainRoute>()
  for (const [path, route] of plainRoutes) router.add("GET", path, route)
  for (const route of routesOf()) router.add(route.method, route.path, route)

  /** The path below the base path, or undefined where it is not below it. */
  const ownPath = ({ target, mountedAt }: Pick<Exchange, "target" | "mountedAt">): string | undefined => {
    const query = target.indexOf("?")
    const path = query === -1 ? target : target.slice(0, query)
    if (path.startsWith(basePath) && path[basePath.length] === "/") return path.slice(basePath.length)
    // Operators ask at the root. A host that mounted us elsewhere than at the base path gives us what is below.
    if (plainRoutes.has(path)) return path
    return mountedAt !== "" && path.startsWith(mountedAt) ? path.slice(mountedAt.length) : undefined
  }

  const run = (exchange: Exchange, seen: Seen): Reply | No | Promise<Reply | No> => {
    if (metrics.inFlight > limits.inFlight) {
      return core({ _tag: "Overloaded", outcome: "nothing-happened", retryAfterMillis: 1000 })
    }
    if (exchange.target.length > limits.targetLength) return surface("URI_TOO_LONG")
    if (exchange.headerCount > limits.headers) return surface("HEADERS_TOO_LARGE")
    const path = ownPath(exchange)
    const found = path === undefined ? undefined : router.find(exchange.method, path)
    if (found === undefined) return surface("ROUTE_NOT_FOUND")
    if (found._tag === "Malformed") return surface("MALFORMED_PATH")
    if (found._tag === "OtherMethods") {
      return { _tag: "Surface", code: "METHOD_NOT_ALLOWED", headers: { allow: found.allow.join(", ") } }
    }
    seen.route = found.route.name
    return "plain" in found.route ? found.route.plain(exchange) : business(exchange, found.route, found.params, seen)
  }

  const business = async (
    exchange: Exchange,
    route: Route,
    params: Readonly<Record<string, string>>,
    seen: Seen,
  ): Promise<Reply | No> => {
    seen.names = route.names
    let caller: C | undefined
    if (settings.resolveCaller !== undefined) {
      const resolving = settings.resolveCaller(exchange.view)
      // A promise costs a turn of the loop, so that hosts which answer at once are not made to wait for it.
      caller = resolving instanceof Promise ? await resolving : resolving
      if (caller === undefined ? !isOpen(route.action) : !isCallerId(caller.id)) return surface("UNAUTHENTICATED")
      const refused = limited(caller, exchange, seen)
      if (refused !== undefined) return refused
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
    const resource = route.resource(decoded)
    if (settings.resolveCaller === undefined) {
      caller = demoCaller<C>(resource, exchange)
      if (caller === undefined && !isOpen(route.action)) return surface("UNAUTHENTICATED")
      const refused = limited(caller, exchange, seen)
      if (refused !== undefined) return refused
    }
    const allows = (about: Resource): boolean | Promise<boolean> => {
      const rule = allowedByDefault(caller, route.action, about)
      if (settings.authorize === undefined) return rule
      const answer = settings.authorize({ caller, action: route.action, resource: about, request: exchange.view })
      return answer instanceof Promise ? answer.then((decided) => decided ?? rule) : (answer ?? rule)
    }
    const allowed = allows(resource)
    if (!(allowed instanceof Promise ? await allowed : allowed)) return surface("FORBIDDEN")
    const call: Call = {
      shop,
      key,
      scope: caller === undefined ? "" : scopeOf(caller),
      signal: exchange.signal,
      caller,
      allows,
      // biome-ignore lint/plugin/casts: the host's rule is asked about callers that the host's own resolveCaller gave
      cancel: settings.cancel as Call["cancel"],
      orderItems: limits.orderItems,
      now: settings.clock,
    }
    const answered = await answers.race<Answered<unknown> | No>(route.run(decoded, call), late)
    return "body" in answered ? success(route, answered, exchange) : answered
  }

  const limited = (caller: C | undefined, { view }: Exchange, seen: Seen): No | undefined => {
    if (rateLimit === undefined) return undefined
    const allowance = rateLimit.take(caller === undefined ? `address:${view.address ?? ""}` : `caller:${caller.id}`)
    Object.assign(seen.headers, allowance.headers)
    return allowance.allowed ? undefined : surface("RATE_LIMITED")
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
        traceId: traceIdOf(exchange.header("traceparent")),
      }
      metrics.inFlight++
      let outcome: Reply | No
      try {
        outcome = await run(exchange, seen)
      } catch (error) {
        outcome = failureOf(error, exchange, seen, settings.onDefect)
      }
      metrics.inFlight--
      const reply =
        "_tag" in outcome ? problemReply(outcome, occasionOf(exchange, seen, settings.problemTypeBase)) : outcome
      reply.headers["trace-id"] = seen.traceId
      for (const name in seen.headers) reply.headers[name] = seen.headers[name] ?? ""
      metrics.record(seen.route, reply.status, performance.now() - startedAt)
      return reply
    },
  }
}

/** What is known of a request so far, whatever becomes of it. */
interface Seen {
  route: string
  /** The core's names of fields, and the request's. */
  names: Readonly<Record<string, string>>
  readonly headers: Record<string, string>
  readonly traceId: string
}

const core = (no: Extract<No, { readonly _tag: "Core" }>["no"], names: Readonly<Record<string, string>> = {}): No => ({
  _tag: "Core",
  no,
  names,
})

const late = (): No => core({ _tag: "StoreUnavailable", outcome: "unknown", reason: "the answer did not come in time" })

const occasionOf = (exchange: Exchange, { traceId }: Seen, typeBase: string) => {
  const query = exchange.target.indexOf("?")
  return {
    language: languageOf(exchange.header("accept-language")),
    traceId,
    instance: query === -1 ? exchange.target : exchange.target.slice(0, query),
    typeBase,
  }
}

const failureOf = (
  error: unknown,
  exchange: Exchange,
  { route, names, traceId }: Seen,
  onDefect: Settings<Caller>["onDefect"],
): Reply | No => {
  if (isHoldfastError(error)) {
    const no = error.refusal ?? error.unavailable
    if (no !== undefined) return core(no, names)
  }
  if (exchange.signal.aborted) return gone()
  onDefect(error, { traceId, route })
  return surface("INTERNAL")
}

/** The caller that a demonstration believes: whom the request names, else an `x-user-id` header. */
const demoCaller = <C extends Caller>(resource: Resource, exchange: Exchange): C | undefined => {
  const id = resource.userId ?? exchange.header("x-user-id")
  // biome-ignore lint/plugin/casts: the demo identity knows nothing of the host's own callers
  return isCallerId(id) ? ({ id } as C) : undefined
}
