/**
 * The laws of request logs on topics of a real broker, for both clients and for a fleet of both: every log that is opened is a
 * client of its own.
 */
import { RequestLog } from "@holdfast/core/ports"
import { type RequestLogAdapter, requestConformance, requestLaws } from "@holdfast/core/testing"
import { type Kafka, leaveOut, privateKafka } from "@holdfast/test-services"
import { Context, Effect, Layer } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import { type KafkaTransport, kafkajs, kafkaRequests, platformatic } from "../../src/kafka/index.ts"

let cluster: Kafka | undefined
beforeAll(async () => {
  cluster = await privateKafka("the laws of request logs on Kafka")
})
afterAll(() => cluster?.stop())

const topics = (make: () => KafkaTransport): RequestLogAdapter => ({
  name: "kafka",
  open: (ground, maxWaiting) =>
    Effect.gen(function* () {
      const kafka = yield* Effect.acquireRelease(Effect.sync(make), ({ close }) => Effect.promise(close))
      const { layer } = kafkaRequests({ kafka, topic: ground, partitions: 2, replication: 1, maxWaiting })
      return Context.get(yield* Layer.build(layer), RequestLog)
    }),
})

let opened = 0

it.each([
  ["kafkajs", kafkajs],
  ["@platformatic/kafka", platformatic],
  // A fleet that is on its way from one to the other: the topic has two names, and claims of both kinds alternate.
  [
    "both, in turns",
    (options: { readonly brokers: Array<string> }) => (opened++ % 2 === 0 ? kafkajs : platformatic)(options),
  ],
])("a topic over %s keeps the laws of request logs", async (_, make) => {
  const broker = cluster?.brokers[0]?.address
  if (broker === undefined) return leaveOut("the laws of request logs on Kafka")
  const report = await Effect.runPromise(
    requestConformance(
      topics(() => make({ brokers: [broker] })),
      { rounds: 1 },
    ),
  )
  expect(report.laws.map(({ id, verdict, message }) => [id, verdict, message])).toEqual(
    requestLaws.map(({ id }) => [id, "holds", undefined]),
  )
})
