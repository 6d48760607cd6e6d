/**
 * The recount: every ledger, coupon and order is read back from the shop, page by page, and counted anew.
 */
import type { Page, Shop } from "@holdfast/core"
import { CouponBook, OrderBook, PointsBook, StockBook } from "./books.ts"
import { forEachAtOnce } from "./patience.ts"
import { couponAmount, type Plan, price } from "./plan.ts"

/** What the shop holds once the sale is over. */
export interface Recount {
  readonly stock: StockBook
  /** The product's own count, to compare with its ledger. */
  readonly onHand: number
  readonly points: PointsBook
  readonly coupons: CouponBook
  /** The campaign's own count, and its limit; 0 where there is none. */
  readonly couponsCounted: number
  readonly couponLimit: number
  readonly orders: OrderBook
  /** Buyers without any order who could pay for one. */
  readonly couldBuy: number
  /** Distinct ids of the events that the subscription was handed. */
  readonly events: number
  /** Events that were set aside or still wait. */
  readonly eventsLeft: number
  readonly audit: AuditResult
}

interface AuditResult {
  readonly ok: boolean
  readonly checks: ReadonlyArray<{
    readonly id: string
    readonly title: string
    readonly checked: number
    readonly violations: number
  }>
}

/** The ids of the events of a name that was subscribed before the sale. */
export class EventIds {
  readonly #ids = new Set<string>()

  hear = ({ id }: { readonly id: string }): void => {
    this.#ids.add(id)
  }

  get distinct(): number {
    return this.#ids.size
  }
}

/** Rows per page: the most that a shop gives. */
const limit = 1_000
/** Accounts that are read at once. */
const maxReads = 64

/** Reads everything back. `counted` is called after each account, for the display. */
export const recountShop = async (
  shop: Shop,
  plan: Plan,
  events: EventIds,
  counted: () => void = () => {},
): Promise<Recount> => {
  const { productId, subscription } = plan
  const stock = new StockBook()
  const movements = (cursor?: string) => shop.stock.movements({ productId, order: "oldest-first", limit, cursor })
  for await (const movement of allOf(movements)) stock.add(movement)
  const { onHand } = await shop.stock.product(productId)
  const coupons = await recountCoupons(shop, plan)
  const buyers = await recountBuyers(shop, plan, coupons.coupons, counted)
  await shop.events.settled(subscription)
  const { waiting, parked } = await shop.events.depth(subscription)
  const { ok, checks } = await shop.audit.run()
  return {
    stock,
    onHand,
    ...coupons,
    ...buyers,
    events: events.distinct,
    eventsLeft: waiting + parked,
    audit: { ok, checks: checks.map(({ id, title, checked, violations }) => ({ id, title, checked, violations })) },
  }
}

const recountCoupons = async (
  shop: Shop,
  { campaignId, coupons: planned }: Plan,
): Promise<Pick<Recount, "coupons" | "couponsCounted" | "couponLimit">> => {
  const coupons = new CouponBook()
  if (planned === 0) return { coupons, couponsCounted: 0, couponLimit: 0 }
  const page = (cursor?: string) => shop.coupons.ofCampaign({ campaignId, limit, cursor })
  for await (const coupon of allOf(page)) coupons.add(coupon)
  const campaign = await shop.coupons.campaign(campaignId)
  return { coupons, couponsCounted: campaign.issued, couponLimit: campaign.limit }
}

const recountBuyers = async (
  shop: Shop,
  { buyers, buyer }: Plan,
  coupons: CouponBook,
  counted: () => void,
): Promise<Pick<Recount, "points" | "orders" | "couldBuy">> => {
  const points = new PointsBook()
  const orders = new OrderBook()
  let couldBuy = 0
  await forEachAtOnce(buyers, maxReads, async (index) => {
    const { accountId } = buyer(index)
    const page = (cursor?: string) => shop.points.entries({ accountId, order: "oldest-first", limit, cursor })
    const [entries, balance, { items }] = await Promise.all([
      listed(allOf(page)),
      shop.points.balance(accountId),
      shop.orders.ofAccount({ accountId, limit }),
    ])
    points.add(entries, balance)
    orders.add(items)
    const cost = coupons.owns(accountId) ? price - couponAmount : price
    if (items.length === 0 && balance >= cost) couldBuy++
    counted()
  })
  return { points, orders, couldBuy }
}

/** Every row of a list, page after page. */
async function* allOf<Row>(page: (cursor?: string) => Promise<Page<Row>>): AsyncGenerator<Row, void, void> {
  let cursor: string | undefined
  do {
    const { items, nextCursor } = await page(cursor)
    yield* items
    cursor = nextCursor
  } while (cursor !== undefined)
}

const listed = async <Row>(rows: AsyncIterable<Row>): Promise<ReadonlyArray<Row>> => {
  const list: Array<Row> = []
  for await (const row of rows) list.push(row)
  return list
}
