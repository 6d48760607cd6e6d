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

it("lets go of the client with the shop, so that its connections keep no process alive", async () => {
  let closed = 0
  const kafka = memoryKafka()
  const { open } = rig({
    ...kafka,
    close: async () => {
      closed += 1
      await kafka.close()
    },
  })
  const shop = open()
  await request(shop, (await furnish(shop, 1))[0] ?? "")
  expect(closed).toBe(0)
  await shop.stop()
  expect(closed).toBe(1)
})

it("given a claim that comes while it is asked how many wait → waits, and nobody is told that its key came to nothing", async () => {
  const kafka = memoryKafka()
  let held: Promise<unknown> | undefined
  const { open } = rig({
    ...kafka,
    lag: async (group, name) => {
      const lag = await kafka.lag(group, name)
      const until = held
      held = undefined
      await until
      return lag
    },
  })
  const shop = open({ workers: false })
  const [ann = "", bob = ""] = await furnish(shop, 2)
  await request(shop, ann)
  const worker = open()
  await worker.start()
  await expect
    .poll(async () => kafka.lag(`${topic}.decided`, topic))
    .toEqual(new Map([0, 1, 2].map((each) => [each, 0n])))
  await worker.stop()
  // Until a count is no good any more.
  await new Promise((resolve) => setTimeout(resolve, 1_100))
  const { promise, resolve: answer } = Promise.withResolvers<void>()
  held = promise
  const counting = shop.health()
  await expect.poll(() => held).toBeUndefined()
  await shop.coupons.request({ campaignId: "spring", accountId: bob, key: "bob" })
  answer()
  expect((await counting).requests).toEqual({ waiting: 1 })
  expect(await shop.outcome({ operation: "coupons.issue", key: "bob" })).toEqual({ status: "pending" })
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

it.each(["the id", "the name"])(
  "given clients that go by the id of the topic and others by its name, who goes by %s decides each claim once, under its own id",
  async (by) => {
    const byId: KafkaTransport = { ...memoryKafka(), topicId: async () => "772243e2-26b4-42a1-9f39-c0d009e26489" }
    const { topicId: _, ...byName } = byId
    const store = { name: "memory", layer: Layer.succeed(Store, Effect.runSync(MemoryStore.make)) }
    const open = (kafka: KafkaTransport, group?: string): Shop => {
      const requests = kafkaRequests({ kafka, topic, group, partitions: 1, replication: 1 })
      const shop = createHoldfast({ store, requests, workers: group !== undefined, seals: false, logger: () => {} })
      onTestFinished(() => shop.stop())
      return shop
    }
    const [one, other] = [open(byId), open(byName)]
    const names = await furnish(one, 8)
    const ids: Array<string> = []
    for (const [n, name] of names.entries()) ids.push((await request(n % 3 === 2 ? other : one, name)).requestId)
    expect(new Set(ids.map((id) => id.split(".").at(-4))).size).toBe(2)
    const told = async (shop: Shop) => Promise.all(ids.map((requestId) => shop.coupons.requested(requestId)))
    for (const shop of [one, other]) {
      expect((await told(shop)).map(({ state }) => state)).toEqual(names.map(() => "waiting"))
    }

    const [first, second] = by === "the id" ? [byId, byName] : [byName, byId]
    await open(first, "first").start()
    const outcomes = await Promise.all(ids.map((id) => decided(one, id)))
    expect(outcomes.slice(0, 5).map((each) => each.state === "issued" && each.coupon.ticket)).toEqual([1, 2, 3, 4, 5])
    expect(outcomes.slice(5).map(({ state }) => state)).toEqual(["refused", "refused", "refused"])

    // The same slices once more, to one who names the topic differently.
    const again = open(second, "second")
    await again.start()
    await expect.poll(async () => Array.from((await byId.lag("second", topic)).values())).toEqual([0n])
    for (const shop of [one, other, again]) expect(await told(shop)).toEqual(outcomes)
    expect((await one.audit.run()).ok).toBe(true)
  },
)

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

it.each(["opens its topic", "joins its group"])(
  "a shop that is stopped while it %s leaves no member behind",
  async (step) => {
    const transport = memoryKafka()
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const { promise: reached, resolve: reach } = Promise.withResolvers<void>()
    const { promise: passed, resolve: pass } = Promise.withResolvers<void>()
    const atGate = async () => {
      reach()
      await gate
    }
    let members = 0
    const slow: KafkaTransport = {
      ...transport,
      partitions: async (name) => {
        if (step === "opens its topic") await atGate()
        return transport.partitions(name).finally(pass)
      },
      subscribe: async (to, handle) => {
        if (step === "joins its group") await atGate()
        const joined = await transport.subscribe(to, handle)
        members += 1
        pass()
        return {
          close: async () => {
            members -= 1
            await joined.close()
          },
        }
      },
    }
    const shop = rig(slow).open()
    await shop.start()
    await reached
    await shop.stop()
    open()
    await passed
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(members).toBe(0)
  },
)

it("given a topic that is made anew with fewer partitions, the next claim after one that failed is accepted", async () => {
  const anew = memoryKafka()
  let current = memoryKafka()
  const transport: KafkaTransport = {
    ...current,
    partitions: (name) => current.partitions(name),
    ensureTopics: (specs) => current.ensureTopics(specs),
    lag: (group, name) => current.lag(group, name),
    publish: (name, records) =>
      records.some(({ partition }) => partition > 0) && current === anew
        ? Promise.reject(new Error("No broker has acknowledged it."))
        : current.publish(name, records),
  }
  const shop = rig(transport).open({ workers: false })
  const names = await furnish(shop, 3)
  const { requestId } = await request(shop, names[0] ?? "")
  // Otherwise there is nothing to see here: the campaign's partition has to be one that goes.
  expect(Number(requestId.split(".").at(-3))).toBeGreaterThan(0)
  await anew.ensureTopics([{ topic, partitions: 1, replication: 1, settings: {} }])
  current = anew
  expect(await shop.safe.coupons.request({ campaignId: "spring", accountId: names[1] ?? "" })).toMatchObject({
    ok: false,
  })
  expect((await request(shop, names[2] ?? "")).requestId.split(".").at(-3)).toBe("0")
})
