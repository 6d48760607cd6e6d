/**
 * TLS and SASL pass through to both clients: records go out and come in, and neither a stranger's certificate nor a wrong
 * password is taken.
 */
import { readFileSync } from "node:fs"
import { inspect } from "node:util"
import { type Kafka, leaveOut, privateKafka } from "@holdfast/test-services"
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest"
import { type KafkaTransport, kafkajs, platformatic } from "../../src/kafka/index.ts"

const pem = (name: string) => readFileSync(new URL(`../support/certificates/${name}`, import.meta.url), "utf8")
const [username, password] = ["shop", "a-password"]

let cluster: Kafka | undefined
beforeAll(async () => {
  const secured = { certificate: pem("server.crt"), key: pem("server.key"), username, password }
  cluster = await privateKafka("TLS and SASL with Kafka", { secured })
})
afterAll(() => cluster?.stop())

interface Given {
  readonly ca?: string
  readonly password?: string
}

const clients: ReadonlyArray<readonly [name: string, make: (broker: string, given: Given) => KafkaTransport]> = [
  [
    "kafkajs",
    (broker, given) =>
      kafkajs({
        brokers: [broker],
        ssl: { ca: given.ca },
        sasl: { mechanism: "plain", username, password: given.password },
        options: { retry: { retries: 0 } },
      }),
  ],
  [
    "@platformatic/kafka",
    (broker, given) =>
      platformatic({
        brokers: [broker],
        tls: { ca: given.ca },
        sasl: { mechanism: "PLAIN", username, password: given.password },
        options: { retries: 0 },
      }),
  ],
]

describe.each(clients)("%s", (name, make) => {
  const topic = `secured-${name.replace(/\W/g, "")}`
  const open = (given: Given): KafkaTransport | undefined => {
    const broker = cluster?.brokers[0]?.secured
    if (broker === undefined) return undefined
    const kafka = make(broker, given)
    onTestFinished(kafka.close)
    return kafka
  }

  it("speaks TLS and says its password", async () => {
    const kafka = open({ ca: pem("ca.crt"), password })
    if (kafka === undefined) return leaveOut("TLS and SASL with Kafka")
    await kafka.ensureTopics([{ topic, partitions: 1, replication: 1, settings: {} }])
    const value = new TextEncoder().encode("hello")
    expect(await kafka.publish(topic, [{ partition: 0, key: "k", value, headers: {} }])).toHaveLength(1)
    const seen: Array<string> = []
    const to = { topic, group: `${topic}.readers`, maxSlice: 10, onTrouble: () => {} }
    const reader = await kafka.subscribe(to, async ({ records }) => {
      seen.push(...records.map((record) => Buffer.from(record.value ?? []).toString()))
    })
    onTestFinished(reader.close)
    await expect.poll(() => seen).toEqual(["hello"])
  })

  it.each<[string, Given, RegExp]>([
    ["a broker whose certificate it does not trust", { password }, /certificate/],
    ["a password that is wrong", { ca: pem("ca.crt"), password: "another" }, /authentication/i],
  ])("gets nowhere with %s", async (_, given, why) => {
    const kafka = open(given)
    if (kafka === undefined) return leaveOut("TLS and SASL with Kafka")
    const trouble = await kafka.partitions(topic).then(
      () => "none",
      (error) => inspect(error, { depth: 8 }),
    )
    expect(trouble).toMatch(why)
  })
})
