/**
 * A shop in one file: run it twice, and the second run goes on where the first one stopped.
 */
import { createHoldfast } from "@holdfast/core"
import { sqlite } from "./SqliteStore.ts"

const shop = createHoldfast({ store: sqlite({ file: process.argv[2] ?? "shop.db" }) })
await shop.points.open({ accountId: "ada" })
await shop.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: 100 })
await shop.points.charge({ accountId: "ada", amount: 10, key: `charge-${process.pid}` })
const order = await shop.orders.place({
  accountId: "ada",
  lines: [{ productId: "tee", quantity: 1 }],
  key: `order-${process.pid}`,
})
const { onHand } = await shop.stock.product("tee")
console.log(`order ${order.orderId}, ${onHand} left, audit ${(await shop.audit.run()).ok ? "ok" : "NOT OK"}`)
await shop.stop()
