/**
 * A small shop behind the surface, and a way to ask it, for the tests of this package.
 */
import { createHoldfast, type Shop } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"
import { each, furnish } from "@holdfast/test-services/furnish"
import { type Caller, type ShopHandler, type ShopHandlerOptions, shopHandler } from "../src/index.ts"

export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: a test says by its expectations what an answer must be
  readonly body: any
}

export type Ask = (method: string, path: string, body?: unknown, headers?: Record<string, string>) => Promise<Answer>

export const callerOfHeader: { readonly resolveCaller: ShopHandlerOptions["resolveCaller"] & {} } = {
  resolveCaller: ({ headers }) => {
    const id = headers.get("x-caller")
    return id === null ? undefined : { id }
  },
}

/** Asks through the web shell. A string body is sent as it is. Paths begin below the base path unless they are `//…`. */
export const askOf =
  ({ fetch, basePath }: Pick<ShopHandler, "fetch" | "basePath">, defaults: Record<string, string> = {}): Ask =>
  async (method, path, body, headers = {}) => {
    const address = path.startsWith("//") ? path.slice(1) : basePath + path
    const response = await fetch(
      new Request(`http://shop.test${address}`, {
        method,
        headers: { ...(body !== undefined && { "content-type": "application/json" }), ...defaults, ...headers },
        ...(body !== undefined && { body: typeof body === "string" ? body : JSON.stringify(body) }),
      }),
    )
    return askedOf(response)
  }

export const askedOf = async (response: Response): Promise<Answer> => {
  const text = await response.text()
  const isJson = /json/.test(response.headers.get("content-type") ?? "")
  return {
    status: response.status,
    headers: response.headers,
    text,
    body: isJson && text !== "" ? JSON.parse(text) : undefined,
  }
}

export const stocked = async (options: Parameters<typeof createHoldfast>[0] = {}): Promise<Shop> => {
  const shop = createHoldfast({ store: memory(), ...options })
  await furnish(shop, {
    accounts: each(["ann", "bob", "7"], 100_000),
    products: {
      1: { name: "Tee", price: 12_000, onHand: 100 },
      2: { name: "Cap", price: 5_000, onHand: 3 },
    },
    campaigns: { 10: { name: "Welcome", discount: { type: "rate", percent: 10 }, limit: 2 } },
  })
  return shop
}

export const surfaceOf = async <C extends Caller = Caller>(
  options: Partial<ShopHandlerOptions<C>> = {},
  shopOptions: Parameters<typeof stocked>[0] = {},
): Promise<{ readonly shop: Shop; readonly handler: ShopHandler; readonly ask: Ask }> => {
  const shop = await stocked(shopOptions)
  const handler = shopHandler(shop, { ...callerOfHeader, charge: { by: "owner" }, ...options } as ShopHandlerOptions)
  return { shop, handler, ask: askOf(handler, { "x-caller": "ann" }) }
}

let keys = 0
/** A key that nobody has used. */
export const freshKey = (): Record<string, string> => ({ "idempotency-key": `test-${++keys}` })

/** A request whose body is sent as it is pulled. The types that tests see do not know `duplex`, which Node asks for. */
export const streamed = (url: string, headers: Record<string, string>, body: ReadableStream<Uint8Array>): Request => {
  const init: RequestInit & { readonly duplex: "half" } = { method: "POST", body, headers, duplex: "half" }
  return new Request(url, init)
}
