import { createHoldfast, type RequestedCoupon, type Shop } from "@holdfast/core"
import { MemoryStore } from "@holdfast/core/memory"
import { Store } from "@holdfast/core/ports"
import { Effect, Layer } from "effect"
import { expect, it, onTestFinished } from "vitest"
import { type KafkaTransport, kafkaRequests, memoryKafka } from "../../src/kafka/index.ts"

const topic = "shop.requests"
const spring = { campaignId: "spring", name: "Spring", discount: { type: "flat", amount: 1 }, limit: 5 } as const

/** Shops that share a store and a topic, as processes do. */
const rig = (transport: KafkaTransport = memoryKafka()) => {
  const store = { name: "memory", layer: Layer.succeed(Store, Effect.runSync(MemoryStore.make)) }
  const open = (options: { readonly workers?: boolean; readonly maxWaiting?: number } = {}): Shop => {
    const { workers = true, maxWaiting } = options
    const requests = kafkaRequests({ kafka: transport, topic, partitions: 3, replication: 1, maxWaiting })
    const shop = createHoldfast({ store, requests, workers, seals: false, logger: () => {} })
    onTestFinished(() => shop.stop())
    return shop
  }
  return { transport, open }
}

const furnish = async (shop: Shop, count: number): Promise<ReadonlyArray<string>> => {
  const names = Array.from({ length: count }, (_, index) => `buyer-${index}`)
  for (const accountId of names) await shop.points.open({ accountId })
  await shop.coupons.createCampaign(spring)
  return names
}

const decided = async (shop: Shop, requestId: string): Promise<RequestedCoupon> => {
  await expect.poll(async () => (await shop.coupons.requested(requestId)).state).not.toBe("waiting")
  return shop.coupons.requested(requestId)
}

const request = (shop: Shop, accountId: string) => shop.coupons.request({ campaignId: "spring", accountId })

it("claims are decided in the order of the topic, once, by whichever process has the partition", async () => {
  const { open } = rig()
  const all = [open(), open()] as const
  const names = await furnish(all[0], 20)
  const ids: Array<string> = []
  for (const [index, name] of names.entries()) ids.push((await request(all[index % 2] ?? all[0], name)).requestId)
  const outcomes = await Promise.all(ids.map((id) => decided(all[1], id)))
  expect(outcomes.slice(0, 5).map((each) => each.state === "issued" && each.coupon.ticket)).toEqual([1, 2, 3, 4, 5])
  expect(outcomes.slice(5).every(({ state }) => state === "refused")).toBe(true)
})

it("what is no claim is passed over, and a slice that comes again changes nothing", async () => {
  const { open, transport } = rig()
  const shop = open({ workers: false })
  const [name = ""] = await furnish(shop, 1)
  const { requestId } = await request(shop, name)
  const partition = Number(requestId.split(".").at(-3))
  const noise = ["{", "{}", '{"campaignId":"spring"}'].map((text) => ({
    partition,
    key: "spring",
    value: new TextEncoder().encode(text),
    headers: {},
  }))
  await transport.publish(topic, noise)
  const last = await request(shop, name)
  const [worker, again] = [open(), rig(transport)]
  await worker.start()
  expect((await decided(shop, last.requestId)).state).toBe("refused")
  expect((await decided(shop, requestId)).state).toBe("issued")
  // Another store knows nothing of it, and begins where the group stands.
  expect(await again.open().safe.coupons.requested("nothing")).toMatchObject({ ok: false })
  expect((await shop.audit.run()).ok).toBe(true)
})

it("where too many wait, and where Kafka is away, nothing is accepted", async () => {
  const { open } = rig()
  const shop = open({ workers: false, maxWaiting: 2 })
  const names = await furnish(shop, 3)
  await request(shop, names[0] ?? "")
  await request(shop, names[1] ?? "")
  expect(await shop.safe.coupons.request({ campaignId: "spring", accountId: names[2] ?? "" })).toMatchObject({
    ok: false,
    error: { code: "OVERLOADED" },
  })
  const transport = memoryKafka()
  const away = rig({ ...transport, publish: () => Promise.reject(new Error("no broker")) }).open({ workers: false })
  expect(await away.safe.coupons.request({ campaignId: "spring", accountId: "x" })).toMatchObject({
    ok: false,
    error: { code: "STORE_UNAVAILABLE", unavailable: { outcome: "unknown" } },
  })
})
