/**
 * Both clients, on a broker of their own that is killed, frozen and cut off.
 */
import { createHoldfast, EventBus } from "@holdfast/core"
import { busConformance } from "@holdfast/core/testing"
import { type Kafka, type KafkaBroker, privateKafka, proxyToBroker } from "@holdfast/test-services"
import { Context, Effect, Layer } from "effect"
import { logLevel, Kafka as PlainKafka } from "kafkajs"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { envelopeOf, eventIn } from "../../src/kafka/envelope.ts"
import {
  type KafkaSlice,
  type KafkaTransport,
  kafka,
  kafkajs,
  platformatic,
  resendDeadLetters,
} from "../../src/kafka/index.ts"
import { partitionOf } from "../../src/kafka/murmur2.ts"
import { pause } from "./chaos.ts"
import { events, wrongWith } from "./events.ts"

type Event = ReturnType<typeof events>[number]

let cluster: Kafka | undefined
beforeAll(async () => {
  cluster = await privateKafka("both clients on a Kafka broker")
})
afterAll(() => cluster?.stop())

const yes = () => true
const no = () => false

let topics = 0

const partitions = 4

const clients = [
  ["kafkajs", kafkajs],
  ["@platformatic/kafka", platformatic],
] as const

describe.each(clients)("%s", (_, make) => {
  /** A topic of its own, and clients that are closed with the test. */
  const rig = async () => {
    const broker = cluster?.brokers[0]
    if (broker === undefined) throw new Error("no broker")
    const topic = `topic-${++topics}`
    const open = (address = broker.address): KafkaTransport => {
      const transport = make({ brokers: [address] })
      onTestFinished(() => transport.close())
      return transport
    }
    const transport = open()
    await transport.ensureTopics([{ topic, partitions, replication: 1, settings: { "min.insync.replicas": "1" } }])
    return { broker, topic, open, transport }
  }

  const recordsOf = (all: ReadonlyArray<Event>) =>
    all.map((each) => {
      const envelope = envelopeOf(each, "/test")
      return { ...envelope, partition: partitionOf(envelope.key, partitions) }
    })

  /** As the relay does it: one batch after the other, each until it is acknowledged. */
  const publishAll = async (
    transport: KafkaTransport,
    topic: string,
    all: ReadonlyArray<Event>,
    size = 50,
    each: (published: number) => Promise<void> | void = () => {},
  ) => {
    for (let start = 0; start < all.length; start += size) {
      const batch = recordsOf(all.slice(start, start + size))
      while (await transport.publish(topic, batch).then(no, yes)) await pause(50)
      await each(start + size)
    }
  }

  /** A member of a group that notes the events it was given, in order. */
  const member = async (
    transport: KafkaTransport,
    topic: string,
    seen: Array<Event>,
    handled: (slice: KafkaSlice, signal: AbortSignal) => Promise<void> | void = () => {},
    group = "readers",
  ) => {
    const subscription = await transport.subscribe(
      { topic, group, maxSlice: 20, onTrouble: () => {} },
      async (slice, signal) => {
        await handled(slice, signal)
        seen.push(...slice.records.map(eventIn).filter((each) => each !== undefined))
      },
    )
    onTestFinished(subscription.close)
    return subscription
  }

  it("stores what it says, where it says, and hands it over from the first record on", async (context) => {
    if (cluster === undefined) return context.skip("no Kafka here")
    const { transport, topic } = await rig()
    expect(await transport.partitions(topic)).toBe(partitions)
    expect(await transport.partitions("no-such-topic")).toBeUndefined()
    // Again, beside one that is not there yet.
    await transport.ensureTopics([
      { topic, partitions: 9, replication: 1, settings: {} },
      { topic: `${topic}-2`, partitions: 2, replication: 1, settings: {} },
    ])
    expect([await transport.partitions(topic), await transport.partitions(`${topic}-2`)]).toEqual([partitions, 2])
    const all = events(300, 7)
    const places = (
      await Promise.all([
        transport.publish(topic, recordsOf(all.slice(0, 200))),
        transport.publish(topic, recordsOf(all.slice(200))),
      ])
    ).flat()
    const lag = await transport.lag("readers", topic)
    expect(Array.from(lag.values()).reduce((sum, each) => sum + Number(each), 0)).toBe(300)
    const at = new Map<string, string>()
    const seen: Array<Event> = []
    await member(transport, topic, seen, ({ partition, records }) => {
      for (const { offset, headers } of records) at.set(`${partition}/${offset}`, headers.ce_id ?? "")
    })
    await expect.poll(() => seen.length).toBe(300)
    expect(wrongWith(all, seen)).toEqual([])
    expect(places.map(({ partition, offset }) => at.get(`${partition}/${offset}`))).toEqual(all.map(({ id }) => id))
    await expect
      .poll(async () => Array.from((await transport.lag("readers", topic)).values()))
      .toEqual(new Array(partitions).fill(0n))
  })

  it("given letters that the broker removed before they were read → nothing is behind, and sending them again ends", async (context) => {
    if (cluster === undefined) return context.skip("no Kafka here")
    const { broker, topic, transport } = await rig()
    const recordOf = (offset: number) => ({
      key: "ann",
      value: new Uint8Array([1]),
      partition: 0,
      headers: { "dlq-topic": topic, "dlq-consumer": "billing", "dlq-partition": "0", "dlq-offset": `${offset}` },
    })
    const deadLetter = `${topic}.dlq`
    await transport.ensureTopics([{ topic: deadLetter, partitions: 1, replication: 1, settings: {} }])
    await transport.publish(deadLetter, [recordOf(0), recordOf(1)])
    expect(await resendDeadLetters({ kafka: transport, deadLetter })).toBe(2)
    await transport.publish(deadLetter, [recordOf(2), recordOf(3), recordOf(4)])
    const lag = async () => (await transport.lag(`${deadLetter}.resend`, deadLetter)).get(0)
    expect(await lag()).toBe(3n)
    const admin = new PlainKafka({ brokers: [broker.address], logLevel: logLevel.NOTHING }).admin()
    onTestFinished(() => admin.disconnect())
    await admin.connect()
    const removeTo = async (offset: string) => {
      await admin.fetchTopicOffsets(deadLetter)
      await admin.deleteTopicRecords({ topic: deadLetter, partitions: [{ partition: 0, offset }] })
    }
    await removeTo("4")
    expect(await lag()).toBe(1n)
    expect(await resendDeadLetters({ kafka: transport, deadLetter })).toBe(1)
    await transport.publish(deadLetter, [recordOf(5)])
    await removeTo("6")
    expect(await lag()).toBe(0n)
    expect(await resendDeadLetters({ kafka: transport, deadLetter })).toBe(0)
  })

  it("given a record of a partition that is not there → is stored in no other one", async (context) => {
    if (cluster === undefined) return context.skip("no Kafka here")
    const { transport, topic } = await rig()
    const strange = { partition: partitions + 1, key: "ann", value: new Uint8Array([1]), headers: {} }
    await expect(transport.publish(topic, [strange])).rejects.toMatchObject({ name: "KafkaFault", isTooLarge: false })
    const lag = await transport.lag("readers", topic)
    expect(Array.from(lag.values())).toEqual(new Array(partitions).fill(0n))
  })

  it("given a record that the broker takes never → says so, and takes the others", async (context) => {
    if (cluster === undefined) return context.skip("no Kafka here")
    const { transport, topic } = await rig()
    const [record] = recordsOf(events(1, 1))
    if (record === undefined) throw new Error("no record")
    const large = { ...record, value: new Uint8Array(2_000_000) }
    await expect(transport.publish(topic, [large])).rejects.toMatchObject({ name: "KafkaFault", isTooLarge: true })
    expect(await transport.publish(topic, [record])).toEqual([{ partition: record.partition, offset: 0n }])
  })

  it("given a reply that is lost → the batch is there, perhaps twice, and in order", async (context) => {
    if (cluster === undefined) return context.skip("no Kafka here")
    const { broker, topic, open, transport } = await rig()
    const proxy = await proxyToBroker(broker)
    onTestFinished(proxy.close)
    const through = open(proxy.address)
    const all = events(600, 5)
    const seen: Array<Event> = []
    await member(transport, topic, seen)
    let lost: Promise<void> | undefined
    await publishAll(through, topic, all, 50, (published) => {
      if (published === 200 || published === 400) lost = proxy.loseProduce()
    })
    await lost
    await expect.poll(() => new Set(seen.map(({ id }) => id)).size).toBe(600)
    expect(wrongWith(all, seen)).toEqual([])
    expect(seen.length).toBeGreaterThan(600)
  })

  it("given a second member that comes and goes while handlers are slow → nothing is lost, each key in order", async (context) => {
    if (cluster === undefined) return context.skip("no Kafka here")
    const { topic, open, transport } = await rig()
    const all = events(1_000, 9)
    const seen: Array<Event> = []
    const slowly = (_: KafkaSlice, signal: AbortSignal) =>
      new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, 20)
        signal.addEventListener("abort", () => {
          clearTimeout(timer)
          resolve()
        })
      })
    await member(transport, topic, seen, slowly)
    await publishAll(transport, topic, all)
    await expect.poll(() => seen.length).toBeGreaterThan(50)
    let ofSecond = 0
    const second = await member(open(), topic, seen, (slice, signal) => {
      ofSecond += slice.records.length
      return slowly(slice, signal)
    })
    await expect.poll(() => ofSecond > 0 || new Set(seen.map(({ id }) => id)).size === 1_000).toBe(true)
    await second.close()
    await expect.poll(() => new Set(seen.map(({ id }) => id)).size).toBe(1_000)
    expect(wrongWith(all, seen)).toEqual([])
  })

  it("given a second member that handles nothing of what it was given → the first takes it up where it stands", async (context) => {
    if (cluster === undefined) return context.skip("no Kafka here")
    const { topic, open, transport } = await rig()
    const all = events(400, 9)
    const seen: Array<Event> = []
    await publishAll(transport, topic, all)
    let begin = () => {}
    const begun = new Promise<void>((resolve) => {
      begin = resolve
    })
    // What the first has read ahead of its hands is partly the second's by the time it comes to it.
    let offered = 0
    await member(transport, topic, seen, ({ records }) => {
      offered += records.length
      return begun
    })
    await expect.poll(() => offered).toBeGreaterThan(0)
    const second = await member(open(), topic, seen, async (_, signal) => {
      begin()
      await new Promise((resolve) => signal.addEventListener("abort", resolve))
      throw new Error("nothing was handled")
    })
    const lags = async () => Array.from((await transport.lag("readers", topic)).values())
    await expect.poll(async () => (await lags()).filter((lag) => lag === 0n).length).toBe(partitions / 2)
    await second.close()
    await expect.poll(() => new Set(seen.map(({ id }) => id)).size).toBe(400)
    expect(wrongWith(all, seen)).toEqual([])
  })

  it("given a plain client that knows nothing of us → reads headers, key and value", async (context) => {
    if (cluster === undefined) return context.skip("no Kafka here")
    const { broker, topic, transport } = await rig()
    await publishAll(transport, topic, events(3, 1))
    const consumer = new PlainKafka({ brokers: [broker.address], logLevel: logLevel.NOTHING }).consumer({
      groupId: `plain-${topic}`,
    })
    onTestFinished(() => consumer.disconnect())
    await consumer.connect()
    await consumer.subscribe({ topics: [topic], fromBeginning: true })
    const read: Array<unknown> = []
    await consumer.run({
      eachMessage: async ({ message: { key, value, headers } }) => {
        read.push([
          `${key}`,
          JSON.parse(`${value}`),
          `${headers?.ce_id}`,
          `${headers?.ce_type}`,
          `${headers?.["content-type"]}`,
        ])
      },
    })
    await expect
      .poll(() => read)
      .toEqual(events(3, 1).map(({ id, key, data }) => [key, data, id, "holdfast.points.charged", "application/json"]))
  })

  it.each([
    [
      "killed and started again",
      async (broker: KafkaBroker) => {
        await broker.kill()
        return broker.restart()
      },
    ],
    [
      "frozen for a while",
      async (broker: KafkaBroker) => {
        broker.freeze()
        await new Promise((resolve) => setTimeout(resolve, 2_000))
        broker.thaw()
      },
    ],
  ])("given a broker that is %s → everything comes, each key in order", async (__, disturb) => {
    if (cluster === undefined) return
    const { broker, topic, open, transport } = await rig()
    const all = events(2_000, 9)
    const seen: Array<Event> = []
    await member(open(), topic, seen)
    let disturbed: Promise<void> = Promise.resolve()
    await publishAll(transport, topic, all, 50, (published) => {
      if (published === 1_000) disturbed = disturb(broker)
    })
    await disturbed
    await expect.poll(() => new Set(seen.map(({ id }) => id)).size).toBe(2_000)
    expect(wrongWith(all, seen)).toEqual([])
  })

  it("given a shop whose broker is killed → sales go on, their events wait, and come in order", async (context) => {
    if (cluster === undefined) return context.skip("no Kafka here")
    const { broker, topic, open } = await rig()
    const bus = kafka({ kafka: open(), topic: `${topic}-shop`, source: "/shop", partitions: 3, replication: 1 })
    const shop = createHoldfast({ bus })
    onTestFinished(() => shop.stop())
    const accounts = ["ann", "bob", "eve"]
    for (const accountId of accounts) await shop.points.open({ accountId })
    let charges = 0
    const charge = async () => {
      for (const accountId of accounts)
        await shop.points.charge({ accountId, amount: 1, key: `${accountId}-${charges}` })
      charges += 1
    }
    await charge()
    await shop.events.settled("event-bus")
    await broker.kill()
    await charge()
    await expect.poll(async () => (await shop.health()).bus?.reachable).toBe(false)
    for (let n = 0; n < 50; n++) await charge()
    expect((await shop.events.depth("event-bus")).waiting).toBe(51 * accounts.length)
    expect(await shop.health()).toMatchObject({ status: "ok", bus: { published: 2 * accounts.length } })
    await broker.restart()
    const seen: Array<Event> = []
    await member(open(), `${topic}-shop`, seen)
    await shop.events.settled("event-bus")
    const ofAll = accounts.length * (charges + 1)
    await expect.poll(() => new Set(seen.map(({ id }) => id)).size).toBe(ofAll)
    for (const accountId of accounts) {
      const balances = new Map(
        seen.flatMap(({ id, key, type, data }) =>
          key === accountId && type === "points.charged" ? [[id, data.balance]] : [],
        ),
      )
      expect(Array.from(balances.values())).toEqual(Array.from({ length: charges }, (_, n) => n + 1))
    }
  })

  it("keeps the laws of the bus, also where its broker is killed in between", async (context) => {
    if (cluster === undefined) return context.skip("no Kafka here")
    const { broker, topic, open } = await rig()
    const adapter = {
      name: "a topic",
      open: (ground: string) =>
        Effect.map(
          Effect.orDie(
            Layer.build(
              kafka({ kafka: open(), topic: `${topic}-${ground}`, partitions: 3, replication: 1, maxSlice: 5 }).layer,
            ),
          ),
          (services) => Context.get(services, EventBus),
        ),
      crash: Effect.promise(async () => {
        await broker.kill()
        await broker.restart()
      }),
    }
    const report = await Effect.runPromise(busConformance(adapter, { rounds: 3, crashes: 1 }))
    expect(report, JSON.stringify(report.laws)).toMatchObject({ ok: true })
  })
})

it("given members that leave while the broker is away → nothing of them comes back and keeps partitions", async (context) => {
  const broker = cluster?.brokers[0]
  if (broker === undefined) return context.skip("no Kafka here")
  const topic = `topic-${++topics}`
  const open = (make: (typeof clients)[number][1]): KafkaTransport => {
    const transport = make({ brokers: [broker.address] })
    onTestFinished(() => transport.close())
    return transport
  }
  const transport = open(kafkajs)
  await transport.ensureTopics([{ topic, partitions, replication: 1, settings: { "min.insync.replicas": "1" } }])
  const publish = async (number: number): Promise<void> => {
    const value = Buffer.from(`${number}`)
    const records = Array.from({ length: partitions }, (_, partition) => ({
      partition,
      key: "key",
      value,
      headers: {},
    }))
    while (await transport.publish(topic, records).then(no, yes)) await pause(50)
  }
  const join = async (group: string, make: (typeof clients)[number][1]) => {
    const seen: Array<string> = []
    const { close } = await open(make).subscribe({ topic, group, maxSlice: 20, onTrouble: () => {} }, async (slice) => {
      for (const { value } of slice.records) seen.push(`${slice.partition}: ${Buffer.from(value ?? []).toString()}`)
    })
    onTestFinished(close)
    return { seen, close }
  }
  const all = (number: number) =>
    expect.arrayContaining(Array.from({ length: partitions }, (_, partition) => `${partition}: ${number}`))
  await publish(1)
  const groups = clients.flatMap(([name, make]) =>
    Array.from({ length: 5 }, (_, n) => ({
      group: `leaving-${name.replace(/\W/g, "")}-${n}`,
      make,
      after: 6_000 + n * 2_000,
    })),
  )
  const members = await Promise.all(groups.map(({ group, make }) => join(group, make)))
  for (const { seen } of members) await expect.poll(() => seen).toEqual(all(1))
  await broker.kill()
  // A client gives up after some seconds, and then leaves, for some more: one member is closed at each moment of that.
  const left = groups.map(({ after }, index) => pause(after).then(members[index]?.close))
  await pause(14_500)
  await broker.restart()
  await Promise.all(left)
  await publish(2)
  await Promise.all(
    groups.map(async ({ group, make }) => {
      const { seen } = await join(group, make)
      await expect.poll(() => seen, { message: group }).toEqual(all(2))
    }),
  )
})
