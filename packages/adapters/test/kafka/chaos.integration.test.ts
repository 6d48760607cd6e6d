import { type Kafka, type KafkaProxy, leaveOut, privateKafka, proxyToBroker } from "@holdfast/test-services"
import { afterAll, beforeAll, expect, it } from "vitest"
import { serverForFile } from "../support/stores.ts"
import { chaosTrial, inTurn } from "./chaos.ts"

const { server, url } = serverForFile("chaos between a shop and Kafka")
let cluster: Kafka | undefined
let proxy: KafkaProxy | undefined
beforeAll(async () => {
  cluster = await privateKafka("chaos between a shop and Kafka")
  const [broker] = cluster?.brokers ?? []
  if (broker !== undefined) proxy = await proxyToBroker(broker)
})
afterAll(async () => {
  await proxy?.close()
  await cluster?.stop()
})

const seeds = Array.from({ length: 12 }, (_, n) => n + 1)

it.each(seeds)(
  "given faults of seed %s → every event has its effect once, in order, and the audit is clean",
  async (seed) => {
    const [broker] = cluster?.brokers ?? []
    if (broker === undefined || proxy === undefined || server() === undefined) return leaveOut("chaos with Kafka")
    expect(await chaosTrial({ ...inTurn(broker, proxy), url: url() }, seed)).toMatchObject({ seed, wrong: [] })
  },
)
