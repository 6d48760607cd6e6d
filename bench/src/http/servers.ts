/**
 * The servers that are compared, each in a process of its own: `node servers.ts KIND [url schema]`.
 *
 * `bare` answers the very bytes that `surface` answers, by hand. `surface` does every duty of the HTTP package with a shop
 * that answers at once; `memory` and `postgres` have the engine behind it. So have `apart`, whose callers share no read,
 * and `cached`, which answers products that are up to 500 ms old. `sealed` and `unsealed` find their shop furnished.
 */
import { createServer, type RequestListener } from "node:http"
import { createHoldfast, type Shop } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"
import { type ShopCalls, shopHandler } from "@holdfast/http"
import { toNodeHandler } from "@holdfast/http/node"
import { Turns } from "./Turns.ts"

const products = 1_000
const buyers = 1_000

const priceOf = 12_000

const bare: RequestListener = (request, response) => {
  const url = request.url ?? ""
  if (request.method === "GET" && url.startsWith("/api/v1/products/")) {
    const productId = url.slice("/api/v1/products/".length)
    send(response, productBody(productId))
    return
  }
  let text = ""
  request.setEncoding("utf8")
  request.on("data", (chunk: string) => {
    text += chunk
  })
  request.on("end", () => {
    const { userId, orderItems } = JSON.parse(text)
    send(response, orderBody(userId, orderItems[0].productId, orderItems[0].quantity))
  })
}

const send = (response: Parameters<RequestListener>[1], value: unknown): void => {
  const body = JSON.stringify(value)
  response.writeHead(200, { "content-type": "application/json", "content-length": Buffer.byteLength(body) })
  response.end(body)
}

const productBody = (productId: string) => ({
  productId,
  productName: `Product ${productId}`,
  price: priceOf,
  stock: 1_000,
  retired: false,
})

const orderBody = (userId: string, productId: string, quantity: number) => ({
  orderId: "01M82ACS8GVSN0A1KC5JCY1MWJ",
  userId,
  totalPrice: priceOf * quantity,
  discountAmount: 0,
  paidAmount: priceOf * quantity,
  items: [
    {
      orderItemId: "01M82ACS8GVSN0A1KC5JCY1MWJ-1",
      productId,
      productName: "Product",
      quantity,
      price: priceOf,
      discountAmount: 0,
      paidAmount: priceOf * quantity,
    },
  ],
  state: "placed",
  placedAt: "2026-11-22T19:05:43.440Z",
})

/** A shop that answers at once, so that nothing but the surface takes time. */
const stub = (shop: Shop): ShopCalls => {
  // biome-ignore lint/suspicious/noExplicitAny: what a real shop answers, without one
  const calls: any = {
    ...shop,
    stock: {
      product: async (productId: string) => ({
        productId,
        name: `Product ${productId}`,
        price: priceOf,
        onHand: 1_000,
        revision: 1,
        retired: false,
      }),
    },
    orders: {
      ...shop.orders,
      place: async ({ accountId, lines: [line] }: Parameters<Shop["orders"]["place"]>[0]) => ({
        orderId: "01M82ACS8GVSN0A1KC5JCY1MWJ",
        accountId,
        lines: [
          {
            lineId: "01M82ACS8GVSN0A1KC5JCY1MWJ-1",
            productId: line?.productId,
            name: "Product",
            unitPrice: priceOf,
            quantity: line?.quantity,
            discount: 0,
            paid: priceOf * (line?.quantity ?? 0),
          },
        ],
        total: priceOf * (line?.quantity ?? 0),
        discount: 0,
        paid: priceOf * (line?.quantity ?? 0),
        campaignId: undefined,
        reference: undefined,
        metadata: undefined,
        state: "placed",
        placedAt: new Date(1_795_374_343_440),
        closedAt: undefined,
        replayed: false,
      }),
    },
  }
  return calls
}

/** Every duty on: a caller from a header, a rule of the host's own beside the default one, keys, limits, tags, metrics. */
const surfaceOf = (shop: ShopCalls, cache?: { readonly productMillis: number }): RequestListener =>
  toNodeHandler(
    shopHandler(shop, {
      resolveCaller: async ({ headers }) => {
        const id = headers.get("authorization")?.slice("Bearer ".length)
        return id === undefined ? undefined : { id }
      },
      authorize: async ({ caller }) => (caller?.id === "blocked" ? false : undefined),
      ...(cache && { cache }),
      limits: { answerMillis: 60_000 },
    }),
  )

const stocked = async (shop: Shop): Promise<Shop> => {
  const each = (count: number, call: (id: string) => Promise<unknown>) =>
    Promise.all(Array.from({ length: count }, (_, index) => call(String(index))))
  await each(products, (productId) =>
    shop.stock.register({ productId, name: `Product ${productId}`, price: 1, onHand: 1_000_000_000 }),
  )
  await each(buyers, (accountId) => shop.points.open({ accountId }))
  await each(buyers, (accountId) =>
    shop.points.charge({ accountId, amount: 1_000_000_000, key: `opening-${accountId}` }),
  )
  await shop.coupons.createCampaign({
    campaignId: "sale",
    name: "Sale",
    discount: { type: "flat", amount: 1 },
    limit: 500,
  })
  return shop
}

const onPostgres: ReadonlySet<string> = new Set(["postgres", "apart", "cached", "sealed", "unsealed"])

const shopOn = async (kind: string, url: string, schema: string): Promise<Shop> => {
  if (!onPostgres.has(kind)) return createHoldfast({ store: memory() })
  const { postgres } = await import("@holdfast/adapters/postgres")
  return createHoldfast({
    store: postgres({ url, schema, reads: kind === "apart" ? "apart" : "together" }),
    ...(kind === "unsealed" && { seals: false }),
    // Nothing here is about being late: 64 lists that are added up one by one may take long.
    deadlineMillis: 600_000,
  })
}

const listenerOf = async (kind: string, shop: Shop): Promise<RequestListener> => {
  switch (kind) {
    case "bare":
      return bare
    case "surface":
      return surfaceOf(stub(shop))
    case "sealed":
    case "unsealed":
      return surfaceOf(shop)
    default:
      return surfaceOf(await stocked(shop), kind === "cached" ? { productMillis: 500 } : undefined)
  }
}

const main = async (kind = "bare", url = "", schema = ""): Promise<void> => {
  const shop = await shopOn(kind, url, schema)
  const listener = await listenerOf(kind, shop)
  const server = createServer(listener)
  server.listen({ port: 0, host: "127.0.0.1", backlog: 1_024 }, () => process.send?.(server.address()))
  const turns = new Turns()
  process.on("message", async (question) => {
    if (question === "turns") process.send?.(turns.take())
    if (question === "cpu") process.send?.(process.cpuUsage())
    if (question === "audit") process.send?.({ ok: (await shop.audit.run()).ok })
  })
  // The bench went away.
  process.on("disconnect", () => process.exit(0))
}

await main(...process.argv.slice(2))
