/**
 * What `holdfast doctor --kafka` says of a topic of events: whether it can lose one, for how long it keeps them, and who is behind.
 */
import { messageOfThrown } from "@holdfast/core/ports"
import { defaultRetentionDays } from "../kafka/Inbox.ts"
import { lagOf } from "../kafka/kafkajs.ts"
import { defaultBatchBytes } from "../kafka/parts.ts"
import { peer } from "../kafka/peer.ts"
import type { Finding } from "./findings.ts"

/** What is asked for: a topic, and the groups of its consumers. */
export interface KafkaAsked {
  readonly brokers: ReadonlyArray<string>
  readonly topic: string
  readonly groups: ReadonlyArray<string>
}

/** What was read of a topic and its consumers. */
export interface KafkaTopic {
  readonly brokers: number
  readonly topic: string
  /** Undefined where there is none of that name. */
  readonly partitions: ReadonlyArray<{ readonly replicas: number; readonly inSync: number }> | undefined
  /** Settings of the topic, such as `min.insync.replicas`. */
  readonly settings: ReadonlyMap<string, string>
  /** How many records of the topic each group has not committed. */
  readonly behind: ReadonlyMap<string, number>
}

const dayMillis = 86_400_000
/** So many records are minutes of work for a consumer. */
const farBehind = 100_000

const goesOn = "Sales go on without it; events wait in the outbox."

export const kafkaFindings = async ({ brokers, topic, groups }: KafkaAsked): Promise<ReadonlyArray<Finding>> => {
  try {
    const { ConfigResourceTypes, Kafka, logLevel } = await peer("kafkajs", () => import("kafkajs"))
    const retry = { retries: 4, initialRetryTime: 100, maxRetryTime: 1_000 }
    const kafka = new Kafka({
      brokers: [...brokers],
      clientId: "holdfast-doctor",
      connectionTimeout: 3_000,
      logLevel: logLevel.NOTHING,
      retry,
    })
    const admin = kafka.admin({ retry })
    await admin.connect()
    try {
      const cluster = await admin.describeCluster()
      const found = { brokers: cluster.brokers.length, topic }
      if (!(await admin.listTopics()).includes(topic)) {
        return judgedTopic({ ...found, partitions: undefined, settings: new Map(), behind: new Map() })
      }
      const metadata = await admin.fetchTopicMetadata({ topics: [topic] })
      const partitions = (metadata.topics[0]?.partitions ?? []).map(({ replicas, isr }) => ({
        replicas: replicas.length,
        inSync: isr.length,
      }))
      const resources = [{ type: ConfigResourceTypes.TOPIC, name: topic }]
      const described = await admin.describeConfigs({ includeSynonyms: false, resources })
      const settings = new Map(
        (described.resources[0]?.configEntries ?? []).map(({ configName, configValue }) => [configName, configValue]),
      )
      const behind = new Map<string, number>()
      for (const group of groups) {
        const waiting = await lagOf(admin, group, topic)
        behind.set(group, Number(Array.from(waiting.values()).reduce((sum, each) => sum + each, 0n)))
      }
      return judgedTopic({ ...found, partitions, settings, behind })
    } finally {
      await admin.disconnect()
    }
  } catch (error) {
    return [{ level: "wrong", what: `Kafka does not answer: ${messageOfThrown(error)}`, todo: goesOn }]
  }
}

/** What is to be said of a topic. */
export const judgedTopic = (found: KafkaTopic): ReadonlyArray<Finding> => {
  const { brokers, topic, partitions } = found
  if (partitions === undefined) {
    const todo = "The first shop that publishes makes it. If one has published, look for a wrong name."
    return [{ level: "warn", what: `There is no topic "${topic}" on these ${brokers} brokers.`, todo }]
  }
  return [...copiesOf(found, partitions), ...keepingOf(found), ...consumersOf(found)]
}

const copiesOf = (
  { brokers, topic, settings }: KafkaTopic,
  partitions: NonNullable<KafkaTopic["partitions"]>,
): ReadonlyArray<Finding> => {
  const copies = Math.min(...partitions.map(({ replicas }) => replicas))
  const needed = Number(settings.get("min.insync.replicas") ?? 1)
  const findings: Array<Finding> = [
    {
      level: "ok",
      what: `"${topic}" has ${partitions.length} partitions; copies of each: ${copies}; brokers: ${brokers}.`,
    },
  ]
  if (copies < 3 || needed < 2) {
    findings.push({
      level: "warn",
      what: `An event counts as stored on ${needed} of ${copies} brokers: losing one disk may lose events.`,
      todo: "Use replication factor 3 and min.insync.replicas 2.",
    })
  }
  if (needed >= copies && copies > 1) {
    findings.push({
      level: "warn",
      what: `All ${copies} copies have to be written (min.insync.replicas ${needed}): one broker that stops, stops publishing.`,
      todo: "Set min.insync.replicas one below the replication factor.",
    })
  }
  const lacking = partitions.filter(({ inSync }) => inSync < needed).length
  const behind = partitions.filter(({ replicas, inSync }) => inSync < replicas).length
  if (lacking > 0) {
    const what = `Partitions with fewer copies in sync than they need: ${lacking}. Nothing is published to them.`
    findings.push({ level: "wrong", what, todo: `Bring brokers back. ${goesOn}` })
  } else if (behind > 0) {
    findings.push({
      level: "warn",
      what: `Partitions with copies that are not in sync: ${behind}.`,
      todo: "Look for a broker that is away or slow.",
    })
  }
  return findings
}

const keepingOf = ({ settings }: KafkaTopic): ReadonlyArray<Finding> => {
  const findings: Array<Finding> = []
  const kept = Number(settings.get("retention.ms") ?? -1)
  const policy = settings.get("cleanup.policy") ?? "delete"
  if (policy.includes("compact")) {
    const what = "The topic is compacted (cleanup.policy): earlier events of a key are removed."
    findings.push({ level: "wrong", what, todo: "Set cleanup.policy to delete." })
  }
  // A segment is removed as a whole, so long after its last record: its first one may be so much older.
  const atMost = kept < 0 ? Number.POSITIVE_INFINITY : kept + Number(settings.get("segment.ms") ?? 7 * dayMillis)
  if (kept >= 0 && kept < dayMillis) {
    const what = `Events are kept for ${(kept / 3_600_000).toFixed(1)} hours: a consumer that is away for longer misses some.`
    findings.push({ level: "warn", what, todo: "Raise retention.ms to the longest outage that you want to survive." })
  }
  if (atMost > defaultRetentionDays * dayMillis) {
    const what = `Events are kept ${kept < 0 ? "for ever" : `for up to ${Math.ceil(atMost / dayMillis)} days`}, and an inbox remembers ${defaultRetentionDays}.`
    findings.push({
      level: "warn",
      what,
      todo: "Raise retentionDays of consumeEvents above retention.ms and segment.ms together, or lower those.",
    })
  } else if (kept >= dayMillis) {
    const days = [kept, atMost].map((millis) => (millis / dayMillis).toFixed(1))
    findings.push({ level: "ok", what: `Events are kept for ${days.join(" to ")} days.` })
  }
  const largest = Number(settings.get("max.message.bytes") ?? defaultBatchBytes * 2)
  if (largest < defaultBatchBytes) {
    const what = `The broker takes at most ${largest} bytes at once, and batches have ${defaultBatchBytes}.`
    findings.push({ level: "warn", what, todo: `Raise max.message.bytes, or set batchBytes of kafka({ … }) below it.` })
  }
  return findings
}

const consumersOf = ({ behind }: KafkaTopic): ReadonlyArray<Finding> =>
  Array.from(behind, ([group, records]) =>
    records > farBehind
      ? {
          level: "warn",
          what: `Group "${group}" is ${records} records behind.`,
          todo: "See that its members run; then give it more of them, up to one a partition.",
        }
      : { level: "ok", what: `Group "${group}" is ${records} records behind.` },
  )
