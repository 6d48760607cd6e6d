/** A process that uses a shop and never stops it: with nothing left to do it must end. */
import { createHoldfast } from "@holdfast/core"

const shop = createHoldfast()
await shop.stock.register({ productId: "tea", name: "Tea", price: 1, onHand: 3 })
await shop.points.open({ accountId: "ada" })
await shop.points.charge({ accountId: "ada", amount: 5, key: "top-up" })
const { paid } = await shop.orders.place({ accountId: "ada", lines: [{ productId: "tea", quantity: 2 }], key: "cart" })
process.stdout.write(`paid ${paid}\n`)
