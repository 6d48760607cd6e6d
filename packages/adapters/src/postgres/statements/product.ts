/** Products and their stock movements. */
import { bigint, boolean, text } from "./columns.ts"
import { kindTable } from "./kindTable.ts"
import { ledgerTable } from "./ledgerTable.ts"

export const movement = ledgerTable("movement", {
  table: "movement",
  owner: "productId",
  position: "revision",
  fields: {
    productId: text("product_id"),
    revision: bigint("revision"),
    type: text("type"),
    change: bigint("change"),
    onHand: bigint("on_hand"),
    orderId: text("order_id"),
    reason: text("reason"),
    commandId: text("command_id"),
    at: bigint("at"),
  },
})

export const product = kindTable("product", {
  table: "product",
  key: ["productId"],
  fixed: ["registered"],
  fields: {
    productId: text("product_id"),
    onHand: bigint("on_hand"),
    revision: bigint("revision"),
    name: text("name"),
    price: bigint("price"),
    retired: boolean("retired"),
    registered: {
      columns: {
        name: text("registered_name"),
        price: bigint("registered_price"),
        onHand: bigint("registered_on_hand"),
      },
    },
    version: bigint("version"),
  },
  ledger: movement,
})
