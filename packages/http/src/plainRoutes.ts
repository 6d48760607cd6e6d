/**
 * What operators and tools ask for: probes, metrics, the document and its page.
 */
import type { Reply } from "./core/Exchange.ts"
import type { Caller } from "./core/identity.ts"
import type { Metrics } from "./core/Metrics.ts"
import type { PlainRoute } from "./core/surface.ts"
import { documentOf } from "./document/openapi.ts"
import { pageOf, pageSecurity } from "./document/page.ts"
import type { ShopCalls } from "./handlers/Handling.ts"
import type { Settings } from "./options.ts"

export const plainRoutesOf = <C extends Caller>(
  shop: ShopCalls,
  settings: Settings<C>,
  metrics: Metrics,
): ReadonlyMap<string, PlainRoute> => {
  const document = once(() => documentOf(settings))
  const text = once(() => JSON.stringify(document()))
  const page = once(() => pageOf(document()))
  const routes = new Map<string, PlainRoute>()
  const add = (path: string, plain: PlainRoute["plain"]): void => {
    routes.set(path, { name: `GET ${path}`, plain })
  }
  add("/livez", () => json({ status: "ok" }))
  add("/readyz", async () => {
    const { status, store } = await shop.health()
    // Degraded stays ready: taking every process out at once because the store hiccups helps nobody.
    return json({ status, store: { name: store.name, reachable: store.reachable } })
  })
  if (settings.metrics) {
    add("/metrics", async () =>
      plain("text/plain; version=0.0.4; charset=utf-8", metrics.text(await shop.health()), "no-store"),
    )
  }
  add("/openapi.json", () => plain("application/json", text(), "public, max-age=60"))
  if (settings.docs) {
    add("/docs", () => {
      const reply = plain("text/html; charset=utf-8", page(), "no-store")
      return { ...reply, headers: { ...reply.headers, ...pageSecurity } }
    })
  }
  return routes
}

const json = (value: unknown): Reply => plain("application/json", JSON.stringify(value), "no-store")

const plain = (contentType: string, body: string, cacheControl: string): Reply => ({
  status: 200,
  headers: { "content-type": contentType, "cache-control": cacheControl },
  body,
})

const once = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
