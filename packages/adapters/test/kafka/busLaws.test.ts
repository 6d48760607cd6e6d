/**
 * The laws of the bus on the transport in memory, and broken transports that each law must catch.
 */
import { EventBus } from "@holdfast/core"
import { type BusAdapter, busConformance } from "@holdfast/core/testing"
import { Context, Effect, Layer, Schedule } from "effect"
import { describe, expect, it } from "vitest"
import { type KafkaRecord, type KafkaTransport, kafka, memoryKafka } from "../../src/kafka/index.ts"
import { partitionOf } from "../../src/kafka/murmur2.ts"

/** A bus on a transport. */
const busOn = (name: string, transport: KafkaTransport, crash?: Effect.Effect<void>): BusAdapter => ({
  name,
  open: (ground) =>
    Effect.map(
      Effect.orDie(
        Layer.build(kafka({ kafka: transport, topic: ground, partitions: 4, replication: 1, maxSlice: 5 }).layer),
      ),
      (context) => Context.get(context, EventBus),
    ),
  crash,
})

const short = { settleMillis: 400, rounds: 8 }

describe("a topic in memory", () => {
  it("keeps the laws of the bus", async () => {
    // A handler that fails several times in a row rests for longer than a short settling.
    const report = await Effect.runPromise(busConformance(busOn("in memory", memoryKafka()), { rounds: short.rounds }))
    expect(report).toMatchObject({
      ok: true,
      laws: ["held", "untested", "held", "held", "held"].map((verdict) => ({ verdict })),
    })
  })
})

/** A transport of which something is wrong. */
const broken = (change: (transport: KafkaTransport) => Partial<KafkaTransport>): KafkaTransport => {
  const transport = memoryKafka()
  return { ...transport, ...change(transport) }
}

describe("the laws of the bus catch a bus that", () => {
  it.each<[string, string, KafkaTransport]>([
    [
      "is keyed by the id of the event",
      "BUS-01",
      broken(({ publish }) => ({
        publish: (topic, records) =>
          publish(
            topic,
            records.map((record) => ({ ...record, partition: partitionOf(record.headers.ce_id ?? "", 4) })),
          ),
      })),
    ],
    [
      "sends a batch again in another order",
      "BUS-01",
      broken(({ publish }) => ({
        publish: (topic, records) => publish(topic, records.toReversed()).then((places) => places.toReversed()),
      })),
    ],
    [
      "takes a handler that failed for one that succeeded",
      "BUS-01",
      broken(({ subscribe }) => ({
        subscribe: (to, handle) => subscribe(to, (slice, signal) => handle(slice, signal).catch(() => {})),
      })),
    ],
    [
      "begins with what comes after it subscribed",
      "BUS-01",
      broken(({ subscribe }) => {
        let first = true
        return {
          subscribe: (to, handle) =>
            subscribe(to, (slice, signal) => {
              const isFirst = first
              first = false
              return isFirst ? Promise.resolve() : handle(slice, signal)
            }),
        }
      }),
    ],
    [
      "writes text in the letters of Western Europe",
      "BUS-03",
      broken(({ publish }) => ({
        publish: (topic, records) =>
          publish(
            topic,
            records.map((record) => ({ ...record, value: Buffer.from(Buffer.from(record.value).toString("latin1")) })),
          ),
      })),
    ],
    [
      "rounds the largest number",
      "BUS-03",
      broken(({ publish }) => ({
        publish: (topic, records) =>
          publish(
            topic,
            records.map((record) => ({
              ...record,
              value: Buffer.from(Buffer.from(record.value).toString().replace("9007199254740991", "9007199254740992")),
            })),
          ),
      })),
    ],
  ])("%s, by %s", async (_, law, transport) => {
    const report = await Effect.runPromise(busConformance(busOn("broken", transport), short))
    expect(report.laws.filter(({ verdict }) => verdict === "broken").map(({ id }) => id)).toContain(law)
  })

  it("acknowledges before anything is stored, by BUS-02", async () => {
    const transport = memoryKafka()
    let unsent: Array<readonly [string, ReadonlyArray<KafkaRecord>]> = []
    const eager: KafkaTransport = {
      ...transport,
      publish: async (topic, records) => {
        unsent.push([topic, records])
        return records.map(({ partition }) => ({ partition, offset: 0n }))
      },
    }
    const flush = Effect.promise(async () => {
      for (const [topic, records] of unsent.splice(0)) await transport.publish(topic, records)
    })
    const crash = Effect.sync(() => {
      unsent = []
    })
    const report = await Effect.runPromise(
      Effect.raceFirst(
        busConformance(busOn("eager", eager, crash), short),
        Effect.andThen(Effect.repeat(flush, Schedule.spaced("10 millis")), Effect.never),
      ),
    )
    expect(report.laws.find(({ id }) => id === "BUS-02")?.verdict).toBe("broken")
  })
})
