/**
 * The shop, whose bus is the first topic, and the buyers.
 */
import { kafka as bus, type KafkaTransport } from "@holdfast/adapters/kafka"
import { postgres } from "@holdfast/adapters/postgres"
import { createHoldfast, type Shop } from "@holdfast/core"
import type { At, Topics } from "./topics.ts"

/** Points of each buyer, units of the product and its price. */
export const start = { points: 1_000, units: 100, price: 30 } as const

export const openShop = (url: string, schema: string, kafka: KafkaTransport, topics: Topics): Shop =>
  createHoldfast({
    store: postgres({ url, schema }),
    bus: bus({ kafka, topic: topics.orders, partitions: 3, replication: 1 }),
    logger: () => {},
  })

/** So many orders, each by a buyer of its own. Whoever does it again gets the same orders: their keys say which they are. */
export const buyAll = async (shop: Shop, orders: number, at: At = () => {}): Promise<ReadonlyArray<string>> => {
  await shop.stock.register({ productId: "tea", name: "Tea", price: start.price, onHand: start.units, key: "tea" })
  const placed: Array<string> = []
  for (let buyer = 0; buyer < orders; buyer++) {
    const accountId = `buyer-${buyer}`
    await shop.points.open({ accountId, key: `open-${buyer}` })
    await shop.points.charge({ accountId, amount: start.points, key: `charge-${buyer}` })
    const lines = [{ productId: "tea", quantity: 1 }]
    placed.push((await shop.orders.place({ accountId, lines, key: `order-${buyer}` })).orderId)
    at("the order is placed")
  }
  return placed
}
