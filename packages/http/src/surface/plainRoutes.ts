/**
 * What operators and tools ask for: probes, metrics, the document and its page.
 *
 * The limit of requests in flight is not theirs: see `surface.ts`. What they cost is bounded here.
 */

import { isHoldfastError } from "@holdfast/core"
import { documentOf } from "../document/openapi.ts"
import { pageOf, pageSecurity } from "../document/page.ts"
import { Deadlines } from "../exchange/Deadlines.ts"
import type { Reply } from "../exchange/Exchange.ts"
import type { Caller } from "../exchange/identity.ts"
import type { ShopCalls } from "../handlers/Handling.ts"
import type { Settings } from "../options.ts"
import type { No } from "../problems/problem.ts"
import type { Metrics } from "./Metrics.ts"
import type { PlainRoute } from "./surface.ts"

/**
 * How long a probe and a scrape wait for a shop that has not started: it looks for its store for as long as a call may take. One
 * that runs answers within 0.8 s. Kubernetes waits for a second by default, and Prometheus for ten.
 */
const readyMillis = 900
const metricsMillis = 3_000

export const plainRoutesOf = <C extends Caller>(
  shop: ShopCalls,
  settings: Settings<C>,
  metrics: Metrics,
  isLeaving: () => boolean,
): ReadonlyMap<string, PlainRoute> => {
  const document = once(() => documentOf(settings))
  const text = once(() => JSON.stringify(document()))
  const page = once(() => pageOf(document()))
  const health = storeless(metricsMillis, () => shop.health(), ["StoreUnavailable", "StoreRejected"])
  const readiness = storeless(readyMillis, () => (shop.readiness ?? shop.health)(), ["StoreUnavailable"])
  const routes = new Map<string, PlainRoute>()
  const add = (path: string, plain: PlainRoute["plain"]): void => {
    routes.set(path, { name: `GET ${path}`, plain })
  }
  add("/livez", () => json({ status: "ok" }))
  add("/readyz", async () => {
    if (isLeaving()) return leaving
    const { status, store } = (await readiness()) ?? notStarted
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

/** What is known of a shop whose store has not answered yet. */
const notStarted = { status: "degraded", store: { name: "unknown", reachable: false } } as const

/** Undefined where the shop has not found its store: it says so, or is still looking when the time is over. */
const storeless = <A>(
  millis: number,
  ask: () => Promise<A>,
  saying: ReadonlyArray<string>,
): (() => Promise<A | undefined>) => {
  const asked = shared(ask)
  const deadlines = new Deadlines(millis)
  return () =>
    deadlines
      .race<A | undefined>(asked(), () => undefined)
      .catch((error: unknown) => {
        if (isHoldfastError(error) && saying.includes(error.unavailable?._tag ?? "")) return undefined
        throw error
      })
}

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
