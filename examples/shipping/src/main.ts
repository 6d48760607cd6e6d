/**
 * Orders, a shipping service that has no room for all of them, and what becomes of those that it declines: all three parts in this
 * process, on a PostgreSQL server and on a topic in memory.
 */
import { memoryKafka } from "@holdfast/adapters/kafka"
import { anyServer } from "@holdfast/test-services"
import pg from "pg"
import { startAnswers } from "./answers.ts"
import { recount } from "./recount.ts"
import { shippingSql, startShipping } from "./shipping.ts"
import { buyAll, openShop } from "./shop.ts"
import { makeTopics, topicsOf } from "./topics.ts"

const [orders, room] = [20, 12]

const server = await anyServer("shipping")
if (server === undefined) throw new Error("No PostgreSQL here: set DATABASE_URL, or install a server.")
const name = `shipping_${process.pid}`
const [kafka, topics] = [memoryKafka(), topicsOf(name)]
const pool = new pg.Pool({ connectionString: server.url, max: 8 })
await makeTopics(kafka, topics)
await pool.query(shippingSql(`${name}_shipping`, room))
const shop = openShop(server.url, `${name}_shop`, kafka, topics)
const shipping = await startShipping({ kafka, topics, pool, schema: `${name}_shipping` })
const answers = await startAnswers({ kafka, topics, shop })

const placed = await buyAll(shop, orders)
process.stdout.write(`${placed.length} orders placed; the van has room for ${room}\n`)
let found = await recount(shop, placed, pool, `${name}_shipping`, room)
while (found.open > 0) {
  await new Promise((resolve) => setTimeout(resolve, 50))
  found = await recount(shop, placed, pool, `${name}_shipping`, room)
}
process.stdout.write(`${found.shipped} shipped and completed, ${found.declined} declined, cancelled and paid back\n`)
process.stdout.write(found.wrong.length === 0 ? "everything adds up\n" : `${found.wrong.join("\n")}\n`)
process.exitCode = found.wrong.length === 0 ? 0 : 1

await answers.close()
await shipping.close()
await shop.stop()
for (const schema of [`${name}_shipping`, `${name}_shop`]) await pool.query(`drop schema ${schema} cascade`)
await pool.end()
await server.stop()
