/**
 * The transport over `kafkajs`, an optional peer: `npm install kafkajs`.
 *
 * Its producer sends one batch at a time and is never idempotent: with a reply lost and another batch waiting, kafkajs gives
 * the second batch the sequence of the first one, and the broker acknowledges a record that it then does not have.
 */
import { Options } from "@holdfast/core"
import type { Admin, KafkaConfig, Producer } from "kafkajs"
import { behind } from "./behind.ts"
import { checkClient, commonChecks, isObject } from "./clientOptions.ts"
import { isAbout } from "./errors.ts"
import { kafkajsConsumer } from "./kafkajsConsumer.ts"
import { once } from "./once.ts"
import { oneByOne } from "./oneByOne.ts"
import { peer } from "./peer.ts"
import { placesOf } from "./places.ts"
import { pauseMillis } from "./retrying.ts"
import { KafkaFault, type KafkaRecord, type KafkaTransport, type TopicSpec } from "./Transport.ts"

export interface KafkajsOptions {
  /** Where to ask first, as `host:port`. */
  readonly brokers: ReadonlyArray<string>
  /** What brokers call this client in their logs. `holdfast`. */
  readonly clientId?: string | undefined
  /** As kafkajs has it: `true`, or the options of a TLS connection. */
  readonly ssl?: boolean | object | undefined
  /** As kafkajs has it: mechanism, user name and password, or a provider of tokens. */
  readonly sasl?: object | undefined
  /** Other options of kafkajs's `Kafka`, such as `requestTimeout`. */
  readonly options?: object | undefined
}

const checks: Options.Checks<KafkajsOptions> = {
  ssl: Options.must("true, false or an object", (value) => typeof value === "boolean" || isObject(value)),
  ...commonChecks,
}

/** How often we ask again ourselves, where kafkajs does not. */
const mostTries = 20

/** How kafkajs tries a request again before it gives up; whoever asked tries again as well. */
const retry = { retries: 4, initialRetryTime: 100, maxRetryTime: 2_000 }

/** A transport over kafkajs. Nothing is opened before it is used. */
export const kafkajs = (given: KafkajsOptions): KafkaTransport => {
  checkClient(given, checks, { theirs: "tls", ours: "ssl" })
  const { brokers, clientId = "holdfast", ssl, sasl, options } = given
  const open = once(async () => {
    const { Kafka, logLevel } = await peer("kafkajs", () => import("kafkajs"))
    const config = { brokers: [...brokers], clientId, retry, logLevel: logLevel.NOTHING, ssl, sasl, ...options }
    // biome-ignore lint/plugin/casts: what passes through is kafkajs's to check
    return new Kafka(config as KafkaConfig)
  })
  const admin = once(async () => {
    const made = (await open.get()).admin({ retry })
    await made.connect()
    return made
  })
  const producer = once(async () => {
    const made = (await open.get()).producer({
      createPartitioner:
        () =>
        ({ message }) =>
          message.partition ?? 0,
      idempotent: false,
      maxInFlightRequests: 1,
      allowAutoTopicCreation: false,
      retry,
    })
    await made.connect()
    return made
  })
  const inTurn = oneByOne()
  return {
    name: "kafkajs",
    publish: (topic, records) =>
      inTurn(async () => {
        try {
          return placesOf(
            records,
            (await send(await producer.get(), topic, records)).flatMap(({ partition, baseOffset }) =>
              baseOffset === undefined ? [] : [{ partition, offset: BigInt(baseOffset) }],
            ),
          )
        } catch (error) {
          const isTooLarge = isAbout(error, "MESSAGE_TOO_LARGE") || isAbout(error, "RECORD_LIST_TOO_LARGE")
          // After some errors a producer stays broken.
          if (!isTooLarge) await producer.drop((made: Producer) => made.disconnect())
          throw new KafkaFault(isTooLarge, error)
        }
      }),
    subscribe: async (to, handle) => {
      const close = await kafkajsConsumer(await open.get(), to, handle)
      return { close }
    },
    partitions: async (topic) => {
      try {
        const { topics } = await (await admin.get()).fetchTopicMetadata({ topics: [topic] })
        return topics[0]?.partitions.length
      } catch (error) {
        if (isAbout(error, "UNKNOWN_TOPIC_OR_PARTITION")) return undefined
        throw error
      }
    },
    lag: async (group, topic) => lagOf(await admin.get(), group, topic),
    ensureTopics: async (specs) => ensure(await admin.get(), specs),
    close: async () => {
      await inTurn(() => producer.drop((made: Producer) => made.disconnect()))
      await admin.drop((made: Admin) => made.disconnect())
    },
  }
}

/** By partition, how many records a group has not committed. */
export const lagOf = async (admin: Admin, group: string, topic: string): Promise<ReadonlyMap<number, bigint>> => {
  const [ends, committed] = await Promise.all([
    untilSettled(() => admin.fetchTopicOffsets(topic)),
    untilSettled(() => admin.fetchOffsets({ groupId: group, topics: [topic] })),
  ])
  const at = new Map(
    committed.flatMap((each) => each.partitions.map(({ partition, offset }) => [partition, BigInt(offset)])),
  )
  return new Map(
    ends.map(({ partition, high, low }) => [partition, behind(BigInt(low), BigInt(high), at.get(partition))]),
  )
}

const send = (producer: Producer, topic: string, records: ReadonlyArray<KafkaRecord>) =>
  producer.sendBatch({
    acks: -1,
    topicMessages: [
      {
        topic,
        messages: records.map(({ partition, key, value, headers }) => ({
          partition,
          key,
          value: Buffer.from(value.buffer, value.byteOffset, value.byteLength),
          headers: { ...headers },
        })),
      },
    ],
  })

const ensure = async (admin: Admin, specs: ReadonlyArray<TopicSpec>, tries = 1): Promise<void> => {
  try {
    await admin.createTopics({
      waitForLeaders: true,
      topics: specs.map(({ topic, partitions, replication, settings }) => ({
        topic,
        numPartitions: partitions,
        replicationFactor: replication,
        configEntries: Object.entries(settings).map(([name, value]) => ({ name, value })),
      })),
    })
  } catch (error) {
    // A topic that was made a moment ago is not known to every broker yet.
    if (isAbout(error, "UNKNOWN_TOPIC_OR_PARTITION") && tries < mostTries) {
      await new Promise((resolve) => setTimeout(resolve, pauseMillis(1)))
      return ensure(admin, specs, tries + 1)
    }
    // Of several topics one may be there and another not: each is asked for by itself.
    if (specs.length === 1 || !isAbout(error, "TOPIC_ALREADY_EXISTS")) throw error
    for (const spec of specs) await ensure(admin, [spec])
  }
}

/** What a broker answers while groups or partitions are on their way to it, or are being read. */
const passing = [
  "GROUP_LOAD_IN_PROGRESS",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "NOT_COORDINATOR_FOR_GROUP",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_FOR_PARTITION",
]

/** A coordinator that has just started refuses until it has read its groups, as a new leader does; and kafkajs asks once. */
const untilSettled = async <A>(ask: () => Promise<A>): Promise<A> => {
  for (let tries = 1; ; tries++) {
    try {
      return await ask()
    } catch (error) {
      // Over a topic of which its broker knows no partition yet kafkajs stumbles.
      const isPassing = error instanceof TypeError || passing.some((name) => isAbout(error, name))
      if (!isPassing || tries === mostTries) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, pauseMillis(1)))
  }
}
