/**
 * Consumers with an inbox: a topic in memory, effects in PostgreSQL.
 */
import { beforeEach, describe, expect, it, onTestFinished, vi } from "vitest"
import { envelopeOf } from "../../src/kafka/envelope.ts"
import { consumeEvents, type KafkaTransport, memoryKafka, resendDeadLetters } from "../../src/kafka/index.ts"
import { events } from "./events.ts"
import { inboxWorlds } from "./inboxRig.ts"

const { server, rig } = inboxWorlds("consumers with an inbox")

describe("a consumer with an inbox", () => {
  beforeEach(({ skip }) => {
    if (server() === undefined) skip("no PostgreSQL here")
  })

  it("BUS-04: given a topic that comes again ten times, also twice at once → each effect happens once, in order", async () => {
    const { publish, consume, expectOnce } = await rig()
    const all = events(200, 7)
    await publish(all)
    const consumers = []
    for (let n = 0; n < 5; n++) {
      consumers.push(
        ...(await Promise.all([
          consume({ group: `a-${n}`, consumer: "billing" }),
          consume({ group: `b-${n}`, consumer: "billing" }),
        ])),
      )
    }
    for (const consumer of consumers) {
      await expect.poll(async () => Array.from((await consumer.lag()).values())).toEqual([0n, 0n, 0n])
    }
    await expectOnce(all)
    const counts = consumers.map((consumer) => consumer.counts())
    expect(counts.reduce((sum, { handled }) => sum + handled, 0)).toBe(200)
    expect(counts.reduce((sum, { repeats }) => sum + repeats, 0)).toBe(9 * 200)
  })

  it("SB-07: given events from before the first consumer → it begins with them", async () => {
    const { publish, consume, expectOnce } = await rig()
    await publish(events(30, 3))
    await consume()
    await expectOnce(events(30, 3))
  })

  it("SB-09: given a database that is away for a moment → nothing is a dead letter, and everything is handled", async () => {
    const { kafka, publish, consume, expectOnce, pool } = await rig()
    let failures = 0
    const flaky = {
      connect: async () => {
        const client = await pool.connect()
        return {
          query: (text: string, values?: Array<unknown>) =>
            text === "commit" && failures-- > 0
              ? client.query("rollback").then(() => Promise.reject(new Error("the connection is gone")))
              : client.query(text, values),
          release: () => client.release(),
        }
      },
    }
    const consumer = await consume({ pool: flaky, attempts: 1 })
    failures = 6
    await publish(events(40, 4))
    await expectOnce(events(40, 4))
    expect(consumer.counts().deadLetters).toBe(0)
    expect(await kafka.partitions("events.billing.dlq")).toBeUndefined()
  })

  it("given an inbox that is written in a transaction of its own → loses effects, which is what these tests would see", async () => {
    const { publish, effect, consume, effects, pool } = await rig()
    const apart = {
      connect: async () => {
        const client = await pool.connect()
        return {
          query: (text: string, values?: Array<unknown>) =>
            text.startsWith("insert") && text.includes(".handled")
              ? pool.query(text, values)
              : client.query(text, values),
          release: () => client.release(),
        }
      },
    }
    let failures = 2
    const consumer = await consume({
      pool: apart,
      handle: async (all, tx) => {
        if (failures-- > 0) throw new Error("not now")
        await effect(all, tx)
      },
    })
    await publish(events(20, 1))
    await expect.poll(async () => Array.from((await consumer.lag()).values())).toEqual([0n, 0n, 0n])
    expect((await effects()).length).toBeLessThan(20)
  })

  it("given a handler whose statement fails and who goes on → the transaction counts as failed", async () => {
    const { publish, effect, consume, expectOnce } = await rig()
    let failures = 3
    await publish(events(5, 1))
    await consume({
      handle: async (all, tx) => {
        await effect(all, tx)
        if (failures-- > 0) await tx.query("select 1 / 0").catch(() => {})
      },
    })
    await expectOnce(events(5, 1))
  })

  it("SB-12: given an event that its handler cannot handle → is a dead letter with its reason, and nothing waits behind it", async () => {
    const { kafka, publish, effect, consume, expectOnce } = await rig()
    const all = events(60, 2)
    await publish(all)
    let tries = 0
    const consumer = await consume({
      attempts: 3,
      handle: async (some, tx) => {
        if (some.some(({ id }) => Number(id) === 17)) {
          tries += some.length === 1 ? 1 : 0
          throw new Error("17 cannot be handled")
        }
        await effect(some, tx)
      },
    })
    await expectOnce(all.filter(({ id }) => Number(id) !== 17))
    expect(tries).toBe(3)
    expect(consumer.counts()).toMatchObject({ handled: 59, deadLetters: 1, held: 0 })
    const letters: Array<unknown> = []
    const reader = await kafka.subscribe(
      { topic: "events.billing.dlq", group: "reader", maxSlice: 10, onTrouble: () => {} },
      async ({ records }) => {
        for (const { key, headers } of records) letters.push({ key, ...headers })
      },
    )
    onTestFinished(reader.close)
    await expect.poll(() => letters.length).toBe(1)
    expect(letters[0]).toMatchObject({
      key: "key-1",
      ce_id: "00000000000000000000000017",
      "dlq-consumer": "billing",
      "dlq-topic": "events",
      "dlq-reason": "Error: 17 cannot be handled",
      "dlq-attempts": "3",
    })
  })

  it.each([
    ["the number of a mail server's reply as its code", { code: 535 }, 1],
    ["that number as text", { code: "535" }, 1],
    ["a longer code that begins like one of a database's", { code: "08-not-found" }, 1],
    ["such a code in small letters", { code: "53abc" }, 1],
    ["a code of five characters, and a severity that is no word", { code: "53000", severity: 3 }, 1],
    ["a limit of the database as its code", { code: "53400", severity: "ERROR" }, 1],
    ["want of memory as its code", { code: "53200", severity: "ERROR" }, 0],
    ["a connection of another database as its code", { code: "08006" }, 0],
  ])("given a handler's own error with %s → is a dead letter where no database is away", async (_, fields, letters) => {
    const { publish, effect, consume, expectOnce } = await rig()
    const all = events(4, 1)
    let failures = 4
    const consumer = await consume({
      attempts: 2,
      handle: async (some, tx) => {
        if (some.some(({ id }) => Number(id) === 1) && failures-- > 0) throw Object.assign(new Error("no"), fields)
        await effect(some, tx)
      },
    })
    await publish(all)
    await expectOnce(all.slice(letters))
    expect(consumer.counts()).toMatchObject({ handled: 4 - letters, deadLetters: letters })
  })

  it("given an onTrouble that throws → what went wrong is tried again all the same", async () => {
    const { publish, effect, consume, expectOnce } = await rig()
    let failures = 3
    await consume({
      handle: async (all, tx) => {
        if (failures-- > 0) throw new Error("not now")
        await effect(all, tx)
      },
      onTrouble: () => {
        throw new Error("the observer is broken")
      },
    })
    await publish(events(40, 4))
    await expectOnce(events(40, 4))
  })

  it("SB-13: given a record that is no event at all → is a dead letter, and what comes behind it is handled", async () => {
    const { kafka, publish, consume, expectOnce } = await rig()
    const garbage = { partition: 0, key: "x", value: Buffer.from("x"), headers: {} }
    await kafka.publish("events", [garbage])
    await publish(events(20, 3))
    const consumer = await consume({ attempts: 1 })
    await expectOnce(events(20, 3))
    await expect.poll(() => consumer.counts().deadLetters).toBe(1)
  })

  it("given dead letters that are sent again, twice over → each is handled once, by its own consumer alone", async () => {
    const { kafka, publish, effect, consume, effects } = await rig()
    const all = events(20, 2)
    await publish(all)
    let isMended = false
    const consumer = await consume({
      attempts: 1,
      handle: async (some, tx) => {
        if (!isMended && some.some(({ id }) => Number(id) % 10 === 3)) throw new Error("not yet")
        await effect(some, tx)
      },
    })
    const other: Array<string> = []
    await consume({ group: "mail", handle: (some) => void other.push(...some.map(({ id }) => id)) })
    await expect.poll(() => consumer.counts().deadLetters).toBe(2)
    isMended = true
    const deadLetter = "events.billing.dlq"
    expect(await resendDeadLetters({ kafka, deadLetter, reason: "not yet" })).toBe(2)
    expect(await resendDeadLetters({ kafka, deadLetter })).toBe(0)
    // A first try that ended half way, and forgot how far it came.
    const forgetful: KafkaTransport = {
      ...kafka,
      lag: (group, topic) => kafka.lag(`${group}-anew`, topic),
      subscribe: (to, handle) => kafka.subscribe({ ...to, group: `${to.group}-anew` }, handle),
    }
    expect(await resendDeadLetters({ kafka: forgetful, deadLetter })).toBe(2)
    await expect.poll(async () => Array.from((await consumer.lag()).values())).toEqual([0n, 0n, 0n])
    expect((await effects()).map((row) => row.event_id).sort()).toEqual(all.map(({ id }) => id))
    await expect.poll(() => other.length).toBe(20)
  })

  it("given a key that is held → its events wait, others do not, and all come in order once the first is handled", async () => {
    const { kafka, schema, publish, effect, consume, effects, expectOnce, pool } = await rig()
    const all = events(40, 2)
    await publish(all.slice(0, 30))
    let isMended = false
    const consumer = await consume({
      attempts: 2,
      afterDeadLetter: "hold the key",
      handle: async (some, tx) => {
        if (!isMended && some.some(({ id }) => Number(id) === 11)) throw new Error("not yet")
        await effect(some, tx)
      },
    })
    const ofKey = (key: string) => async () =>
      (await effects()).filter((row) => row.event_key === key).map((row) => Number(row.event_id))
    await expect.poll(ofKey("key-0")).toEqual([2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30])
    await expect.poll(() => consumer.counts()).toMatchObject({ deadLetters: 1, held: 9 })
    expect(await ofKey("key-1")()).toEqual([1, 3, 5, 7, 9])
    isMended = true
    expect(await resendDeadLetters({ kafka, deadLetter: "events.billing.dlq" })).toBe(1)
    await expect.poll(ofKey("key-1")).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29])
    await publish(all.slice(30))
    await expectOnce(all)
    expect((await pool.query(`select from ${schema}.held`)).rowCount).toBe(0)
  })

  it("given ids that are older than the topic keeps records → are forgotten at the start, and younger ones are not", async () => {
    const { schema, consume, pool } = await rig()
    await pool.query(`insert into ${schema}.handled select 'billing', 'old-' || n, now() - interval '16 days'
      from generate_series(1, 25000) n`)
    await pool.query(`insert into ${schema}.handled values ('billing', 'young', now() - interval '14 days')`)
    await pool.query(`insert into ${schema}.handled values ('mail', 'old', now() - interval '16 days')`)
    await consume()
    const left = async () =>
      (await pool.query(`select event_id from ${schema}.handled order by event_id`)).rows.map((row) => row.event_id)
    await expect.poll(left).toEqual(["old", "young"])
  })

  it("given a consumer that is closed while it forgets → what is left is forgotten another time", async () => {
    const { schema, consume, pool } = await rig()
    await pool.query(`insert into ${schema}.handled select 'billing', 'old-' || n, now() - interval '16 days'
      from generate_series(1, 25000) n`)
    const left = async () => (await pool.query(`select from ${schema}.handled`)).rowCount
    const consumer = await consume()
    await consumer.close()
    expect(await left()).toBeGreaterThan(0)
    await consume()
    await expect.poll(left).toBe(0)
  })

  it("given an inbox that is not there, or options that cannot be → says so before anything is consumed", async () => {
    const { consume } = await rig()
    await expect(consume({ schema: "nowhere" })).rejects.toThrow('relation "nowhere.held_key" does not exist')
    await expect(consume({ schema: "x; drop" })).rejects.toThrow("/schema: must be 1 to 63 of the characters")
    await expect(consume({ batch: 0 })).rejects.toThrow("/batch: must be a whole number from 1 to 10000")
    // @ts-expect-error: whoever writes JavaScript is told, too
    await expect(consumeEvents({ kafka: memoryKafka() })).rejects.toThrow("/handle: must be given")
  })
  it("given a group that cannot be joined → says so, and leaves nothing behind that nobody closes", async () => {
    const { kafka, consume } = await rig()
    const timers = vi.spyOn(globalThis, "setInterval")
    onTestFinished(() => timers.mockRestore())
    const before = timers.mock.calls.length
    const subscribe = () => Promise.reject(new Error("the client is not installed"))
    await expect(consume({}, { ...kafka, subscribe })).rejects.toThrow("the client is not installed")
    expect(timers.mock.calls.length).toBe(before)
    // Nor does one that asked too early keep a place in its group.
    const early = { topic: "later", group: "early" }
    await expect(consume(early)).rejects.toThrow("Kafka did not acknowledge a batch.")
    await kafka.ensureTopics([{ topic: "later", partitions: 1, replication: 1, settings: {} }])
    const consumer = await consume(early)
    await kafka.publish(
      "later",
      events(3, 1).map((each) => ({ ...envelopeOf(each, "/shop"), partition: 0 })),
    )
    await expect.poll(() => consumer.counts().handled).toBe(3)
  })
})
