/**
 * What travels, byte for byte: one conversation with every endpoint and with every kind of no, beside its committed
 * transcript. A change of the wire shows as a change of that file, and as nothing else.
 *
 * `npx vitest run packages/http/test/wire.test.ts -u` writes the transcript again where the wire is meant to change.
 */
import { HoldfastError, type Shop, type Unavailable } from "@holdfast/core"
import { describe, expect, it } from "vitest"
import { shopHandler } from "../src/index.ts"
import { judgeOf } from "./fuzz/document.ts"
import { callerOfHeader, stocked } from "./support.ts"

/** What travels is also what the document says. */
const judge = judgeOf({ mayFail: true })

const start = Date.UTC(2026, 0, 1, 9)

interface Sent {
  readonly method?: string
  readonly path: string
  readonly body?: unknown
  readonly headers?: Record<string, string>
  /** Whether the document says nothing of it: an operator's path below the base path, or a no that no shop gives here. */
  readonly undocumented?: boolean
}

/** A shop whose time stands still and whose ids repeat, so that the same conversation has the same bytes. */
const conversation = async (change: (shop: Shop) => Pick<Shop, keyof Shop> = (shop) => shop) => {
  let count = 0
  const shop = await stocked({ clock: () => start, random: () => (++count % 97) / 97 })
  const { fetch } = shopHandler(change(shop), {
    ...callerOfHeader,
    clock: () => start,
    charge: { by: "owner" },
    cancel: { by: "owner", until: 60_000 },
    limits: { targetLength: 120 },
    onDefect: () => {},
  })
  let transcript = ""
  const say = async ({ method = "GET", path, body, headers = {}, undocumented = false }: Sent): Promise<string> => {
    const sent = body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body)
    const all = {
      ...(sent !== undefined && { "content-type": "application/json" }),
      "x-caller": "ann",
      traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
      ...headers,
    }
    const address = path.startsWith("//") ? path.slice(1) : `/api/v1${path}`
    const response = await fetch(
      new Request(`http://shop.test${address}`, { method, headers: all, ...(sent !== undefined && { body: sent }) }),
    )
    const text = await response.text()
    const answer = { status: response.status, headers: response.headers, text }
    const wrong = judge(method, address.split("?")[0] ?? "", answer)
    expect(undocumented || wrong === undefined, `${method} ${address} ${wrong}`).toBe(true)
    const own = Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
    const answered = Array.from(response.headers, ([name, value]) => `${name}: ${value}`)
    transcript += `${[
      `> ${method} ${address}`,
      ...own.map((line) => `> ${line}`),
      ...(sent === undefined ? [] : [`> ${sent}`]),
      `< ${response.status}`,
      ...answered.map((line) => `< ${line}`),
      ...(text === "" ? [] : [`< ${text}`]),
    ].join("\n")}\n\n`
    return text
  }
  return { shop, say, transcript: () => transcript }
}

const keyed = (key: string, more: Record<string, string> = {}) => ({ "idempotency-key": key, ...more })

const ordering = (orderItems: ReadonlyArray<object>, more: object = {}) => ({ userId: "ann", orderItems, ...more })

describe("the wire", () => {
  it("carries every endpoint's answer as its transcript says", async () => {
    const { say, transcript } = await conversation()
    await say({ path: "/users/ann/points" })
    await say({ method: "POST", path: "/users/ann/points", body: { amount: 500 }, headers: keyed("charge-1") })
    await say({ method: "POST", path: "/users/ann/points", body: { amount: 500 }, headers: keyed("charge-1") })
    await say({ path: "/users/ann/points/entries" })
    await say({ path: "/users/ann/points/entries?limit=1" })
    await say({ path: "/users/ann/points/entries?limit=1&cursor=2" })
    await say({ method: "POST", path: "/coupons/issue", body: { userId: "ann", couponId: 10 }, headers: keyed("i-1") })
    await say({ path: "/coupons/10/issues/ann" })
    const placed = await say({
      method: "POST",
      path: "/orders",
      body: ordering(
        [
          { productId: 1, quantity: 2, unitPrice: 12_000 },
          { productId: "2", quantity: 1 },
        ],
        {
          userCouponId: "10",
          expectedPaid: 26_100,
          reference: "cart 1",
          metadata: { gift: true, note: "문 앞" },
        },
      ),
      headers: keyed("o-1"),
    })
    const { orderId } = JSON.parse(placed)
    await say({ path: `/orders/${orderId}` })
    await say({ path: "/users/ann/coupons" })
    await say({
      method: "POST",
      path: "/orders",
      body: ordering([{ productId: "1", quantity: 1 }], { userCouponId: null }),
      headers: keyed("o-2"),
    })
    await say({ path: "/users/ann/orders?limit=1" })
    await say({ path: "/products/1" })
    await say({ method: "HEAD", path: "/products/1" })
    await say({ path: "/products/popular" })
    await say({ path: "/products/popular?limit=1&days=7&zone=Asia/Seoul" })
    const cancel = { method: "POST", path: `/orders/${orderId}/cancel`, body: { userId: "ann" } }
    await say({ ...cancel, headers: keyed("c-1") })
    await say({ ...cancel, headers: keyed("c-1") })
    for (const [operation, key] of [
      ["points.charge", "charge-1"],
      ["coupons.issue", "i-1"],
      ["orders.place", "o-1"],
      ["orders.cancel", "c-1"],
      ["orders.place", "never"],
    ]) {
      await say({ path: `/outcomes?operation=${operation}&key=${key}` })
    }
    await say({ path: "//livez" })
    await say({ path: "/readyz", undocumented: true })
    await expect(transcript()).toMatchFileSnapshot("wire/answers.txt")
  })

  it("carries every refusal that a caller can meet as its transcript says", async () => {
    const { say, shop, transcript } = await conversation()
    await shop.points.open({ accountId: "sue" })
    await shop.points.suspend({ accountId: "sue" })
    await shop.stock.register({ productId: "old", name: "Old", price: 1, onHand: 1 })
    await shop.stock.retire({ productId: "old" })
    for (const [campaignId, more] of [
      ["paused", { state: "paused" }],
      ["later", { opensAt: new Date(start + 1000), closesAt: new Date(start + 2000) }],
      ["one", { limit: 1 }],
      ["large", { discount: { type: "flat", amount: 1, minTotal: 99_000 } }],
    ] as const) {
      await shop.coupons.createCampaign({
        campaignId,
        name: campaignId,
        discount: { type: "flat", amount: 1 },
        limit: 9,
        ...more,
      })
    }
    await shop.coupons.issue({ campaignId: "one", accountId: "bob" })
    await shop.coupons.issue({ campaignId: "large", accountId: "ann" })
    await shop.coupons.issue({ campaignId: "10", accountId: "ann" })
    await shop.coupons.revoke({ campaignId: "10", accountId: "ann" })
    const done = await shop.orders.place({ accountId: "ann", lines: [{ productId: "1", quantity: 1 }], key: "done" })
    await shop.orders.complete({ orderId: done.orderId })
    const issue = (couponId: string, userId = "ann", key = couponId): Sent => ({
      method: "POST",
      path: "/coupons/issue",
      body: { userId, couponId },
      headers: keyed(key, { "x-caller": userId }),
    })
    const order = (orderItems: ReadonlyArray<object>, more: object = {}): Sent => ({
      method: "POST",
      path: "/orders",
      body: ordering(orderItems, more),
      headers: keyed("o-1"),
    })
    const tee = [{ productId: "1", quantity: 1 }]
    const asked: ReadonlyArray<Sent> = [
      { path: "/users/nobody/points", headers: { "x-caller": "nobody" } },
      issue("10", "nobody"),
      issue("10", "sue"),
      issue("nope"),
      issue("paused"),
      issue("later"),
      issue("one"),
      issue("10", "ann", "again"),
      order([
        { productId: "a", quantity: 1 },
        { productId: "b", quantity: 1 },
      ]),
      order([{ productId: "old", quantity: 1 }]),
      order([{ productId: "1", quantity: 1, unitPrice: 1 }], { expectedPaid: 2 }),
      order([
        { productId: "1", quantity: 101 },
        { productId: "2", quantity: 4 },
      ]),
      order(tee, { userCouponId: "nope" }),
      order(tee, { userCouponId: "10" }),
      order(tee, { userCouponId: "large" }),
      order([{ productId: "1", quantity: 9 }]),
      order([]),
      order([{ productId: true, quantity: 0 }, {}], { expectedpaid: 1 }),
      order([
        { productId: "1", quantity: 600_000 },
        { productId: "1", quantity: 600_000 },
      ]),
      order(tee, { userId: "" }),
      order(tee, { reference: " " }),
      { method: "POST", path: "/users/ann/points", body: { amount: 2 ** 53 - 1 }, headers: keyed("most") },
      { method: "POST", path: `/orders/${done.orderId}/cancel`, body: { userId: "ann" }, headers: keyed("c") },
      { method: "POST", path: "/orders/nope/cancel", body: { userId: "ann" }, headers: keyed("c") },
      { path: `/orders/${done.orderId}`, headers: { "x-caller": "bob" } },
      { path: "/coupons/nope/issues/ann" },
      { path: "/products/nope" },
      { path: "/products/popular?days=0&zone=Nowhere" },
      { path: "/products/popular?zone=Nowhere" },
      { path: "/outcomes?operation=orders.complete&key=k" },
    ]
    for (const sent of asked) {
      await say(sent)
      await say({ ...sent, headers: { ...sent.headers, "accept-language": "ko" } })
    }
    await say(order(tee))
    await say(order([{ productId: "1", quantity: 2 }]))
    await expect(transcript()).toMatchFileSnapshot("wire/refusals.txt")
  })

  it("carries what only a surface can say as its transcript says", async () => {
    const { say, transcript } = await conversation()
    const post = { method: "POST", path: "/orders" }
    const asked: ReadonlyArray<Sent> = [
      { path: "/nowhere" },
      { method: "DELETE", path: "/orders" },
      { path: "/products/%zz" },
      { path: `/products/${"x".repeat(120)}` },
      { path: "/users/ann/points", headers: { "x-caller": "" } },
      { path: "/users/bob/points" },
      { ...post, body: ordering([]) },
      { ...post, body: ordering([]), headers: keyed(" x ".repeat(99)) },
      { ...post, body: "{", headers: keyed("k") },
      { ...post, body: "{}", headers: keyed("k", { "content-type": "text/plain" }) },
      { ...post, body: "[]", headers: keyed("k") },
    ]
    for (const sent of asked) {
      await say(sent)
      await say({ ...sent, headers: { ...sent.headers, "accept-language": "ko" } })
    }
    await expect(transcript()).toMatchFileSnapshot("wire/surface.txt")
  })

  it("carries every unavailability, and a defect, as its transcript says", async () => {
    const noes: Array<Unavailable | undefined> = [
      { _tag: "Overloaded", outcome: "nothing-happened", retryAfterMillis: 1_200 },
      { _tag: "DeadlineExceeded", outcome: "nothing-happened", deadlineMillis: 10_000 },
      { _tag: "Stopped", outcome: "nothing-happened" },
      { _tag: "TransactionConflict", outcome: "nothing-happened" },
      { _tag: "JoinNotSupported", outcome: "nothing-happened", store: "memory", reason: "there is nothing to join" },
      { _tag: "StoreUnavailable", outcome: "unknown", reason: "connect ECONNREFUSED 10.0.0.7:5432" },
      undefined,
    ]
    let no: Unavailable | undefined
    const { say, transcript } = await conversation((shop) => ({
      ...shop,
      orders: {
        ...shop.orders,
        place: () => Promise.reject(no === undefined ? new Error("a secret") : new HoldfastError(no)),
      },
    }))
    for (no of noes) {
      const body = ordering([{ productId: "1", quantity: 1 }])
      const sent = { method: "POST", path: "/orders", body, undocumented: no?._tag === "JoinNotSupported" }
      await say({ ...sent, headers: keyed("k") })
      await say({ ...sent, headers: keyed("k", { "accept-language": "ko" }) })
    }
    await expect(transcript()).toMatchFileSnapshot("wire/unavailable.txt")
  })
})
