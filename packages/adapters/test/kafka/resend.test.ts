/**
 * Sending dead letters again: whatever is wrong with one of them, no other one is lost, sent for nothing, or waits for it.
 */
import { expect, it, onTestFinished, vi } from "vitest"
import {
  KafkaFault,
  type KafkaReceived,
  type KafkaRecord,
  type KafkaTransport,
  memoryKafka,
  type ResendOptions,
  resendDeadLetters,
} from "../../src/kafka/index.ts"

const deadLetter = "events.billing.dlq"

const letter = (id: string, reason: string, changed: Readonly<Record<string, string>> = {}): KafkaRecord => ({
  partition: 0,
  key: "k",
  value: Buffer.from(id),
  headers: {
    ce_id: id,
    "dlq-topic": "events",
    "dlq-consumer": "billing",
    "dlq-partition": "0",
    "dlq-offset": "0",
    "dlq-reason": reason,
    "dlq-attempts": "5",
    ...changed,
  },
})

/** A topic of events and one of dead letters, and what to see of them. */
const rig = async (...letters: ReadonlyArray<KafkaRecord>) => {
  const kafka = memoryKafka()
  await kafka.ensureTopics(
    ["events", deadLetter].map((topic) => ({ topic, partitions: 1, replication: 1, settings: {} })),
  )
  await kafka.publish(deadLetter, letters)
  const left: Array<string> = []
  const onLeft = (why: Error) => void left.push(why.message)
  const resend = (options: Partial<ResendOptions> = {}) => resendDeadLetters({ kafka, deadLetter, onLeft, ...options })
  const read = async (topic: string) => {
    const records: Array<KafkaReceived> = []
    const group = `reader-${Math.random()}`
    const reader = await kafka.subscribe({ topic, group, maxSlice: 1_000, onTrouble: () => {} }, async (slice) => {
      records.push(...slice.records)
    })
    await expect.poll(async () => (await kafka.lag(group, topic)).get(0)).toBe(0n)
    await reader.close()
    return records
  }
  const sent = async () => (await read("events")).map(({ headers }) => headers.ce_id)
  return { kafka, left, resend, read, sent }
}

/** A broker of which some letters' topics take no record as large as these. */
const refusing = (kafka: KafkaTransport, ids: ReadonlySet<string>): KafkaTransport => ({
  ...kafka,
  publish: (topic, records) =>
    topic === "events" && records.some(({ headers }) => ids.has(headers.ce_id ?? ""))
      ? Promise.reject(new KafkaFault(true, new Error("too large")))
      : kafka.publish(topic, records),
})

/** A call that dies before its offset is committed: the next one finds all letters as they were, and what this one wrote. */
const forgetful = (kafka: KafkaTransport): KafkaTransport => {
  const group = `forgotten-${Math.random()}`
  return {
    ...kafka,
    lag: (_, topic) => kafka.lag(group, topic),
    subscribe: (to, handle) => kafka.subscribe({ ...to, group }, handle),
  }
}

it("given a reason → the letters with another one are there for the next call, as they were", async () => {
  const { kafka, resend, read, sent } = await rig(
    letter("1", "no such account"),
    letter("2", "mail is away"),
    letter("3", "no such account"),
    letter("4", "mail is away"),
  )
  expect(await resend({ reason: "no such account" })).toBe(2)
  expect(await sent()).toEqual(["1", "3"])
  expect(await resend({ reason: "no such account" })).toBe(0)
  const { value, ...last } = (await read(deadLetter)).at(-1) ?? {}
  expect(last).toMatchObject({ key: "k", headers: letter("4", "mail is away").headers })
  expect(Buffer.from(value ?? []).toString()).toBe("4")
  expect(await resend()).toBe(2)
  expect(await sent()).toEqual(["1", "3", "2", "4"])
  expect(await resend()).toBe(0)
  expect(await kafka.lag(`${deadLetter}.resend`, deadLetter)).toEqual(new Map([[0, 0n]]))
})

it.each([
  ["a few of one slice", 60, 5],
  ["some of several slices", 350, 250],
])(
  "given the most: %s → looks at so many, and each of the others is there for the next call",
  async (_, count, most) => {
    const ids = Array.from({ length: count }, (_, n) => `${n}`)
    const { resend, sent } = await rig(...ids.map((id) => letter(id, "x")))
    expect(await resend({ most })).toBe(most)
    expect(await resend()).toBe(count - most)
    expect((await sent()).sort()).toEqual(ids.sort())
  },
)

it("given letters whose topic, partition or name of one cannot be, and one that is too large → tells of each, they stay, the others are sent", async () => {
  const { kafka, left, resend, sent } = await rig(
    letter("1", "x", { "dlq-topic": "gone" }),
    letter("2", "x"),
    letter("3", "x", { "dlq-partition": "7" }),
    letter("4", "x", { "dlq-partition": "none" }),
    letter("5", "x", { "dlq-topic": "a b" }),
    letter("6", "x"),
    letter("7", "x"),
  )
  expect(await resend({ kafka: refusing(kafka, new Set(["6"])) })).toBe(2)
  expect(await sent()).toEqual(["2", "7"])
  expect(left).toEqual([
    'The letter 0.0 (event "1") cannot be sent: there is no topic "gone".',
    'The letter 0.2 (event "3") cannot be sent: the topic events has no such partition.',
    'The letter 0.3 (event "4") cannot be sent: the topic events has no such partition.',
    'The letter 0.4 (event "5") cannot be sent: there is no topic "a b".',
    'The letter 0.5 (event "6") cannot be sent: it is too large for events.',
  ])
  // Its topic has a larger limit now, and another one is there.
  await kafka.ensureTopics([{ topic: "gone", partitions: 1, replication: 1, settings: {} }])
  expect(await resend()).toBe(2)
  expect(await sent()).toEqual(["2", "7", "6"])
  expect(left.length).toBe(8)
})

it("given no listener for what is left → a warning of the process", async () => {
  const { resend } = await rig(letter("1", "x", { "dlq-topic": "gone" }))
  const warned = vi.spyOn(process, "emitWarning").mockImplementation(() => {})
  onTestFinished(() => warned.mockRestore())
  expect(await resend({ onLeft: undefined })).toBe(0)
  expect(warned.mock.calls.length).toBe(1)
})

it("given calls that die before their offset is committed → letters that stay do not become more and more", async () => {
  const { kafka, resend, read, sent } = await rig(letter("1", "x"), letter("2", "y"), letter("3", "y"))
  for (let n = 0; n < 5; n++) await resend({ kafka: forgetful(kafka), reason: "nothing" })
  // Three more each time, and not twice as many.
  expect((await read(deadLetter)).length).toBe(3 * 6)
  expect(await resend({ reason: "nothing" })).toBe(0)
  expect(await resend()).toBe(3)
  expect(await sent()).toEqual(["1", "2", "3"])
})

it("given a group that stays behind by what is no letter → sends those that there are, and ends", async () => {
  const { kafka, resend, sent } = await rig(letter("1", "x"))
  vi.useFakeTimers({ toFake: ["performance", "setTimeout", "clearTimeout"] })
  onTestFinished(() => void vi.useRealTimers())
  // A mark of a transaction has an offset, and nobody is handed it.
  const marked: KafkaTransport = {
    ...kafka,
    lag: async (group, topic) => new Map([[0, ((await kafka.lag(group, topic)).get(0) ?? 0n) + 1n]]),
  }
  const sending = resend({ kafka: marked })
  await vi.advanceTimersByTimeAsync(65_000)
  expect(await sending).toBe(1)
  vi.useRealTimers()
  expect(await sent()).toEqual(["1"])
})

it("given a broker that does not answer → rejects, asks nothing more, and every letter is there for the next call", {
  timeout: 120_000,
}, async () => {
  const { kafka, resend, sent } = await rig(letter("1", "x"), letter("2", "y"))
  let lags = 0
  const away: KafkaTransport = {
    ...kafka,
    lag: (group, topic) => {
      lags += 1
      return kafka.lag(group, topic)
    },
    publish: () => Promise.reject(new KafkaFault(false, new Error("away"))),
    // Where it tries again without a pause.
    subscribe: (to, handle) =>
      kafka.subscribe(to, async (slice, signal) => {
        while (!signal.aborted) await handle(slice, signal).catch(to.onTrouble)
      }),
  }
  await expect(resend({ kafka: away })).rejects.toThrow("Kafka did not acknowledge a batch.")
  const then = lags
  await new Promise((resolve) => setTimeout(resolve, 350))
  expect(lags).toBe(then)
  expect(await resend()).toBe(2)
  expect(await sent()).toEqual(["1", "2"])
})
