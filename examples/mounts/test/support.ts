/**
 * What every mount has to do, whatever it is mounted on.
 */
import { createServer, type RequestListener, type Server } from "node:http"
import type { AddressInfo } from "node:net"
import { createHoldfast, type Shop } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"
import { type ShopHandler, shopHandler } from "@holdfast/http"
import { expect } from "vitest"

export const stocked = async (shop: Shop = createHoldfast({ store: memory() })): Promise<Shop> => {
  await shop.stock.register({ productId: "tee", name: "Tee", price: 12_000, onHand: 10 })
  await shop.points.open({ accountId: "ann" })
  await shop.points.charge({ accountId: "ann", amount: 100_000, key: "opening" })
  return shop
}

/** A shop whose orders for "slow" are never answered, and say when their caller left. */
export const mountable = async () => {
  const shop = await stocked()
  const begun = Promise.withResolvers<void>()
  const left = Promise.withResolvers<void>()
  const place: Shop["orders"]["place"] = (input, options) => {
    if (input.reference !== "slow") return shop.orders.place(input, options)
    options?.signal?.addEventListener("abort", () => left.resolve())
    begun.resolve()
    return new Promise(() => {})
  }
  const handler: ShopHandler = shopHandler(
    { ...shop, orders: { ...shop.orders, place } },
    {
      resolveCaller: ({ headers }) => {
        const id = headers.get("x-caller")
        return id === null ? undefined : { id }
      },
    },
  )
  return { handler, begun: begun.promise, left: left.promise }
}

export const listening = async (listener: RequestListener): Promise<{ url: string; server: Server }> => {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  return { server, url: urlOf(server) }
}

export const urlOf = (server: { address(): AddressInfo | string | null }): string => {
  const address = server.address()
  if (typeof address !== "object" || address === null) throw new TypeError("The server listens on no port.")
  return `http://127.0.0.1:${address.port}`
}

export const closing = (server: Server): void => {
  server.closeAllConnections()
  server.close()
}

type Send = (request: Request) => Promise<Response>

const order = (url: string, body: unknown, headers: Record<string, string> = {}, signal?: AbortSignal): Request =>
  new Request(`${url}/api/v1/orders`, {
    method: "POST",
    body: typeof body === "string" ? body : JSON.stringify(body),
    headers: { "content-type": "application/json", "x-caller": "ann", "idempotency-key": "cart-1", ...headers },
    ...(signal && { signal }),
  })

const cart = { userId: "ann", orderItems: [{ productId: "tee", quantity: 2 }] }

/** Real requests: a read, an order and its replay, refusals, and everything that has to be a problem document. */
export const expectTheApi = async (
  url: string,
  send: Send = fetch,
  { parsedBefore = false }: { readonly parsedBefore?: boolean } = {},
): Promise<void> => {
  const product = await send(new Request(`${url}/api/v1/products/tee`))
  expect(await product.json()).toMatchObject({ productName: "Tee", stock: 10 })

  const first = await send(order(url, cart))
  expect(first.status).toBe(200)
  const placed = await first.json()
  expect(placed).toMatchObject({ paidAmount: 24_000 })
  const again = await send(order(url, cart))
  expect(again.headers.get("idempotency-replayed")).toBe("true")
  expect(await again.json()).toEqual(placed)

  const problems: ReadonlyArray<readonly [string, Request]> = [
    ["IDEMPOTENCY_KEY_REUSED", order(url, { ...cart, reference: "other" })],
    ["IDEMPOTENCY_KEY_INVALID", order(url, cart, { "idempotency-key": '"' })],
    ["OUT_OF_STOCK", order(url, { userId: "ann", orderItems: [{ productId: "tee", quantity: 9 }] }, fresh("2"))],
    ["INVALID_INPUT", order(url, {}, fresh("3"))],
    ["FORBIDDEN", order(url, cart, { "x-caller": "bob" })],
    ["UNSUPPORTED_MEDIA_TYPE", order(url, "a=1", { "content-type": "application/x-www-form-urlencoded" })],
    ["ROUTE_NOT_FOUND", new Request(`${url}/api/v1/nowhere`)],
    ["METHOD_NOT_ALLOWED", new Request(`${url}/api/v1/orders`, { method: "PUT", body: "" })],
    // A parser before us answers these itself, in its own form.
    ...(parsedBefore
      ? []
      : ([
          ["MALFORMED_JSON", order(url, "{", fresh("4"))],
          ["BODY_TOO_LARGE", order(url, `"${"x".repeat(70_000)}"`, fresh("5"))],
        ] as const)),
  ]
  for (const [code, request] of problems) {
    const answer = await send(request)
    expect(answer.headers.get("content-type"), code).toBe("application/problem+json")
    expect(await answer.json()).toMatchObject({ code, status: answer.status })
  }
  expect((await send(new Request(`${url}/api/v1/readyz`))).status).toBe(200)
}

const fresh = (key: string): Record<string, string> => ({ "idempotency-key": key })

/** A client that leaves is noticed: what no lane has taken by then will not happen. */
export const expectAbortToReach = async (
  url: string,
  { begun, left }: { readonly begun: Promise<void>; readonly left: Promise<void> },
  send: Send = fetch,
): Promise<void> => {
  const controller = new AbortController()
  const asked = send(order(url, { ...cart, reference: "slow" }, fresh("slow"), controller.signal)).then(
    () => "answered",
    () => "left",
  )
  await begun
  controller.abort()
  await left
  expect(await Promise.race([asked, new Promise((resolve) => setTimeout(() => resolve("nothing"), 50))])).not.toBe(
    "answered",
  )
}
