/**
 * Orders, each with its lines in the same row: one row an order, whatever it holds. A new order's id is made by the engine,
 * so its insert collides with nothing but its own repeat. An order is the receipt of the command that placed it.
 */
import { bigint, boolean, json, text } from "./columns.ts"
import { kindTable } from "./kindTable.ts"
import { ownPosition } from "./positions.ts"

export const order = kindTable("order", {
  table: "orders",
  key: ["orderId"],
  // Everything but the state is settled when the order is placed.
  fixed: ["accountId", "lines", "total", "discount", "paid", "campaignId", "reference", "metadata", "placedAt"],
  fields: {
    orderId: text("order_id"),
    accountId: text("account_id"),
    lines: json("lines"),
    total: bigint("total"),
    discount: bigint("discount"),
    paid: bigint("paid"),
    campaignId: text("campaign_id"),
    reference: text("reference"),
    metadata: json("metadata"),
    state: text("state"),
    placedAt: bigint("placed_at"),
    closed: { columns: { at: bigint("closed_at"), commandId: text("closed_by"), restocked: boolean("restocked") } },
    version: bigint("version"),
  },
  commandOf: ({ orderId }) => orderId,
  // Its places in the lists. The account has been counted up by all orders of this batch.
  counting: {
    of: (batch, placed) => batch.ordersBehind(placed),
    columns: {
      number: "(select a.orders from @.account a where a.account_id = x.account_id) - x.counted",
      placed_in: ownPosition,
    },
  },
})
