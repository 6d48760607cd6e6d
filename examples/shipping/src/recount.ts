/**
 * What must be true when every order has its answer, read back from the shop and from the shipping service.
 */
import type { Shop } from "@holdfast/core"
import type pg from "pg"
import { start } from "./shop.ts"

export interface Recount {
  readonly shipped: number
  readonly declined: number
  /** Orders without an answer. */
  readonly open: number
  /** What is not as it must be; empty where everything is. */
  readonly wrong: ReadonlyArray<string>
}

export const recount = async (
  shop: Shop,
  orders: ReadonlyArray<string>,
  pool: pg.Pool,
  schema: string,
  room: number,
): Promise<Recount> => {
  const wrong: Array<string> = []
  const must = (what: string, expected: unknown, found: unknown): void => {
    if (expected !== found) wrong.push(`${what}: ${expected} expected, ${found} found`)
  }
  const { rows } = await pool.query(`select order_id, verdict from ${schema}.parcel`)
  const parcels = new Map<string, string>(rows.map(({ order_id, verdict }) => [order_id, verdict]))
  let [shipped, declined, open] = [0, 0, 0]
  for (const orderId of orders) {
    const order = await shop.orders.get(orderId)
    const verdict = parcels.get(orderId)
    if (order.state === "placed" || verdict === undefined) open++
    else if (order.state === "completed") shipped++
    else declined++
    if (verdict !== undefined && order.state !== "placed") {
      must(`order ${orderId}`, verdict === "shipped" ? "completed" : "cancelled", order.state)
    }
    const balance = await shop.points.balance(order.accountId)
    must(`balance of ${order.accountId}`, start.points - (order.state === "cancelled" ? 0 : start.price), balance)
  }
  must("parcels", orders.length - open, parcels.size)
  must("units on hand", start.units - orders.length + declined, (await shop.stock.product("tea")).onHand)
  must("room in the van", room - shipped, Number((await pool.query(`select room from ${schema}.van`)).rows[0]?.room))
  const audit = await shop.audit.run()
  must("audit", true, audit.ok)
  return { shipped, declined, open, wrong }
}
