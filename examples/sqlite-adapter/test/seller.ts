/** Sells without end from a file, and prints the id of each order once it was acknowledged. */
import { createHoldfast } from "@holdfast/core"
import { sqlite } from "../src/SqliteStore.ts"

const shop = createHoldfast({ store: sqlite({ file: process.argv[2] ?? "" }) })
await shop.points.open({ accountId: "ada" })
await shop.stock.register({ productId: "tee", name: "Tee", price: 0, onHand: 1_000_000 })
for (let sold = 0; ; sold++) {
  const orders = Array.from({ length: 4 }, (_, index) =>
    shop.orders.place({
      accountId: "ada",
      lines: [{ productId: "tee", quantity: 1 }],
      key: `${process.pid}-${sold}-${index}`,
    }),
  )
  for (const { orderId } of await Promise.all(orders)) process.stdout.write(`${orderId}\n`)
}
