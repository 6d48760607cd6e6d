/**
 * Coupon requests through a real broker, which is killed while claims are accepted and decided.
 */
import { createHoldfast, type Shop } from "@holdfast/core"
import { MemoryStore } from "@holdfast/core/memory"
import { Store } from "@holdfast/core/ports"
import { hangMillis, type Kafka, privateKafka } from "@holdfast/test-services"
import { Effect, Layer } from "effect"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { kafkajs, kafkaRequests, platformatic, kafka as topicBus } from "../../src/kafka/index.ts"

let cluster: Kafka | undefined
beforeAll(async () => {
  cluster = await privateKafka("coupon requests on a Kafka broker")
})
afterAll(() => cluster?.stop())

const limit = 20

describe.each([
  ["kafkajs", kafkajs, kafkajs],
  ["@platformatic/kafka", platformatic, platformatic],
  // One of them goes by the id of the topic, and the other by its name.
  ["both clients in one fleet", platformatic, kafkajs],
] as const)("%s", (name, make, makeOther) => {
  it("every accepted claim is decided once and found by its id, though the broker is killed meanwhile", async () => {
    const broker = cluster?.brokers[0]
    if (broker === undefined) throw new Error("no broker")
    const store = { name: "memory", layer: Layer.succeed(Store, Effect.runSync(MemoryStore.make)) }
    const topic = `requests-${name.replace(/\W/g, "")}`
    const open = (client: typeof make | typeof makeOther): Shop => {
      const kafka = client({ brokers: [broker.address] })
      const requests = kafkaRequests({ kafka, topic, partitions: 2, replication: 1 })
      const deadlineMillis = hangMillis / 2
      const shop = createHoldfast({ store, requests, seals: false, deadlineMillis, logger: () => {} })
      onTestFinished(async () => {
        await shop.stop()
        await kafka.close()
      })
      return shop
    }
    const all = [open(make), open(makeOther)] as const
    const names = Array.from({ length: 60 }, (_, index) => `buyer-${index}`)
    for (const accountId of names) await all[0].points.open({ accountId })
    const discount = { type: "flat", amount: 1 } as const
    await all[0].coupons.createCampaign({ campaignId: "spring", name: "Spring", discount, limit })
    const ids: Array<string> = []
    for (const [index, accountId] of names.entries()) {
      if (index === 30) await broker.kill()
      const claim = { campaignId: "spring", accountId, key: accountId }
      const first = (all[index % 2] ?? all[0]).safe.coupons.request(claim)
      if (index === 30) await broker.restart()
      for (let end = await first; ; end = await all[0].safe.coupons.request(claim)) {
        if (end.ok) ids.push(end.value.requestId)
        if (end.ok) break
      }
    }
    const stateOf = async (id: string) => (await all[1].coupons.requested(id)).state
    await expect.poll(async () => (await Promise.all(ids.map(stateOf))).includes("waiting")).toBe(false)
    const outcomes = await Promise.all(ids.map((id) => all[0].coupons.requested(id)))
    const tickets = outcomes.flatMap((outcome) => (outcome.state === "issued" ? [outcome.coupon.ticket] : []))
    expect(tickets).toEqual(Array.from({ length: limit }, (_, index) => index + 1))
    expect((await all[0].coupons.campaign("spring")).issued).toBe(limit)
    expect((await all[0].audit.run()).ok).toBe(true)
  })

  it("the first claim of a topic that is made for it is accepted", async () => {
    const broker = cluster?.brokers[0]
    if (broker === undefined) throw new Error("no broker")
    const warm = make({ brokers: [broker.address] })
    onTestFinished(() => warm.close())
    await warm.ensureTopics([{ topic: "warm", partitions: 1, replication: 1, settings: {} }])
    // A cluster makes the place for its groups when somebody asks for the first one.
    const hasGroups = () =>
      warm.lag("warm", "warm").then(
        () => true,
        () => false,
      )
    await expect.poll(hasGroups).toBe(true)
    for (let round = 0; round < 10; round++) {
      const kafka = make({ brokers: [broker.address] })
      const topic = `first-${name.replace(/\W/g, "")}-${round}`
      const bus = topicBus({ kafka, topic: `${topic}-events`, replication: 1 })
      const shop = createHoldfast({ bus, requests: kafkaRequests({ kafka, topic, replication: 1 }), logger: () => {} })
      onTestFinished(() => shop.stop())
      await shop.points.open({ accountId: "ann" })
      const discount = { type: "flat", amount: 1 } as const
      await shop.coupons.createCampaign({ campaignId: "spring", name: "Spring", discount, limit })
      await shop.coupons.request({ campaignId: "spring", accountId: "ann" })
      await shop.stop()
    }
  })
})
