/**
 * The server with `--kafka`: what is sold over HTTP is on the topic, as a consumer reads it that knows nothing of us.
 */
import { kafkajs } from "@holdfast/adapters/kafka"
import { leaveOut, privateKafka } from "@holdfast/test-services"
import { expect, it, onTestFinished } from "vitest"
import { post, start } from "./support.ts"

it("given --kafka → an order over HTTP is an event on the topic", async () => {
  const cluster = await privateKafka("the server with --kafka")
  const broker = cluster?.brokers[0]?.address
  if (cluster === undefined || broker === undefined) return leaveOut("the server with --kafka")
  onTestFinished(cluster.stop)
  const { url, child, exited } = await start("--store", "memory", "--kafka", broker)
  const order = { userId: 1, orderItems: [{ productId: 1, quantity: 1 }] }
  expect((await post(url, "/orders", order)).status).toBe(200)
  const kafka = kafkajs({ brokers: [broker] })
  onTestFinished(kafka.close)
  const types: Array<string | undefined> = []
  const reader = await kafka.subscribe(
    { topic: "shop.events", group: "test", maxSlice: 500, onTrouble: () => {} },
    async ({ records }) => void types.push(...records.map(({ headers }) => headers.ce_type)),
  )
  onTestFinished(reader.close)
  await expect.poll(() => types).toContain("holdfast.orders.placed")
  child.kill("SIGTERM")
  expect(await exited).toBe(0)
})

it("given --kafka without a port → says what an address looks like", async () => {
  await expect(start("--store", "memory", "--kafka", "here")).rejects.toThrow("--kafka here is no address of a broker")
})
