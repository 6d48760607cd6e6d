/**
 * Sends generated requests to a shop in this process and judges what comes back, then counts everything again.
 */
import { createHoldfast, type Shop } from "@holdfast/core"
import { inProcessRequests, memory } from "@holdfast/core/memory"
import { each, furnish } from "@holdfast/test-services/furnish"
import { shopHandler } from "../../src/index.ts"
import { type Answer, askedOf } from "../support.ts"
import { judgeOf } from "./document.ts"
import { randomOf } from "./random.ts"
import { type Generated, generate, shapesOf, type World } from "./requests.ts"

interface Finding {
  readonly request: Generated
  readonly answer: string
  readonly wrong: string
}

export interface FuzzReport {
  readonly requests: number
  readonly byStatus: Readonly<Record<string, number>>
  readonly replays: number
  readonly findings: ReadonlyArray<Finding>
  /** What is not as the accepted answers add up to. */
  readonly conservation: ReadonlyArray<string>
  readonly auditOk: boolean
}

const users = ["1", "2", "ann", "bob", "가은"]
const products = ["1", "2", "tee", "한글"]
const onHand = 3_000
const opening = 500_000
/** How many requests are under way at once. */
const together = 8

export const fuzz = async ({ seed, count }: { readonly seed: number; readonly count: number }): Promise<FuzzReport> => {
  const random = randomOf(seed)
  const shop = createHoldfast({ store: memory(), requests: inProcessRequests() })
  const world = await stock(shop)
  const shapes = await shapesOf(seed)
  const judge = judgeOf()
  const handler = shopHandler(shop, {
    // Headers are bytes, and what they hold here is UTF-8.
    resolveCaller: ({ headers }) => {
      const id = headers.get("x-caller")
      return id === null ? undefined : { id: Buffer.from(id, "latin1").toString("utf8") }
    },
    charge: { by: "owner" },
    cancel: { by: "owner", until: "completed" },
    onDefect: () => {},
  })
  const ask = async ({ method, target, body, headers }: Generated): Promise<Answer> => {
    const hasBody = body !== undefined && method !== "GET" && method !== "HEAD"
    const request = new Request(`http://shop.test/api/v1${target}`, {
      method,
      headers: sendable(headers),
      ...(hasBody && { body }),
    })
    return askedOf(await handler.fetch(request))
  }
  const findings: Array<Finding> = []
  const byStatus: Record<string, number> = {}
  const tally = new Tally()
  let replays = 0

  const one = async (request: Generated, repeat: boolean): Promise<void> => {
    const answer = await ask(request)
    byStatus[answer.status] = (byStatus[answer.status] ?? 0) + 1
    const wrong = judge(request.method, pathOf(request.target), answer)
    if (wrong !== undefined) findings.push({ request, answer: answer.text, wrong })
    if (answer.status === 202) world.requests.push(answer.body.requestId)
    if (answer.status !== 200 || request.method !== "POST") return
    tally.count(request, answer)
    if (typeof answer.body?.orderId === "string") world.orders.push(answer.body.orderId)
    if (!repeat) return
    const again = await ask(request)
    replays++
    tally.count(request, again)
    // An order is answered as it is now, and another request may have cancelled it in between.
    const same = withoutState(again.body) === withoutState(answer.body)
    if (again.status !== 200 || !same || again.headers.get("idempotency-replayed") !== "true") {
      findings.push({ request, answer: again.text, wrong: `is not the replay of ${answer.text}` })
    }
  }

  for (let sent = 0; sent < count; sent += together) {
    const batch = Array.from({ length: Math.min(together, count - sent) }, () => generate(random, shapes, world))
    await Promise.all(batch.map((request) => one(request, random.chance(0.3))))
  }
  const { ok } = await shop.audit.run()
  const conservation = await tally.compare(shop)
  await shop.stop()
  return { requests: count, byStatus, replays, findings, conservation, auditOk: ok }
}

const stock = async (shop: Shop): Promise<World> => {
  const campaigns = Array.from({ length: 20 }, (_, index) => String(index))
  const campaign = (index: number) => {
    const discount = index % 2 === 0 ? { type: "flat" as const, amount: 150 } : { type: "rate" as const, percent: 15 }
    return { discount, limit: 3 }
  }
  await furnish(shop, {
    accounts: each(users, opening),
    products: each(products, { price: 100, onHand }),
    campaigns: Object.fromEntries(campaigns.map((id, index) => [id, campaign(index)])),
  })
  return { users, products, campaigns, orders: [], requests: [] }
}

/** What the accepted answers add up to, with no look inside. */
class Tally {
  readonly #balance = new Map(users.map((user) => [user, opening]))
  readonly #stock = new Map(products.map((product) => [product, onHand]))

  count({ target }: Generated, { body, headers }: Answer): void {
    if (headers.get("idempotency-replayed") === "true") return
    if (typeof body.chargedAmount === "number") this.#add(this.#balance, body.userId, body.chargedAmount)
    if (typeof body.orderId !== "string" || !Array.isArray(body.items)) return
    const sign = pathOf(target).endsWith("/cancel") ? 1 : -1
    this.#add(this.#balance, body.userId, sign * body.paidAmount)
    for (const { productId, quantity } of body.items) this.#add(this.#stock, productId, sign * quantity)
  }

  async compare(shop: Shop): Promise<ReadonlyArray<string>> {
    const wrong: Array<string> = []
    for (const [user, expected] of this.#balance) {
      const balance = await shop.points.balance(user)
      if (balance !== expected) wrong.push(`${user} has ${balance} points, and the answers add up to ${expected}`)
    }
    for (const [product, expected] of this.#stock) {
      const { onHand } = await shop.stock.product(product)
      if (onHand !== expected) wrong.push(`${product} has ${onHand} units, and the answers add up to ${expected}`)
    }
    return wrong
  }

  #add(sums: Map<string, number>, name: string, change: number): void {
    sums.set(name, (sums.get(name) ?? 0) + change)
  }
}

const pathOf = (target: string): string => new URL(`http://shop.test/api/v1${target}`).pathname

// biome-ignore lint/suspicious/noExplicitAny: answers of any endpoint
const withoutState = ({ state: _, closedAt: __, ...rest }: any): string => JSON.stringify(rest)

/** Headers hold bytes; what does not fit into one cannot be sent by anybody. */
const sendable = (headers: Record<string, string>): Record<string, string> =>
  Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, Buffer.from(value, "utf8").toString("latin1")]),
  )
