/**
 * `shopHandler`: a shop on the wire, for any host.
 *
 * It opens no port, installs no signal handler and touches no global: a host gives it requests and sends its answers.
 */
import type { Exchange, Reply } from "./exchange/Exchange.ts"
import type { Caller } from "./exchange/identity.ts"
import { exchangeOf, responseOf } from "./fetchShell.ts"
import type { ShopCalls } from "./handlers/Handling.ts"
import { type ShopHandlerOptions, settingsOf } from "./options.ts"
import { Metrics } from "./surface/Metrics.ts"
import { plainRoutesOf } from "./surface/plainRoutes.ts"
import { makeSurface } from "./surface/surface.ts"

export interface ShopHandler {
  /** For hosts that speak in `Request` and `Response`. */
  readonly fetch: (request: Request) => Promise<Response>
  /** For shells: `toNodeHandler` calls it. Never rejects. */
  readonly answer: (exchange: Exchange) => Promise<Reply>
  /** Whether a path is one that this handler answers. */
  readonly owns: (exchange: Pick<Exchange, "target" | "mountedAt">) => boolean
  readonly basePath: string
  /** From now on `/readyz` is 503, so that nobody sends anything new. Everything is answered, and nobody is kept waiting. */
  readonly leave: () => void
}

/**
 * Puts a shop on the wire. `resolveCaller` says who a request comes from; everything else has a default.
 *
 * ```ts
 * const handler = shopHandler(shop, { resolveCaller: (request) => sessionOf(request.headers.get("cookie")) })
 * app.use("/api/v1", toNodeHandler(handler))
 * ```
 */
export const shopHandler = <C extends Caller>(shop: ShopCalls, options: ShopHandlerOptions<C>): ShopHandler => {
  const settings = settingsOf(options)
  const metrics = new Metrics()
  let isLeaving = false
  const leaves = (): boolean => isLeaving
  const plainRoutes = plainRoutesOf(shop, settings, metrics, leaves)
  const surface = makeSurface(shop, settings, plainRoutes, metrics, leaves)
  return {
    fetch: async (request) => responseOf(await surface.answer(exchangeOf(request)), request.method),
    answer: surface.answer,
    owns: surface.owns,
    basePath: settings.basePath,
    leave: () => {
      isLeaving = true
    },
  }
}

type RouteHandler = (request: Request) => Promise<Response>

/**
 * The handlers of a Next route file: `export const { GET, POST, … } = toRouteHandlers(handler)` in
 * `app/api/v1/[...path]/route.ts`. All methods are there, so that a wrong one is answered as the contract says.
 */
export const toRouteHandlers = ({
  fetch,
}: Pick<ShopHandler, "fetch">): Readonly<
  Record<"GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS", RouteHandler>
> => {
  // Next passes a second argument with its own parameters, which are not ours to read.
  const handle: RouteHandler = (request) => fetch(request)
  return { GET: handle, HEAD: handle, POST: handle, PUT: handle, PATCH: handle, DELETE: handle, OPTIONS: handle }
}
