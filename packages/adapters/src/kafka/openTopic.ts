/**
 * Topics of ours: what they are made with where they are not there, and how many partitions they have.
 *
 * What a topic keeps is said with it. A broker's own default may be to keep the last record of each key alone, or every record
 * for an hour: fit for what others write, and the loss of what nobody has read here.
 */
import type { KafkaTransport, TopicSpec } from "./Transport.ts"
import { type Copies, copiesOf } from "./topicOptions.ts"

/** For how long the brokers keep a record. Undefined: as they do by default. */
type Kept = "for ever" | "a week" | undefined

const retentionOf = (kept: Kept): Readonly<Record<string, string>> =>
  kept === undefined
    ? {}
    : { "retention.ms": kept === "for ever" ? "-1" : String(7 * 86_400_000), "retention.bytes": "-1" }

/** A topic as it is made. */
export const topicSpec = (topic: string, partitions: number, copies: Copies, kept?: Kept): TopicSpec => {
  const { replication, minInSync } = copiesOf(copies)
  const settings = {
    "min.insync.replicas": `${minInSync}`,
    "cleanup.policy": "delete",
    ...retentionOf(kept),
  }
  return { topic, partitions, replication, settings }
}

/** How many partitions a topic has, which is made where it is not there. */
export const openTopic = async (kafka: KafkaTransport, spec: TopicSpec): Promise<number> => {
  const { topic } = spec
  const there = await kafka.partitions(topic)
  if (there !== undefined) return there
  await kafka.ensureTopics([spec])
  // Another process may have made it at the same time, with other numbers. A broker that has not heard of it knows none, and a
  // guess would put a key into two partitions.
  const made = await kafka.partitions(topic)
  if (made === undefined) throw new Error(`The brokers do not serve the topic ${topic} yet.`)
  return made
}
