/**
 * What operators and tools ask for: probes, metrics, the document and its page.
 *
 * The limit of requests in flight is not theirs: see `surface.ts`. What they cost is bounded here.
 */

import { documentOf } from "../document/openapi.ts"
import { pageOf, pageSecurity } from "../document/page.ts"
import type { Reply } from "../exchange/Exchange.ts"
import type { Caller } from "../exchange/identity.ts"
import type { ShopCalls } from "../handlers/Handling.ts"
import type { Settings } from "../options.ts"
import type { No } from "../problems/problem.ts"
import type { Metrics } from "./Metrics.ts"
import type { PlainRoute } from "./surface.ts"

export const plainRoutesOf = <C extends Caller>(
  shop: ShopCalls,
  settings: Settings<C>,
  metrics: Metrics,
  isLeaving: () => boolean,
): ReadonlyMap<string, PlainRoute> => {
  const document = once(() => documentOf(settings))
  const text = once(() => JSON.stringify(document()))
  const page = once(() => pageOf(document()))
  const health = shared(() => shop.health())
  const readiness = shared(() => (shop.readiness ?? shop.health)())
  const routes = new Map<string, PlainRoute>()
  const add = (path: string, plain: PlainRoute["plain"]): void => {
    routes.set(path, { name: `GET ${path}`, plain })
  }
  add("/livez", () => json({ status: "ok" }))
  add("/readyz", async () => {
    if (isLeaving()) return leaving
    const { status, store } = await readiness()
    // A process whose store is away can do nothing that another one might not do better.
    if (!store.reachable && !settings.readyWithoutStore) return storeAway
    return json({ status, store: { name: store.name, reachable: store.reachable } })
  })
  if (settings.metrics) {
    add("/metrics", async () =>
      plain("text/plain; version=0.0.4; charset=utf-8", metrics.text(await health()), "no-store"),
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

const leaving: No = { _tag: "Core", no: { _tag: "Stopped", outcome: "nothing-happened" }, names: {} }

const storeAway: No = {
  _tag: "Core",
  no: { _tag: "StoreUnavailable", outcome: "nothing-happened", reason: "the store does not answer" },
  names: {},
}

const json = (value: unknown): Reply => plain("application/json", JSON.stringify(value), "no-store")

const plain = (contentType: string, body: string, cacheControl: string): Reply => ({
  status: 200,
  headers: { "content-type": contentType, "cache-control": cacheControl },
  body,
})

/** One call at a time: who asks while it is under way gets its answer. However many probe, the store is asked once. */
const shared = <A>(ask: () => Promise<A>): (() => Promise<A>) => {
  let underWay: Promise<A> | undefined
  return () => {
    underWay ??= ask().finally(() => {
      underWay = undefined
    })
    return underWay
  }
}

const once = <A>(make: () => A): (() => A) => {
  let made: { readonly value: A } | undefined
  return () => {
    made ??= { value: make() }
    return made.value
  }
}
