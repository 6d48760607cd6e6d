/** Tallies. */
import { bigint, text } from "./columns.ts"
import { kindTable } from "./kindTable.ts"

export const tally = kindTable("tally", {
  table: "tally",
  key: ["accountId", "productId"],
  fields: {
    accountId: text("account_id"),
    productId: text("product_id"),
    units: bigint("units"),
    note: text("note"),
    version: bigint("version"),
  },
})
