/**
 * `shopHandler`: a shop on the wire, for any host.
 *
 * It opens no port, installs no signal handler and touches no global: a host gives it requests and sends its answers.
 */
import { Options } from "@holdfast/core"
import type { Exchange, Reply } from "./exchange/Exchange.ts"
import type { Caller } from "./exchange/identity.ts"
import { exchangeOf, responseOf } from "./fetchShell.ts"
import type { ShopCalls } from "./handlers/Handling.ts"
import { checkHandler, hasMethods, type ShopHandlerOptions, settingsOf } from "./options.ts"
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
  /**
   * From now on `/readyz` is 503, so that nobody sends anything new. Everything is answered, as the last on its connection, and
   * nobody is kept waiting.
   */
  readonly leave: () => void
}

/**
 * Puts a shop on the wire. `resolveCaller` says who a request comes from; everything else has a default. Throws a
 * `HoldfastError` for an option that is unknown or not as it must be.
 *
 * ```ts
 * const handler = shopHandler(shop, { resolveCaller: (request) => sessionOf(request.headers.get("cookie")) })
 * app.use("/api/v1", toNodeHandler(handler))
 * ```
 */
export const shopHandler = <C extends Caller>(shop: ShopCalls, options: ShopHandlerOptions<C>): ShopHandler => {
  checkShop(shop)
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

/** The calls of a shop that the surface makes, in their groups. */
const groups = {
  points: ["charge", "balance", "entries"],
  coupons: ["issue", "request", "requested", "coupon", "ofAccount"],
  stock: ["product"],
  orders: ["place", "get", "cancel", "ofAccount"],
  popularity: ["top"],
} as const satisfies { readonly [Group in keyof ShopCalls]?: ReadonlyArray<keyof ShopCalls[Group]> }

const checkShop = (shop: ShopCalls): void => {
  const isShop =
    hasMethods(shop, ["outcome", "health"]) &&
    Object.entries(groups).every(([group, methods]) => hasMethods(Reflect.get(shop, group), methods))
  if (!isShop) Options.refuse([{ pointer: "/shop", message: "must be a shop, such as createHoldfast() makes" }])
}

type RouteHandler = (request: Request) => Promise<Response>

/**
 * The handlers of a Next route file: `export const { GET, POST, … } = toRouteHandlers(handler)` in
 * `app/api/v1/[...path]/route.ts`. All methods are there, so that a wrong one is answered as the contract says.
 */
export const toRouteHandlers = (
  handler: Pick<ShopHandler, "fetch">,
): Readonly<Record<"GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE" | "OPTIONS", RouteHandler>> => {
  checkHandler(handler, "fetch")
  const { fetch } = handler
  // Next passes a second argument with its own parameters, which are not ours to read.
  const handle: RouteHandler = (request) => fetch(request)
  return { GET: handle, HEAD: handle, POST: handle, PUT: handle, PATCH: handle, DELETE: handle, OPTIONS: handle }
}
