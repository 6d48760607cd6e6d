import { isHoldfastError } from "@holdfast/core"
import { describe, expect, it } from "vitest"
import {
  consumeEvents,
  inboxSql,
  kafka,
  kafkajs,
  kafkaRequests,
  memoryKafka,
  platformatic,
  resendDeadLetters,
} from "../../src/kafka/index.ts"

/** What a function refuses of options, by pointer. */
const refused = async (make: (options: never) => unknown, options: unknown): Promise<Record<string, string>> => {
  try {
    await Reflect.apply(make, undefined, [options])
  } catch (error) {
    if (!isHoldfastError(error) || error.refusal?._tag !== "InvalidInput") throw error
    return Object.fromEntries(error.refusal.issues.map(({ pointer, message }) => [pointer, message]))
  }
  return {}
}

const brokers = ["h:9092"]
const both = [
  ["kafkajs", kafkajs],
  ["platformatic", platformatic],
] as const

describe.each(both)("the options of %s", (_, make) => {
  it.each([
    [undefined, "", "must be an object"],
    [{}, "/brokers", "must be given"],
    [{ brokers: "h:9092" }, "/brokers", 'must be a list of one or more "host:port"'],
    [{ brokers: [] }, "/brokers", 'must be a list of one or more "host:port"'],
    [{ brokers: ["h"] }, "/brokers", 'must be a list of one or more "host:port"'],
    [{ brokers: ["h:0"] }, "/brokers", 'must be a list of one or more "host:port"'],
    [{ brokers: ["h:99999"] }, "/brokers", 'must be a list of one or more "host:port"'],
    [{ brokers: ["::1:9092"] }, "/brokers", 'must be a list of one or more "host:port"'],
    [{ brokers: ["SSL://h:9092"] }, "/brokers", 'must be a list of one or more "host:port"'],
    [{ brokers: [9092] }, "/brokers", 'must be a list of one or more "host:port"'],
    [{ brokers, clientId: 5 }, "/clientId", "must be text"],
    [{ brokers, sasl: "plain" }, "/sasl", "must be an object"],
    [{ brokers, options: [] }, "/options", "must be an object"],
    [{ brokers, brokerz: [] }, "/brokerz", 'is not an option; did you mean "brokers"?'],
  ])("refuse %j", async (options, pointer, message) => {
    expect(await refused(make, options)).toEqual({ [pointer]: message })
  })

  it("take what there is", () => {
    const given = { clientId: "shop", sasl: { mechanism: "plain" }, options: { requestTimeout: 5 } }
    for (const broker of ["kafka-1.shop:9092", "10.0.0.1:9092", "[2001:db8::7]:9092"]) {
      expect(make({ brokers: [broker], ...given }).name).toContain("kafka")
    }
    expect(make({ brokers, clientId: undefined, sasl: undefined }).name).toContain("kafka")
  })
})

describe("TLS in the words of", () => {
  it("kafkajs is ssl, and nothing else is taken for it", async () => {
    for (const ssl of [true, false, {}]) expect(await refused(kafkajs, { brokers, ssl })).toEqual({})
    expect(await refused(kafkajs, { brokers, ssl: "yes" })).toEqual({ "/ssl": "must be true, false or an object" })
    expect(await refused(kafkajs, { brokers, sssl: true })).toEqual({
      "/sssl": 'is not an option; did you mean "ssl"?',
    })
    const message = 'is the word of the other client; here it is "ssl"'
    expect(await refused(kafkajs, { brokers, tls: {} })).toEqual({ "/tls": message })
    expect(await refused(kafkajs, { brokers, options: { tls: {} } })).toEqual({ "/options/tls": message })
  })

  it("platformatic is tls, and nothing else is taken for it", async () => {
    expect(await refused(platformatic, { brokers, tls: {} })).toEqual({})
    expect(await refused(platformatic, { brokers, tls: true })).toEqual({
      "/tls": "must be an object: {} for TLS as it is by default",
    })
    const message = 'is the word of the other client; here it is "tls"'
    expect(await refused(platformatic, { brokers, ssl: true })).toEqual({ "/ssl": message })
    expect(await refused(platformatic, { brokers, options: { ssl: {} } })).toEqual({ "/options/ssl": message })
  })
})

describe("options of topics", () => {
  const given = { kafka: memoryKafka(), topic: "t" }
  const pool = { connect: () => Promise.reject(new Error("There is no database.")), on: () => {} }
  const consumer = { ...given, group: "g", pool, handle: () => {} }
  const neither = expect.stringContaining("neither . nor ..")
  const atMost = (replication: number) => `must be at most the replication, which is ${replication}`
  const long = "x".repeat(123)

  it.each<[string, (options: never) => unknown, unknown, Record<string, unknown>]>([
    ["memoryKafka", memoryKafka, { partitions: 3 }, { "/partitions": expect.stringContaining("is not an option") }],
    ["memoryKafka", memoryKafka, { maxRecordBytes: 0 }, { "/maxRecordBytes": expect.stringContaining("whole number") }],
    ["kafka", kafka, { ...given, replication: 1, minInSync: 3 }, { "/minInSync": atMost(1) }],
    ["kafka", kafka, { ...given, minInSync: 4 }, { "/minInSync": atMost(3) }],
    ["kafkaRequests", kafkaRequests, { ...given, replication: 1, minInSync: 3 }, { "/minInSync": atMost(1) }],
    ["kafka", kafka, { ...given, topic: "." }, { "/topic": neither }],
    ["kafka", kafka, { ...given, topic: ".." }, { "/topic": neither }],
    ["kafkaRequests", kafkaRequests, { ...given, topic: ".." }, { "/topic": neither }],
    ["consumeEvents", consumeEvents, { ...consumer, topic: "." }, { "/topic": neither }],
    ["consumeEvents", consumeEvents, { ...consumer, deadLetter: ".." }, { "/deadLetter": neither }],
    [
      "consumeEvents",
      consumeEvents,
      { ...consumer, topic: long, group: long },
      { "/deadLetter": "must be given: topic, group and .dlq have 251 characters, and a topic at most 249" },
    ],
    ["resendDeadLetters", resendDeadLetters, {}, { "/kafka": "must be given", "/deadLetter": "must be given" }],
    ["resendDeadLetters", resendDeadLetters, { kafka: given.kafka }, { "/deadLetter": "must be given" }],
    ["resendDeadLetters", resendDeadLetters, { kafka: given.kafka, deadLetter: "a b" }, { "/deadLetter": neither }],
    ["inboxSql", inboxSql, { shcema: "x" }, { "/shcema": 'is not an option; did you mean "schema"?' }],
  ])("%s: %#", async (_, make, options, issues) => {
    expect(await refused(make, options)).toEqual(issues)
  })

  it("given the longest topics and copies that can be → takes them", async () => {
    expect(await refused(kafka, { ...given, topic: "...", replication: 2, minInSync: 2 })).toEqual({})
    expect(await refused(kafka, { ...given, replication: 1 })).toEqual({})
    await expect(
      consumeEvents({ ...consumer, topic: long, group: long, deadLetter: "letters" } as never),
    ).rejects.toThrow("The database is away.")
  })
})
