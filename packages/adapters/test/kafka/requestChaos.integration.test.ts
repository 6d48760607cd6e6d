/**
 * Coupon requests where everything between the caller and the decision fails. `npm run soak:kafka -- 200 1 requests` does more
 * of it.
 */
import { type Kafka, type KafkaProxy, leaveOut, privateKafka, proxyToBroker } from "@holdfast/test-services"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { serverForFile } from "../support/stores.ts"
import { type BrokerInTurn, inTurn } from "./chaos.ts"
import { requestTrial } from "./requestChaos.ts"

const { server, url } = serverForFile("chaos of requests")
let cluster: Kafka | undefined
let proxy: KafkaProxy | undefined
let shared: BrokerInTurn | undefined
beforeAll(async () => {
  cluster = await privateKafka("chaos of requests")
  const [broker] = cluster?.brokers ?? []
  if (broker === undefined) return
  proxy = await proxyToBroker(broker)
  shared = inTurn(broker, proxy)
})
afterAll(async () => {
  await proxy?.close()
  await cluster?.stop()
})

/** First the one that kills the broker, which is away for some 10 s, and those that kill a process that decides. */
const seeds = [36, 3, 12, 14, 13, 1, 2, 4, 7, 15, 20, 23]

describe.concurrent("given faults of a seed → every request has one answer for good, and the coupons are as many as they may", () => {
  it.each(seeds)("%s", async (seed) => {
    if (shared === undefined || server() === undefined) return leaveOut("chaos of requests")
    expect(await requestTrial({ ...shared, url: url() }, seed)).toMatchObject({ seed, wrong: [] })
  })
})
