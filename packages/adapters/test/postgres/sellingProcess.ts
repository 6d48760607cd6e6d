/**
 * A process that sells: for each schema that it is told, it opens a shop, makes the calls of one small sale under keys that
 * every such process uses, and says what it was answered.
 *
 * `node sellingProcess.ts <url>`, a schema a line on standard input.
 */
import { createInterface } from "node:readline"
import { createHoldfast } from "@holdfast/core"
import { postgres } from "../../src/postgres/index.ts"

const [url = ""] = process.argv.slice(2)
export const units = 20
export const buyers = 60

const sell = async (schema: string): Promise<Record<string, number>> => {
  const shop = createHoldfast({ store: postgres({ url, schema }), workers: false, logger: () => {} })
  await shop.start()
  await shop.stock.register({ productId: "tee", name: "Tee", price: 10, onHand: units })
  const counts: Record<string, number> = {}
  await Promise.all(
    Array.from({ length: buyers }, async (_, n) => {
      const accountId = `buyer-${n}`
      await shop.points.open({ accountId })
      await shop.points.charge({ accountId, amount: 100, key: `charge-${n}` })
      const told = await shop.safe.orders.place({
        accountId,
        lines: [{ productId: "tee", quantity: 1 }],
        key: `order-${n}`,
      })
      const name = told.ok ? "sold" : told.error.code
      counts[name] = (counts[name] ?? 0) + 1
    }),
  )
  counts.left = (await shop.stock.product("tee")).onHand
  counts.exact = Number((await shop.audit.run()).ok)
  await shop.stop()
  return counts
}

if (process.argv[1] === import.meta.filename) {
  for await (const schema of createInterface({ input: process.stdin })) {
    const told = await sell(schema).catch((error) => ({ failed: String(error) }))
    console.log(JSON.stringify(told))
  }
}
