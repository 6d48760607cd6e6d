/**
 * What goes wrong between a request, a broker and a database in the reference service, with a shop whose bus is a topic.
 */
import { createHoldfast, isHoldfastError } from "@holdfast/core"
import { expect, it, onTestFinished } from "vitest"
import { eventIn } from "../../src/kafka/envelope.ts"
import { KafkaFault, type KafkaReceived, type KafkaTransport, kafka, memoryKafka } from "../../src/kafka/index.ts"

const campaign = {
  campaignId: "spring",
  name: "Spring",
  discount: { type: "flat", amount: 1_000 } as const,
  limit: 3,
  opensAt: new Date("2026-01-01T00:00:00Z"),
  closesAt: new Date("2099-01-01T00:00:00Z"),
}

/** A broker that can be away, or take records and never answer. */
const rig = async () => {
  const transport = memoryKafka()
  let state: "there" | "away" | "silent" = "there"
  const { promise: silence, resolve: end } = Promise.withResolvers<never>()
  onTestFinished(() => end(undefined as never))
  const broker: KafkaTransport = {
    ...transport,
    publish: (topic, records) => {
      if (state === "away") return Promise.reject(new KafkaFault(false, new Error("no broker")))
      return state === "silent" ? silence : transport.publish(topic, records)
    },
  }
  const shop = createHoldfast({ bus: kafka({ kafka: broker, topic: "events", partitions: 12 }) })
  onTestFinished(() => shop.stop())
  await shop.coupons.createCampaign(campaign)
  for (let n = 1; n <= 5; n++) await shop.points.open({ accountId: `account-${n}` })
  const issue = (n: number) => shop.coupons.issue({ campaignId: "spring", accountId: `account-${n}` })
  const codeOf = (call: Promise<unknown>) =>
    call.then(
      () => "issued",
      (error: unknown) => (isHoldfastError(error) ? error.code : "thrown"),
    )
  const read = async (): Promise<ReadonlyArray<KafkaReceived & { readonly partition: number }>> => {
    const records: Array<KafkaReceived & { readonly partition: number }> = []
    const reader = await transport.subscribe(
      { topic: "events", group: "reader", maxSlice: 1_000, onTrouble: () => {} },
      async (slice) => void records.push(...slice.records.map((record) => ({ ...record, partition: slice.partition }))),
    )
    onTestFinished(reader.close)
    return records
  }
  const become = (next: typeof state) => {
    state = next
  }
  return { shop, issue, codeOf, read, become }
}

it("SB-03: given a broker that is away → places go to those who get a coupon, and nobody is told of one that is not there", async () => {
  const { shop, issue, codeOf, become } = await rig()
  become("away")
  const codes = []
  for (let n = 1; n <= 5; n++) codes.push(await codeOf(issue(n)))
  expect(codes).toEqual(["issued", "issued", "issued", "COUPONS_SOLD_OUT", "COUPONS_SOLD_OUT"])
  expect(await shop.coupons.campaign("spring")).toMatchObject({ issued: 3, limit: 3 })
  expect((await shop.audit.run()).ok).toBe(true)
})

it("SB-04: given sends that all fail → every coupon that was answered is there, and its event follows once", async () => {
  const { shop, issue, read, become } = await rig()
  become("away")
  const tickets = []
  for (let n = 1; n <= 3; n++) tickets.push((await issue(n)).ticket)
  expect(tickets).toEqual([1, 2, 3])
  await expect.poll(async () => (await shop.health()).bus?.reachable).toBe(false)
  become("there")
  await shop.events.settled("event-bus")
  const records = await read()
  const issued = () => records.map(eventIn).filter((event) => event?.type === "coupons.issued")
  await expect.poll(() => new Set(issued().map((event) => event?.id)).size).toBe(3)
})

it("SB-05: given a broker that takes requests and never answers → calls are answered all the same", async () => {
  const { shop, issue, codeOf, become } = await rig()
  await shop.events.settled("event-bus")
  become("silent")
  expect([await codeOf(issue(1)), await codeOf(issue(2)), await codeOf(issue(3)), await codeOf(issue(4))]).toEqual([
    "issued",
    "issued",
    "issued",
    "COUPONS_SOLD_OUT",
  ])
  expect(await shop.health()).toMatchObject({ status: "ok" })
  expect((await shop.events.depth("event-bus")).waiting).toBe(3)
})

it("SB-06: given a topic of many partitions → what happens to one thing is in one of them, in order", async () => {
  const { shop, issue, read } = await rig()
  await issue(1)
  await shop.coupons.revoke({ campaignId: "spring", accountId: "account-1" })
  await issue(2)
  await shop.events.settled("event-bus")
  const records = await read()
  const ofCampaign = () => records.filter(({ key }) => key === "spring")
  await expect
    .poll(() => ofCampaign().map((record) => eventIn(record)?.type))
    .toEqual(expect.arrayContaining(["coupons.issued", "coupons.revoked"]))
  expect(new Set(ofCampaign().map(({ partition }) => partition)).size).toBe(1)
  const types = ofCampaign().map((record) => eventIn(record)?.type)
  expect(types.slice(-3)).toEqual(["coupons.issued", "coupons.revoked", "coupons.issued"])
})
