/**
 * The law that an event and the rows of its command say the same: numbers that are told to others were decided on what was
 * committed, and not on what was seen before.
 */
import type { PointEntry } from "../../points/Account.ts"
import type { StockMovement } from "../../stock/Product.ts"
import { digest } from "../sim/digest.ts"
import type { Delivery, TrialRecord } from "../trial/Trial.ts"
import { streams } from "../workloads/faulty.ts"
import { once } from "./evidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

type Event = Delivery["event"]

/** What an event says of one row, and that row; undefined where it is not there, which other laws judge. */
interface Told {
  readonly said: object
  readonly row: object | undefined
}

/** The rows of each command. */
const rowsOf = once(({ snapshot: { records, rows } }: TrialRecord) => ({
  entries: Map.groupBy(rows.entry, ({ commandId }): string => commandId),
  movements: Map.groupBy(rows.movement, ({ commandId }): string => commandId),
  coupons: new Map(records.coupon.map((coupon) => [String(coupon.commandId), coupon])),
  orders: new Map(records.order.map((order) => [String(order.orderId), order])),
}))

const toldBy = (trial: TrialRecord, { id, type, data }: Event): ReadonlyArray<Told> => {
  const { entries, movements, coupons, orders } = rowsOf(trial)
  const entry = (accountId: unknown): PointEntry | undefined =>
    entries.get(id)?.find((each) => each.accountId === accountId)
  const movement = (productId: unknown): StockMovement | undefined =>
    movements.get(id)?.find((each) => each.productId === productId)
  const { accountId, productId, campaignId, seq, balance, change, quantity, amount, ticket, paid } = data
  switch (type) {
    case "points.charged":
      return [{ said: { accountId, seq, change: amount, balance }, row: entry(accountId) }]
    case "points.adjusted":
      return [{ said: { accountId, seq, change, balance }, row: entry(accountId) }]
    case "stock.restocked":
      return [{ said: { productId, change: quantity }, row: movement(productId) }]
    case "stock.adjusted":
      return [{ said: { productId, change }, row: movement(productId) }]
    case "coupons.issued":
      return [{ said: { campaignId, accountId, ticket }, row: coupons.get(id) }]
    case "orders.placed": {
      const order = orders.get(id)
      const { total, discount, lines } = data
      const sold = order?.lines.map((line) => ({
        said: { productId: line.productId, change: -line.quantity },
        row: movement(line.productId),
      }))
      return [
        { said: { accountId, total, discount, paid, lines }, row: order },
        { said: { accountId, change: -Number(paid) }, row: entry(accountId) },
        ...(sold ?? []),
      ]
    }
    case "orders.cancelled":
      return [{ said: { accountId, change: paid }, row: entry(accountId) }]
    default:
      return []
  }
}

/** The names of the fields in which a row is not as it was told. */
const otherwise = ({ said, row }: Told): ReadonlyArray<string> =>
  row === undefined
    ? []
    : Object.entries(said).flatMap(([name, value]) => (digest(value) === digest(Reflect.get(row, name)) ? [] : [name]))

export const eventRowLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "EVT-08",
    level: "MUST",
    title: "What an event says is what the rows of its change say",
    why: "Consumers count with the numbers of events, and no recount of the shop would ever find theirs wrong.",
    workload: streams,
    check: (trial) => {
      for (const { event } of trial.deliveries) {
        for (const told of toldBy(trial, event)) {
          const [field] = otherwise(told)
          if (field === undefined || told.row === undefined) continue
          const numbers = `${JSON.stringify(Reflect.get(told.said, field))}, and its row says ${JSON.stringify(Reflect.get(told.row, field))}`
          return broken(`Event ${event.type} ${event.id} says ${field} ${numbers}.`)
        }
      }
      return undefined
    },
    sometimes: {
      "an event told a balance": ({ deliveries }) => deliveries.some(({ event }) => event.type === "points.charged"),
    },
  }),
]
