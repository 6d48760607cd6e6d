/**
 * The topics that a shop makes: whatever a cluster does by default, they keep what nobody has read, and each key has one partition.
 */
import { createHoldfast } from "@holdfast/core"
import { expect, it, onTestFinished } from "vitest"
import { type KafkaTransport, kafka, kafkaRequests, memoryKafka, type TopicSpec } from "../../src/kafka/index.ts"
import { openTopic, topicSpec } from "../../src/kafka/openTopic.ts"

it("are made to keep every record, and claims for a week, whatever the broker's default is", async () => {
  const made: Array<TopicSpec> = []
  const memory = memoryKafka()
  const transport: KafkaTransport = {
    ...memory,
    ensureTopics: async (specs) => {
      made.push(...specs)
      await memory.ensureTopics(specs)
    },
  }
  const shop = createHoldfast({
    bus: kafka({ kafka: transport, topic: "shop.events", replication: 1 }),
    requests: kafkaRequests({ kafka: transport, topic: "shop.requests" }),
    logger: () => {},
  })
  onTestFinished(() => shop.stop())
  await shop.points.open({ accountId: "ann" })
  await shop.events.settled("event-bus")
  await expect.poll(() => made.length).toBe(2)
  expect(made.toSorted((left, right) => left.topic.localeCompare(right.topic))).toEqual([
    {
      topic: "shop.events",
      partitions: 12,
      replication: 1,
      settings: { "min.insync.replicas": "1", "cleanup.policy": "delete" },
    },
    {
      topic: "shop.requests",
      partitions: 12,
      replication: 3,
      settings: {
        "min.insync.replicas": "2",
        "cleanup.policy": "delete",
        "retention.ms": "604800000",
        "retention.bytes": "-1",
      },
    },
  ])
})

it("given a broker that has not heard yet of a topic that others made → no number of partitions is guessed", async () => {
  const memory = memoryKafka()
  await memory.ensureTopics([topicSpec("shop.events", 24, { replication: 1 })])
  let hasHeard = false
  const lagging: KafkaTransport = {
    ...memory,
    partitions: async (topic) => (hasHeard ? memory.partitions(topic) : undefined),
  }
  const spec = topicSpec("shop.events", 12, { replication: 1 })
  await expect(openTopic(lagging, spec)).rejects.toThrow("do not serve the topic shop.events yet")
  hasHeard = true
  expect(await openTopic(lagging, spec)).toBe(24)
})
