import { leaveOut, privateKafka } from "@holdfast/test-services"
import { describe, expect, it, onTestFinished } from "vitest"
import { judgedTopic, kafkaFindings } from "../../src/cli/kafkaFindings.ts"
import { kafkajs } from "../../src/kafka/index.ts"

const sound = {
  "min.insync.replicas": "2",
  "retention.ms": String(7 * 86_400_000),
  "segment.ms": String(7 * 86_400_000),
  "max.message.bytes": "1048588",
}

const topic = (settings: Readonly<Record<string, string>> = {}, replicas = 3, inSync = replicas) => ({
  brokers: 3,
  topic: "shop.events",
  partitions: [
    { replicas, inSync },
    { replicas, inSync: replicas },
  ],
  settings: new Map(Object.entries({ ...sound, ...settings })),
  behind: new Map([["billing", 12]]),
})

const whats = (findings: ReturnType<typeof judgedTopic>, level: string) =>
  findings.filter((finding) => finding.level === level).map(({ what }) => what)

describe("what doctor says of a topic", () => {
  it("given three copies of which two must be written, and a week → nothing to do", () => {
    const findings = judgedTopic(topic())
    expect(findings.map(({ level }) => level)).toEqual(["ok", "ok", "ok"])
    expect(whats(findings, "ok")).toEqual([
      '"shop.events" has 2 partitions; copies of each: 3; brokers: 3.',
      "Events are kept for 7.0 to 14.0 days.",
      'Group "billing" is 12 records behind.',
    ])
  })

  it.each([
    [topic({ "min.insync.replicas": "1" }), "warn", "An event counts as stored on 1 of 3 brokers"],
    [topic({}, 2), "warn", "All 2 copies have to be written"],
    [topic({}, 3, 2), "warn", "Partitions with copies that are not in sync: 1"],
    [topic({}, 3, 1), "wrong", "Partitions with fewer copies in sync than they need: 1"],
    [topic({ "cleanup.policy": "compact" }), "wrong", "The topic is compacted"],
    [topic({ "retention.ms": "3600000" }), "warn", "Events are kept for 1.0 hours"],
    [topic({ "retention.ms": "-1" }), "warn", "Events are kept for ever, and an inbox remembers 15"],
    [topic({ "retention.ms": String(30 * 86_400_000) }), "warn", "Events are kept for up to 37 days"],
    [topic({ "segment.ms": String(10 * 86_400_000) }), "warn", "for up to 17 days, and an inbox remembers 15"],
    [topic({ "retention.ms": "3600000", "segment.ms": String(30 * 86_400_000) }), "warn", "for up to 31 days"],
    [topic({ "max.message.bytes": "1000" }), "warn", "The broker takes at most 1000 bytes at once"],
    [{ ...topic(), behind: new Map([["billing", 200_000]]) }, "warn", 'Group "billing" is 200000 records behind'],
    [{ ...topic(), partitions: undefined }, "warn", 'There is no topic "shop.events"'],
  ] as const)("given %o → %s: %s", (found, level, what) => {
    expect(whats(judgedTopic(found), level)).toContainEqual(expect.stringContaining(what))
  })

  it("given a real one, a group that read nothing, and no broker at all → what it is, and that sales go on", async () => {
    const gone = await kafkaFindings({ brokers: ["127.0.0.1:1"], topic: "shop.events", groups: [] })
    expect(gone).toMatchObject([{ level: "wrong", todo: expect.stringContaining("Sales go on") }])
    const cluster = await privateKafka("what doctor says of a topic")
    const broker = cluster?.brokers[0]?.address
    if (cluster === undefined || broker === undefined) return leaveOut("what doctor says of a topic")
    onTestFinished(cluster.stop)
    const kafka = kafkajs({ brokers: [broker] })
    onTestFinished(kafka.close)
    const settings = { "retention.ms": "3600000" }
    await kafka.ensureTopics([{ topic: "shop.events", partitions: 2, replication: 1, settings }])
    const record = { partition: 1, key: "ada", value: new Uint8Array([1]), headers: {} }
    await kafka.publish("shop.events", [record, record, record])
    const findings = await kafkaFindings({ brokers: [broker], topic: "shop.events", groups: ["billing"] })
    expect(whats(findings, "wrong")).toEqual([])
    expect(whats(findings, "ok")).toEqual([
      '"shop.events" has 2 partitions; copies of each: 1; brokers: 1.',
      'Group "billing" is 3 records behind.',
    ])
    expect(whats(findings, "warn")).toEqual([
      expect.stringContaining("An event counts as stored on 1 of 1 brokers"),
      expect.stringContaining("Events are kept for 1.0 hours"),
    ])
    const none = await kafkaFindings({ brokers: [broker], topic: "other", groups: [] })
    expect(whats(none, "warn")).toEqual([expect.stringContaining('There is no topic "other"')])
  })
})
