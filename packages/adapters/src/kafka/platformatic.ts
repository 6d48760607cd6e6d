/**
 * The transport over `@platformatic/kafka`, an optional peer: `npm install @platformatic/kafka`, for Node 22.22 or later. It
 * takes half the CPU of kafkajs per record, and none while it is idle.
 */
import { Options } from "@holdfast/core"
import type { Admin, AdminOptions, Producer } from "@platformatic/kafka"
import { behind } from "./behind.ts"
import { checkClient, commonChecks, isObject } from "./clientOptions.ts"
import { isAbout } from "./errors.ts"
import { once } from "./once.ts"
import { oneByOne } from "./oneByOne.ts"
import { peer } from "./peer.ts"
import { placesOf } from "./places.ts"
import { platformaticConsumer } from "./platformaticConsumer.ts"
import { KafkaFault, type KafkaRecord, type KafkaTransport, type TopicSpec } from "./Transport.ts"

export interface PlatformaticOptions {
  /** Where to ask first, as `host:port`. */
  readonly brokers: ReadonlyArray<string>
  /** What brokers call this client in their logs. `holdfast`. */
  readonly clientId?: string | undefined
  /** As `@platformatic/kafka` has it: the options of a TLS connection. */
  readonly tls?: object | undefined
  /** As `@platformatic/kafka` has it: mechanism, user name and password, or a provider of tokens. */
  readonly sasl?: object | undefined
  /** Other options of its clients, such as `requestTimeout`. */
  readonly options?: object | undefined
}

const checks: Options.Checks<PlatformaticOptions> = {
  ...commonChecks,
  tls: Options.must("an object: {} for TLS as it is by default", isObject),
}

/** A transport over `@platformatic/kafka`. Nothing is opened before it is used. */
export const platformatic = (given: PlatformaticOptions): KafkaTransport => {
  checkClient(given, checks, { theirs: "ssl", ours: "tls" })
  const { brokers, clientId = "holdfast", tls, sasl, options } = given
  const passed = {
    bootstrapBrokers: [...brokers],
    clientId,
    retries: 4,
    retryDelay: 250,
    autocreateTopics: false,
    ...(tls === undefined ? {} : { tls }),
    ...(sasl === undefined ? {} : { sasl }),
    ...options,
  }
  // biome-ignore lint/plugin/casts: what passes through is the client's to check
  const base = passed as AdminOptions
  const client = once(() => peer("@platformatic/kafka", () => import("@platformatic/kafka")))
  const admin = once(async () => heard(new (await client.get()).Admin(base)))
  const producer = once(async () => heard(new (await client.get()).Producer({ ...base, idempotent: false })))
  const inTurn = oneByOne()
  return {
    name: "@platformatic/kafka",
    publish: (topic, records) =>
      inTurn(async () => {
        try {
          const { offsets = [] } = await send(await producer.get(), topic, records)
          return placesOf(records, offsets)
        } catch (error) {
          const isTooLarge = isAbout(error, "MESSAGE_TOO_LARGE") || isAbout(error, "RECORD_LIST_TOO_LARGE")
          if (!isTooLarge) await producer.drop((made: Producer) => made.close())
          throw new KafkaFault(isTooLarge, error)
        }
      }),
    subscribe: async (to, handle) => {
      const { Consumer } = await client.get()
      const close = platformaticConsumer((consumer) => heard(new Consumer({ ...base, ...consumer })), to, handle)
      return { close }
    },
    partitions: async (topic) => (await topicOf(await admin.get(), topic))?.partitionsCount,
    topicId: async (topic) =>
      (await (await admin.get()).metadata({ topics: [topic], forceUpdate: true })).topics.get(topic)?.id,
    lag: async (group, topic) => lagOf(await admin.get(), group, topic),
    ensureTopics: async (specs) => {
      for (const spec of specs) await ensure(await admin.get(), spec)
    },
    close: async () => {
      await inTurn(() => producer.drop((made: Producer) => made.close()))
      await admin.drop((made: Admin) => made.close())
    },
  }
}

/** Whoever asked is told of what goes wrong; an event of it without a listener would end the process. */
const heard = <Client extends { on: (event: "error", listener: () => void) => unknown }>(made: Client): Client => {
  made.on("error", () => {})
  return made
}

const bytesOf = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const send = async (producer: Producer, topic: string, records: ReadonlyArray<KafkaRecord>) => {
  // By what it knows of the topic, as the client goes by: of a partition that is not there it takes the number modulo theirs, and
  // a key would be in two partitions.
  const { partitionsCount = 0 } = (await producer.metadata({ topics: [topic] })).topics.get(topic) ?? {}
  const strange = records.find(({ partition }) => partition >= partitionsCount)
  if (strange !== undefined) throw new Error(`The topic ${topic} has no partition ${strange.partition}.`)
  return producer.send({
    acks: -1,
    messages: records.map(({ partition, key, value, headers }) => ({
      topic,
      partition,
      key: Buffer.from(key),
      value: bytesOf(value),
      headers: new Map(Object.entries(headers).map(([name, header]) => [Buffer.from(name), Buffer.from(header)])),
    })),
  })
}

const ensure = async (admin: Admin, { topic, partitions, replication, settings }: TopicSpec): Promise<void> => {
  try {
    const configs = Object.entries(settings).map(([name, value]) => ({ name, value }))
    await admin.createTopics({ topics: [topic], partitions, replicas: replication, configs })
  } catch (error) {
    if (!isAbout(error, "TOPIC_ALREADY_EXISTS")) throw error
  }
  await untilServed(admin, topic)
}

/** How often a topic is looked for that was made a moment ago: each broker hears of it by itself. */
const mostLooks = 100
const lookMillis = 100

/** Waits until the brokers know a topic, and each of its partitions has a leader. */
const untilServed = async (admin: Admin, topic: string): Promise<void> => {
  for (let looks = 1; !(await isServed(admin, topic)); looks++) {
    if (looks === mostLooks) throw new Error(`The brokers do not serve the topic ${topic} yet.`)
    await new Promise((resolve) => setTimeout(resolve, lookMillis))
  }
}

const isServed = async (admin: Admin, topic: string): Promise<boolean> => {
  const found = (await topicOf(admin, topic))?.partitions ?? []
  return found.length > 0 && found.every(({ leader }) => leader >= 0)
}

/** What the brokers say of a topic; undefined where they know none of that name. */
const topicOf = async (admin: Admin, topic: string) => {
  // Metadata of a topic that is not there are asked for again and again.
  if (!(await admin.listTopics()).includes(topic)) return undefined
  return (await admin.metadata({ topics: [topic], forceUpdate: true })).topics.get(topic)
}

const earliest = -2n
const latest = -1n

/** By questions to the broker: the consumer's own `getLag` knows partitions that it serves itself only. */
const lagOf = async (admin: Admin, group: string, topic: string): Promise<ReadonlyMap<number, bigint>> => {
  const { topics } = await admin.metadata({ topics: [topic], forceUpdate: true })
  const partitions = Array.from({ length: topics.get(topic)?.partitionsCount ?? 0 }, (_, partition) => partition)
  const offsetsAt = async (timestamp: bigint) => {
    const asked = partitions.map((partitionIndex) => ({ partitionIndex, timestamp }))
    const [answer] = await admin.listOffsets({ topics: [{ name: topic, partitions: asked }] })
    return new Map(answer?.partitions.map(({ partitionIndex, offset }) => [partitionIndex, offset]))
  }
  const [low, high, groups] = await Promise.all([
    offsetsAt(earliest),
    offsetsAt(latest),
    admin.listConsumerGroupOffsets({ groups: [group] }),
  ])
  const committed = new Map(
    groups
      .flatMap((each) => each.topics)
      .filter(({ name }) => name === topic)
      .flatMap((each) =>
        each.partitions.map(({ partitionIndex, committedOffset }) => [partitionIndex, committedOffset]),
      ),
  )
  return new Map(
    partitions.map((partition) => [
      partition,
      behind(low.get(partition) ?? 0n, high.get(partition) ?? 0n, committed.get(partition)),
    ]),
  )
}
