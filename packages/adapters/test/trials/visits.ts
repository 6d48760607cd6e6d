/**
 * What happens in a trial: a small shop is furnished, and buyers come all at once. A pure function of the seed, so that
 * another process, or the same one later, makes the same calls with the same keys.
 */
import { type HoldfastError, isHoldfastError } from "@holdfast/core"
import { seeded, type TestShop } from "../support/shop.ts"

/** What a caller was told. */
export type Heard =
  | { readonly key: string; readonly answer: string; readonly replayed: boolean }
  | { readonly key: string; readonly code: HoldfastError["code"] }

export type Hear = (heard: Heard) => void

export const accounts = Array.from({ length: 6 }, (_, n) => `account-${n}`)
/** How many there are of each product at first; nobody can buy up the first one. */
export const products = { plenty: 1_000_000, few: 12, rare: 2 }
const productIds = ["plenty", "few", "rare"] as const
/** Fewer than there are accounts. */
export const couponLimit = 3
export const campaignId = "opening"
const visitors = 40
/**
 * Makes every call of the trial, and says what each was told. A call that throws anything else is a defect. The visits
 * begin within `rushMillis`.
 */
export const visitAll = async (shop: TestShop, seed: number, rushMillis: number, hear: Hear): Promise<void> => {
  await furnish(shop, hear)
  await Promise.all(
    Array.from({ length: visitors }, async (_, n) => {
      const random = seeded(seed * visitors + n)
      await new Promise((resolve) => setTimeout(resolve, random(rushMillis)))
      await visit(shop, n, random, hear)
    }),
  )
}

const furnish = async (shop: TestShop, hear: Hear): Promise<void> => {
  const discount = { type: "flat", amount: 2 } as const
  await Promise.all([
    ...productIds.map((productId, n) => {
      const thing = { productId, name: "Thing", price: 3 + n, onHand: products[productId] }
      return told(hear, `register-${productId}`, () => shop.stock.register(thing))
    }),
    told(hear, "campaign", () =>
      shop.coupons.createCampaign({ campaignId, name: "Opening", discount, limit: couponLimit }),
    ),
    ...accounts.map(async (accountId) => {
      await told(hear, `open-${accountId}`, () => shop.points.open({ accountId }))
      const key = `charge-${accountId}`
      await told(hear, key, () => shop.points.charge({ accountId, amount: 40, key }))
    }),
  ])
}

/** What is drawn does not depend on what the shop answers: a repeated call must be the same intention. */
const visit = async (shop: TestShop, n: number, random: (below: number) => number, hear: Hear): Promise<void> => {
  const accountId = accounts[n % accounts.length] ?? "account-0"
  const [first, second, quantity] = [random(3), random(3), 1 + random(2)]
  const [cancels, charges, restocks] = [random(4) === 0, random(3) === 0, random(6) === 0]
  const basket = Array.from(new Set([productIds[first] ?? "plenty", productIds[second] ?? "plenty"]))
  const lines = basket.map((productId) => ({ productId, quantity }))
  const withCoupon = n < accounts.length ? { campaignId } : {}
  if (n < accounts.length) {
    const key = `issue-${accountId}`
    await told(hear, key, () => shop.coupons.issue({ accountId, campaignId, key }))
  }
  const key = `place-${n}`
  const order = await told(hear, key, () => shop.orders.place({ accountId, lines, ...withCoupon, key }))
  if (cancels && order !== undefined) {
    const { orderId } = order
    await told(hear, `cancel-${n}`, () => shop.orders.cancel({ accountId, orderId, key: `cancel-${n}` }))
  }
  if (charges) {
    await told(hear, `charge-${n}`, () => shop.points.charge({ accountId, amount: 5, key: `charge-${n}` }))
  }
  if (restocks) {
    const restock = { productId: "few", quantity: 1, key: `restock-${n}` }
    await told(hear, restock.key, () => shop.stock.restock(restock))
  }
}

const told = async <A extends { readonly replayed: boolean }>(
  hear: Hear,
  key: string,
  call: () => Promise<A>,
): Promise<A | undefined> => {
  try {
    const answer = await call()
    hear({ key, answer: factsOf(answer), replayed: answer.replayed })
    return answer
  } catch (error) {
    if (!isHoldfastError(error)) throw error
    hear({ key, code: error.code })
    return undefined
  }
}

/** What an answer says that must never change again: all but whether it was repeated, and where the order stands. */
const factsOf = (answer: object): string =>
  JSON.stringify(answer, (name, value: unknown) =>
    ["replayed", "state", "closedAt"].includes(name) ? undefined : value,
  )
