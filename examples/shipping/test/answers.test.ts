/**
 * What the shop does about verdicts that come too late, or about nothing.
 */
import { memoryKafka } from "@holdfast/adapters/kafka"
import { createHoldfast } from "@holdfast/core"
import { expect, it, onTestFinished } from "vitest"
import { startAnswers } from "../src/answers.ts"
import { buyAll } from "../src/shop.ts"
import { makeTopics, topicsOf, type Verdict } from "../src/topics.ts"

it("given verdicts that the shop refuses for ever → somebody is told, and the verdicts behind them are answered", async () => {
  const kafka = memoryKafka()
  const topics = topicsOf("late")
  await makeTopics(kafka, topics)
  const shop = createHoldfast({ logger: () => {} })
  onTestFinished(() => shop.stop())
  const [first = "", second = "", third = ""] = await buyAll(shop, 3)
  await shop.orders.cancel({ orderId: first, accountId: "buyer-0", restock: true, key: "by the buyer" })
  await shop.orders.complete({ orderId: second })
  const refused: Array<string> = []
  const onRefused = (_: Verdict, code: string) => void refused.push(code)
  const answers = await startAnswers({ kafka, topics, shop, onRefused })
  onTestFinished(answers.close)
  const verdicts: ReadonlyArray<Verdict> = [
    { orderId: first, accountId: "buyer-0", verdict: "shipped" },
    { orderId: second, accountId: "buyer-1", verdict: "declined" },
    { orderId: "nothing", accountId: "buyer-1", verdict: "declined" },
    { orderId: third, accountId: "buyer-2", verdict: "shipped" },
  ]
  await kafka.publish(
    topics.verdicts,
    verdicts.map((said) => ({
      partition: 0,
      key: said.orderId,
      value: Buffer.from(JSON.stringify(said)),
      headers: {},
    })),
  )
  await expect.poll(async () => (await shop.orders.get(third)).state).toBe("completed")
  expect(refused).toEqual(["ORDER_ALREADY_CANCELLED", "ORDER_ALREADY_COMPLETED", "ORDER_NOT_FOUND"])
})
