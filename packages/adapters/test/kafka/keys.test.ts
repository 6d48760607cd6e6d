import { compatibilityPartitioner } from "@platformatic/kafka"
import { Partitioners } from "kafkajs"
import { expect, it } from "vitest"
import { partitionOf } from "../../src/kafka/murmur2.ts"
import { peer } from "../../src/kafka/peer.ts"

const keys = Array.from({ length: 20_000 }, (_, n) => [`account-${n}`, `주문-${n}`, `${n}`, `🎟️${n}`, ""][n % 5] ?? "")

it("given a client that is not installed → says what to install, and any other failure as it is", async () => {
  const notFound = Object.assign(new Error("Cannot find package"), { code: "ERR_MODULE_NOT_FOUND" })
  await expect(peer("kafkajs", () => Promise.reject(notFound))).rejects.toThrow(
    "Kafka over kafkajs needs that package: npm install kafkajs.",
  )
  await expect(peer("kafkajs", () => Promise.reject(new Error("a syntax error")))).rejects.toThrow("a syntax error")
})

it("given any key → the partition is the one that both clients, and so Java's, give it", () => {
  const partitionMetadata = Array.from({ length: 12 }, (_, partitionId) => ({
    partitionId,
    partitionErrorCode: 0,
    leader: 1,
    replicas: [1],
    isr: [1],
  }))
  const ofKafkajs = Partitioners.DefaultPartitioner()
  for (const key of keys) {
    const ours = partitionOf(key, 12)
    expect(ofKafkajs({ topic: "t", partitionMetadata, message: { key, value: null } }), key).toBe(ours)
    const bytes = Buffer.from(key)
    const murmur = compatibilityPartitioner({ topic: "t", key: bytes }, bytes)
    expect(murmur % 12, key).toBe(ours)
  }
})
