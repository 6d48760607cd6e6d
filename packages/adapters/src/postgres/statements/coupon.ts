/** Coupons. A coupon is the receipt of the command that issued it. */
import { bigint, json, text } from "./columns.ts"
import { kindTable } from "./kindTable.ts"

export const coupon = kindTable("coupon", {
  table: "coupon",
  key: ["campaignId", "accountId"],
  // Copied when it is issued.
  fixed: ["ticket", "discount", "issuedAt", "expiresAt", "commandId"],
  fields: {
    campaignId: text("campaign_id"),
    accountId: text("account_id"),
    ticket: bigint("ticket"),
    discount: json("discount"),
    issuedAt: bigint("issued_at"),
    expiresAt: bigint("expires_at"),
    state: text("state"),
    orderId: text("order_id"),
    changedAt: bigint("changed_at"),
    commandId: text("command_id"),
    version: bigint("version"),
  },
  commandOf: ({ commandId }) => commandId,
})
