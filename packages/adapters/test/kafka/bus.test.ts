import { EventBus } from "@holdfast/core"
import { Context, Effect, Exit, Layer, Scope } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { envelopeOf, eventIn } from "../../src/kafka/envelope.ts"
import { type KafkaBusOptions, type KafkaTransport, kafka, memoryKafka } from "../../src/kafka/index.ts"
import { placesOf } from "../../src/kafka/places.ts"
import { event, events, wrongWith } from "./events.ts"

/** The service of a bus, until the test ends. */
const opened = async (options: KafkaBusOptions) => {
  const scope = Scope.makeUnsafe()
  onTestFinished(() => Effect.runPromise(Scope.close(scope, Exit.void)))
  const bus = kafka(options)
  const context = await Effect.runPromise(Layer.buildWithScope(bus.layer, scope))
  const service = Context.get(context, EventBus)
  const subscribe = (name: string, handler: (all: ReadonlyArray<ReturnType<typeof event>>) => void | Promise<void>) =>
    Effect.runPromise(
      Effect.provideService(
        service.subscribe(name as never, (all) => Effect.promise(async () => handler(all))),
        Scope.Scope,
        scope,
      ),
    )
  return {
    bus,
    publish: (all: ReadonlyArray<ReturnType<typeof event>>) => Effect.runPromise(service.publish(all)),
    subscribe,
  }
}

describe("the envelope of an event", () => {
  it.each([
    ["an ordinary one", event(1, "ann", { amount: 5 })],
    ["ids of other scripts, a slash and a line break in them", event(2, "주문/🎟️\nx", { name: "티셔츠 🎽" })],
    ["the largest number there is", event(3, "ann", { balance: Number.MAX_SAFE_INTEGER })],
    ["no data", event(4, "ann", {})],
    ["lists and nothing", event(5, "ann", { lines: [{ id: "o-1", note: null }], deep: { a: [true] } })],
  ])("given %s → comes back as it was", (_, given) => {
    const { key, value, headers } = envelopeOf(given, "/shop")
    expect(eventIn({ offset: 0n, key, value, headers })).toEqual(given)
  })

  it("is CloudEvents 1.0 in binary mode", () => {
    const { key, value, headers } = envelopeOf(event(7, "ann"), "/shop")
    expect(key).toBe("ann")
    expect(new TextDecoder().decode(value)).toBe('{"n":7}')
    expect(headers).toEqual({
      ce_specversion: "1.0",
      ce_id: "00000000000000000000000007",
      ce_type: "holdfast.points.charged",
      ce_source: "/shop",
      ce_time: "2023-11-14T22:13:20.007Z",
      ce_subject: "account/ann",
      ce_partitionkey: "ann",
      ce_dataversion: "1",
      "content-type": "application/json",
    })
  })

  it("given data of another version → says so", () => {
    const { key, value, headers } = envelopeOf(event(1, "ann"), "/shop")
    const later = eventIn({ offset: 0n, key, value, headers: { ...headers, ce_dataversion: "2" } })
    expect(later?.version).toBe(2)
    const { ce_dataversion: _, ...without } = headers
    expect(eventIn({ offset: 0n, key, value, headers: without })?.version).toBe(1)
  })

  it("given a record of somebody else → no event", () => {
    const { headers } = envelopeOf(event(1, "ann"), "/shop")
    const received = (value: string | undefined, changed: object) =>
      eventIn({
        offset: 0n,
        key: undefined,
        value: value === undefined ? undefined : Buffer.from(value),
        headers: { ...headers, ...changed },
      })
    expect(received("{}", {})).toBeDefined()
    expect(received(undefined, {})).toBeUndefined()
    expect(received("x", {})).toBeUndefined()
    expect(received("{}", { ce_type: "com.other.thing" })).toBeUndefined()
    expect(received("{}", { ce_time: "yesterday" })).toBeUndefined()
    expect(received("{}", { ce_subject: "nothing" })).toBeUndefined()
    expect(received("{}", { ce_dataversion: "newest" })).toBeUndefined()
  })
})

describe("a topic as a bus", () => {
  it("given an event that no broker takes → leaves as a stub, is counted, and holds up nothing", async () => {
    const transport = memoryKafka({ maxRecordBytes: 1_000 })
    const { bus, publish, subscribe } = await opened({ kafka: transport, topic: "events" })
    const seen: Array<ReturnType<typeof event>> = []
    await subscribe("billing", (all) => void seen.push(...all))
    const large = event(3, "key-0", { text: "x".repeat(2_000) })
    const others = events(20, 3, 10)
    await publish([...others.slice(0, 10), large, ...others.slice(10)])
    await expect.poll(() => bus.counts().skipped).toBe(1)
    expect(wrongWith(others, seen)).toEqual([])
    expect(bus.counts()).toMatchObject({ stubs: 1, skipped: 1 })
    const stubs: Array<unknown> = []
    const raw = await transport.subscribe(
      { topic: "events", group: "raw", maxSlice: 100, onTrouble: () => {} },
      async ({ records }) => {
        for (const { headers, value } of records) {
          if (headers.ce_type?.endsWith(".toolarge")) stubs.push([headers.ce_id, Buffer.from(value ?? []).toString()])
        }
      },
    )
    onTestFinished(raw.close)
    await expect.poll(() => stubs).toEqual([[large.id, '{"bytes":2011}']])
  })

  it("given dead letters that are sent again for a consumer → a subscriber is not handed them", async () => {
    const transport = memoryKafka()
    const { bus, publish, subscribe } = await opened({ kafka: transport, topic: "events", partitions: 1 })
    const seen: Array<ReturnType<typeof event>> = []
    await subscribe("mail", (all) => void seen.push(...all))
    await publish(events(3, 1))
    const { headers, ...envelope } = envelopeOf(event(1, "key-0"), "/shop")
    const again = (consumer: string) => ({
      ...envelope,
      partition: 0,
      headers: { ...headers, "dlq-again": `${consumer} 0.0` },
    })
    await transport.publish("events", [again("billing"), again("events.mail"), again("mail")])
    await publish([event(4, "key-0")])
    await expect.poll(() => seen.at(-1)?.id).toBe(event(4, "key-0").id)
    expect(seen.map(({ id }) => Number(id))).toEqual([1, 2, 3, 1, 4])
    expect(bus.counts().skipped).toBe(0)
  })

  it("given many large events → sends them in batches below the limit, in order", async () => {
    const transport = memoryKafka()
    const sizes: Array<number> = []
    const watched = {
      ...transport,
      publish: (topic: string, records: Parameters<typeof transport.publish>[1]) => {
        sizes.push(records.reduce((sum, { value }) => sum + value.byteLength, 0))
        return transport.publish(topic, records)
      },
    }
    const { publish, subscribe } = await opened({ kafka: watched, topic: "events", batchBytes: 10_000 })
    const large = Array.from({ length: 50 }, (_, n) => event(n + 1, `key-${n % 2}`, { text: "x".repeat(1_500) }))
    const seen: Array<ReturnType<typeof event>> = []
    await subscribe("billing", (all) => void seen.push(...all))
    await publish(large)
    await expect.poll(() => wrongWith(large, seen)).toEqual([])
    expect(sizes.length).toBeGreaterThan(5)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(10_000)
  })

  it("given a handler that fails → gets the slice again, and the next one only then", async () => {
    const { publish, subscribe } = await opened({ kafka: memoryKafka(), topic: "events", partitions: 1, maxSlice: 5 })
    const all = events(10, 1)
    const seen: Array<ReturnType<typeof event>> = []
    let failures = 2
    await subscribe("billing", async (slice) => {
      if (failures-- > 0) throw new Error("no database")
      seen.push(...slice)
    })
    await publish(all)
    await expect.poll(() => seen).toEqual(all)
  })

  it("given subscribers of one name on two topics → each topic has a group of its own, and all of it is served", async () => {
    const transport = memoryKafka()
    const groups: Array<string> = []
    const watched: typeof transport = {
      ...transport,
      subscribe: (to, handle) => {
        groups.push(to.group)
        return transport.subscribe(to, handle)
      },
    }
    for (const topic of ["shop.events", "other.events"]) {
      const { publish, subscribe } = await opened({ kafka: watched, topic })
      const seen: Array<ReturnType<typeof event>> = []
      await subscribe("mail to 5%", (all) => void seen.push(...all))
      await publish(events(20, 5))
      await expect.poll(() => wrongWith(events(20, 5), seen)).toEqual([])
    }
    // One of the clients takes none with a blank.
    expect(groups).toEqual(["shop.events.mail%20to%205%25", "other.events.mail%20to%205%25"])
  })

  it("given a topic that is made anew with fewer partitions → what was for others is published once more, nothing is lost", async () => {
    const anew = memoryKafka()
    let current = memoryKafka()
    const transport: KafkaTransport = {
      ...current,
      partitions: (name) => current.partitions(name),
      ensureTopics: (specs) => current.ensureTopics(specs),
      publish: (name, records) => current.publish(name, records),
    }
    const { publish } = await opened({ kafka: transport, topic: "events", partitions: 12 })
    await publish(events(20, 9))
    await anew.ensureTopics([{ topic: "events", partitions: 2, replication: 1, settings: {} }])
    current = anew
    await expect(publish(events(20, 9, 21))).rejects.toMatchObject({ _tag: "BusFault" })
    await publish(events(20, 9, 21))
    const seen: Array<ReturnType<typeof event>> = []
    const { subscribe } = await opened({ kafka: anew, topic: "events" })
    await subscribe("mail", (all) => void seen.push(...all))
    await expect.poll(() => wrongWith(events(20, 9, 21), seen)).toEqual([])
  })

  it("given an answer that leaves a partition out → is no acknowledgement", () => {
    const records = [{ partition: 0 }, { partition: 1 }, { partition: 0 }]
    const at = (partition: number, offset: bigint) => ({ partition, offset })
    expect(placesOf(records, [at(1, 7n), at(0, 3n)])).toEqual([at(0, 3n), at(1, 7n), at(0, 4n)])
    expect(() => placesOf(records, [at(0, 3n)])).toThrow("No broker has acknowledged records of partition 1.")
  })

  it("given options that cannot be → is refused before anything is opened", () => {
    // @ts-expect-error: that there is a topic is checked for those who write JavaScript, too
    expect(() => kafka({ kafka: memoryKafka() })).toThrow("/topic: must be given")
    expect(() => kafka({ kafka: memoryKafka(), topic: "a b" })).toThrow("/topic: must be 1 to 249 of the characters")
    expect(() => kafka({ kafka: memoryKafka(), topic: "e", replication: 0 })).toThrow("/replication: must be a whole")
    expect(() => kafka({ kafka: {} as never, topic: "e" })).toThrow("/kafka: must be a transport")
  })
})
