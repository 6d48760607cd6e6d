/**
 * Dead letters: that one event has one effect however many there are of it, and that nothing stops a partition for ever.
 */
import { beforeEach, describe, expect, it, onTestFinished } from "vitest"
import { envelopeOf } from "../../src/kafka/envelope.ts"
import {
  type ConsumeOptions,
  KafkaFault,
  type KafkaTransport,
  resendDeadLetters,
  type TopicSpec,
} from "../../src/kafka/index.ts"
import { event, events } from "./events.ts"
import { inboxWorlds } from "./inboxRig.ts"

const { server, rig } = inboxWorlds("dead letters")
const deadLetter = "events.billing.dlq"
const hold = { afterDeadLetter: "hold the key" } as const

/** A rig whose handler fails over some events for as long as they are in `poison`, and what to see of its letters. */
const poisoned = async (...numbers: ReadonlyArray<number>) => {
  const world = await rig()
  const { kafka, effect, effects } = world
  const poison = new Set(numbers)
  const handled: Array<number> = []
  const handle: ConsumeOptions["handle"] = async (all, tx) => {
    const bad = all.find(({ id }) => poison.has(Number(id)))
    if (bad !== undefined) throw new Error(`${Number(bad.id)} cannot be handled: a\u0000b`)
    await effect(all, tx)
    handled.push(all.length)
  }
  const letters = async () => {
    const found: Array<{ readonly headers: Readonly<Record<string, string>>; readonly bytes: number }> = []
    const to = { topic: deadLetter, group: `reader-${Math.random()}`, maxSlice: 100, onTrouble: () => {} }
    const reader = await kafka.subscribe(to, async ({ records }) => {
      for (const { headers, value } of records) found.push({ headers, bytes: value?.byteLength ?? 0 })
    })
    onTestFinished(reader.close)
    return found
  }
  const ids = async () => (await effects()).map((row) => Number(row.event_id))
  return { ...world, poison, handle, handled, letters, ids, resend: () => resendDeadLetters({ kafka, deadLetter }) }
}

const caughtUp = (consumer: { readonly lag: () => Promise<ReadonlyMap<number, bigint>> }) =>
  expect.poll(async () => Array.from((await consumer.lag()).values())).toEqual([0n, 0n, 0n])

describe("dead letters", () => {
  beforeEach(({ skip }) => {
    if (server() === undefined) skip("no PostgreSQL here")
  })

  it.each([
    ["is mended meanwhile", true],
    ["fails again", false],
  ])(
    "given a letter whose transaction is lost, and a handler that %s → one effect, however many letters",
    async (_, mends) => {
      const { pool, kafka, publish, consume, poison, handle, letters, ids, resend } = await poisoned(1)
      let lost = 0
      const flaky = {
        connect: async () => {
          const client = await pool.connect()
          return {
            query: (text: string, values?: Array<unknown>) =>
              text === "commit" && lost-- > 0
                ? client.query("rollback").then(() => Promise.reject(new Error("the connection is gone")))
                : client.query(text, values),
            release: () => client.release(),
          }
        },
      }
      let losses = 2
      const losing: KafkaTransport = {
        ...kafka,
        publish: async (topic, records) => {
          const places = await kafka.publish(topic, records)
          if (topic === deadLetter && losses-- > 0) {
            lost = 1
            if (mends) poison.clear()
          }
          return places
        },
      }
      const consumer = await consume({ pool: flaky, handle, attempts: 1 }, losing)
      await publish([event(1, "ann")])
      await caughtUp(consumer)
      const stored = await letters()
      await expect.poll(() => stored.length).toBe(mends ? 1 : 3)
      expect(await ids()).toEqual(mends ? [1] : [])
      poison.clear()
      expect(await resend()).toBe(mends ? 1 : 3)
      await caughtUp(consumer)
      expect(await ids()).toEqual([1])
      expect(consumer.counts()).toMatchObject({ handled: 1, deadLetters: mends ? 0 : 1 })
    },
  )

  it("given a topic that is there, and a consumer that may make none → its letters are stored there", async () => {
    const { kafka, consume, publish, letters } = await poisoned(1)
    await kafka.ensureTopics([{ topic: deadLetter, partitions: 1, replication: 1, settings: {} }])
    const ensureTopics = () => Promise.reject(new Error("TOPIC_AUTHORIZATION_FAILED"))
    const consumer = await consume(
      { attempts: 1, handle: () => Promise.reject(new Error("no")) },
      { ...kafka, ensureTopics },
    )
    await publish(events(1, 1))
    await expect.poll(() => consumer.counts().deadLetters).toBe(1)
    const found = await letters()
    await expect.poll(() => found.length).toBe(1)
  })

  it("given a topic of letters that is removed while the consumer runs → is made anew for the next one", async () => {
    const { kafka, consume, publish } = await poisoned()
    let isGone = false
    const watched: KafkaTransport = {
      ...kafka,
      partitions: async (name) => (name === deadLetter && isGone ? undefined : kafka.partitions(name)),
      ensureTopics: async (specs) => {
        await kafka.ensureTopics(specs)
        isGone = false
      },
      publish: (name, records) =>
        isGone ? Promise.reject(new KafkaFault(false, new Error("UNKNOWN_TOPIC"))) : kafka.publish(name, records),
    }
    const consumer = await consume({ attempts: 1, handle: () => Promise.reject(new Error("no")) }, watched)
    await publish(events(1, 1))
    await expect.poll(() => consumer.counts().deadLetters).toBe(1)
    isGone = true
    await kafka.publish("events", [{ ...envelopeOf(event(2, "key-0"), "/shop"), partition: 0 }])
    await expect.poll(() => consumer.counts().deadLetters).toBe(2)
  })

  it("are kept until they are sent again, however long that takes", async () => {
    const { kafka, consume, publish } = await poisoned(1)
    const made: Array<TopicSpec> = []
    const watched: KafkaTransport = {
      ...kafka,
      ensureTopics: async (specs) => {
        made.push(...specs)
        await kafka.ensureTopics(specs)
      },
    }
    const consumer = await consume({ attempts: 1, handle: () => Promise.reject(new Error("no")) }, watched)
    await publish(events(1, 1))
    await expect.poll(() => consumer.counts().deadLetters).toBe(1)
    expect(made).toMatchObject([
      {
        topic: deadLetter,
        partitions: 1,
        settings: { "cleanup.policy": "delete", "retention.ms": "-1", "retention.bytes": "-1" },
      },
    ])
  })

  it("given an event that fails again when it is sent again → is one thing still, and its letters say where it was first", async () => {
    const { kafka, consume, publish, poison, handle, letters, ids, resend } = await poisoned(2)
    const consumer = await consume({ handle, attempts: 1 })
    await kafka.publish("events", [{ partition: 0, key: "x", value: Buffer.from("x"), headers: {} }])
    await publish([event(2, "ann")])
    await caughtUp(consumer)
    for (let n = 0; n < 2; n++) {
      expect(await resend()).toBe(2)
      await caughtUp(consumer)
    }
    const stored = await letters()
    await expect.poll(() => stored.length).toBe(6)
    const ofGarbage = stored.filter(({ headers }) => headers.ce_id === undefined)
    expect(ofGarbage.map(({ headers }) => headers["dlq-offset"])).toEqual(["0", "0", "0"])
    poison.clear()
    await resend()
    await caughtUp(consumer)
    expect(await ids()).toEqual([2])
  })

  it("given a letter that is written back twice, because a call died in between → is sent twice, and has one effect", async () => {
    const { kafka, consume, publish, poison, handle, letters, ids, resend } = await poisoned(1)
    const consumer = await consume({ handle, attempts: 1 })
    await publish([event(1, "ann"), event(2, "ann")])
    await caughtUp(consumer)
    poison.clear()
    const dies: KafkaTransport = {
      ...kafka,
      lag: (group, topic) => kafka.lag(`${group}-forgotten`, topic),
      subscribe: (to, forgotten) => kafka.subscribe({ ...to, group: `${to.group}-forgotten` }, forgotten),
    }
    expect(await resendDeadLetters({ kafka: dies, deadLetter, reason: "another one" })).toBe(0)
    const stored = await letters()
    await expect.poll(() => stored.length).toBe(2)
    expect(await resend()).toBe(2)
    await caughtUp(consumer)
    expect(await ids()).toEqual([2, 1])
    expect(consumer.counts()).toMatchObject({ handled: 2, repeats: 1, deadLetters: 1 })
  })

  it("given two members that have an event → none handles it while the other one buries it, and its key is held for it", async () => {
    const { schema, pool, kafka, consume, publish, poison, handle, ids, resend } = await poisoned(1)
    const { promise: gate, resolve: open } = Promise.withResolvers<void>()
    const { promise: burying, resolve: reach } = Promise.withResolvers<void>()
    const slow: KafkaTransport = {
      ...kafka,
      publish: async (topic, records) => {
        const places = await kafka.publish(topic, records)
        if (topic === deadLetter) {
          reach()
          await gate
        }
        return places
      },
    }
    const first = await consume({ ...hold, handle, attempts: 1 }, slow)
    await publish([event(1, "ann")])
    await burying
    poison.clear()
    const second = await consume({ ...hold, handle, group: "other", consumer: "billing", deadLetter })
    onTestFinished(() => open())
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(await ids()).toEqual([])
    open()
    await caughtUp(first)
    await caughtUp(second)
    await publish([event(2, "ann")])
    await caughtUp(first)
    await caughtUp(second)
    expect(await ids()).toEqual([])
    expect(await resend()).toBe(1)
    await expect.poll(ids).toEqual([1, 2])
    // In a transaction of its own, behind the last one that was kept.
    await expect.poll(async () => (await pool.query(`select from ${schema}.held_key`)).rowCount).toBe(0)
  })

  it("given an event that another member has handled meanwhile → no letter of it, and its key is not held", async () => {
    const { schema, pool, kafka, consume, publish, effect } = await rig()
    await publish([event(1, "ann")])
    const consumer = await consume({
      ...hold,
      attempts: 1,
      handle: async (all, tx) => {
        if (Number(all[0]?.id) > 1) return effect(all, tx)
        // What the other one does as soon as this transaction is rolled back, and before the event is buried.
        onRollback = () => pool.query(`insert into ${schema}.handled values ('billing', $1)`, [all[0]?.id])
        throw new Error("not here")
      },
      pool: {
        connect: async () => {
          const client = await pool.connect()
          return {
            query: async (text: string, values?: Array<unknown>) => {
              const answer = await client.query(text, values)
              if (text === "rollback") await onRollback()
              return answer
            },
            release: () => client.release(),
          }
        },
      },
    })
    let onRollback: () => Promise<unknown> = () => Promise.resolve()
    await publish([event(2, "ann")])
    await expect.poll(() => consumer.counts()).toMatchObject({ handled: 1, repeats: 1, deadLetters: 0, held: 0 })
    expect(await kafka.partitions(deadLetter)).toBeUndefined()
    expect((await pool.query(`select from ${schema}.held_key`)).rowCount).toBe(0)
  })

  it("given a reason, an id, a key and data with characters that no database takes → all are letters, nothing waits behind", async () => {
    const { kafka, consume, publish, handle, letters, ids } = await poisoned(1)
    const consumer = await consume({ ...hold, handle, attempts: 2 })
    await publish([event(1, "ann")])
    const { headers } = envelopeOf(event(7, "ann"), "/shop")
    const send = (changed: Readonly<Record<string, string>>, data = "{}") =>
      kafka.publish("events", [
        { partition: 0, key: "x", value: Buffer.from(data), headers: { ...headers, ...changed } },
        { partition: 2, key: "x", value: Buffer.from(data), headers: { ...headers, ...changed } },
      ])
    await send({ ce_id: "a\u0000b" })
    await send({ ce_id: Array.from({ length: 9_000 }, () => Math.random().toString(36)).join("") })
    await send({ ce_partitionkey: "a\u0000b", ce_id: "8" })
    await caughtUp(consumer)
    await send({ ce_id: "9" }, '{"text":"a\\u0000b"}')
    await publish([event(2, "bob"), event(3, "carl"), event(4, "dora")])
    await caughtUp(consumer)
    expect((await ids()).sort()).toEqual([2, 3, 4])
    const stored = await letters()
    await expect.poll(() => stored.length).toBe(7)
    const reasons = stored.map((each) => each.headers["dlq-reason"])
    expect(reasons).toContain("Error: 1 cannot be handled: a\ufffdb")
    expect(reasons.filter((reason) => reason === "Error: This is no event of a shop.").length).toBe(5)
  })

  it("given a letter that its topic does not take → is stored without its value, is not sent again, and nothing waits", async () => {
    const { kafka, consume, publish, handle, letters, ids, resend } = await poisoned(1)
    const small: KafkaTransport = {
      ...kafka,
      publish: (topic, records) =>
        topic === deadLetter && records.some(({ value }) => value.byteLength > 1_000)
          ? Promise.reject(new KafkaFault(true, new Error("too large")))
          : kafka.publish(topic, records),
    }
    const consumer = await consume({ ...hold, handle, attempts: 1 }, small)
    await publish([event(1, "ann", { text: "x".repeat(2_000) }), event(2, "ann"), event(3, "ann")])
    await caughtUp(consumer)
    expect(await ids()).toEqual([2, 3])
    const stored = await letters()
    await expect.poll(() => stored.length).toBe(1)
    expect(stored[0]).toMatchObject({
      bytes: 0,
      headers: { ce_id: event(1, "ann").id, "dlq-topic": "events", "dlq-offset": "0", "dlq-bytes": "2011" },
    })
    expect(await resend()).toBe(0)
  })

  it("given a second poison behind the first → is the next letter, with its own reason; the others come in slices, in order", async () => {
    const { schema, pool, consume, publish, poison, handle, handled, letters, ids, resend } = await poisoned(1, 20)
    const consumer = await consume({ ...hold, handle, attempts: 2, batch: 10 })
    await publish(events(60, 1))
    await caughtUp(consumer)
    expect(await ids()).toEqual([])
    expect(consumer.counts()).toMatchObject({ deadLetters: 1, held: 59 })
    poison.delete(1)
    expect(await resend()).toBe(1)
    await caughtUp(consumer)
    const upTo = (end: number) => Array.from({ length: end }, (_, index) => index + 1)
    expect(await ids()).toEqual(upTo(19))
    expect(consumer.counts()).toMatchObject({ deadLetters: 2, handled: 19 })
    const stored = await letters()
    await expect.poll(() => stored.length).toBe(2)
    expect(stored[1]?.headers).toMatchObject({
      ...envelopeOf(event(20, "key-0"), "/shop").headers,
      "dlq-reason": "Error: 20 cannot be handled: a\ufffdb",
      "dlq-offset": "19",
      "dlq-attempts": "2",
    })
    // Sent again too early, it is a letter once more, and all behind it wait.
    expect(await resend()).toBe(1)
    await caughtUp(consumer)
    expect(await ids()).toEqual(upTo(19))
    poison.clear()
    await publish(events(5, 1, 61))
    expect(await resend()).toBe(1)
    await caughtUp(consumer)
    expect(await ids()).toEqual(upTo(65))
    expect(Math.max(...handled)).toBe(10)
    for (const table of ["held", "held_key"])
      expect((await pool.query(`select from ${schema}.${table}`)).rowCount).toBe(0)
  })

  it("given a member that dies while it lets a key go → the next one goes on where it was", async () => {
    const { consume, publish, poison, handle, ids, resend } = await poisoned(1)
    const consumer = await consume({ ...hold, handle, attempts: 1, batch: 5 })
    await publish(events(20, 1))
    await caughtUp(consumer)
    await consumer.close()
    poison.clear()
    expect(await resend()).toBe(1)
    let calls = 0
    const dying = await consume({
      ...hold,
      batch: 5,
      handle: async (all, tx) => {
        if (++calls > 3) await new Promise((_, reject) => setTimeout(() => reject(new Error("it is killed")), 100))
        await handle(all, tx)
      },
    })
    await expect.poll(() => calls).toBe(4)
    await dying.close()
    expect((await ids()).length).toBe(11)
    const next = await consume({ ...hold, handle, batch: 5 })
    await caughtUp(next)
    expect(await ids()).toEqual(Array.from({ length: 20 }, (_, index) => index + 1))
  })
})
