/**
 * Records that a consumer could not handle: a topic of their own, and how they are sent again.
 *
 * A record that is sent again goes to the topic it came from, marked with its consumer, and other consumers leave it out. The
 * inbox makes it one thing however often it is sent: it is handled where its event is a dead letter, and then is none.
 */
import { Options } from "@holdfast/core"
import type { KafkaReceived, KafkaRecord, KafkaTransport } from "./Transport.ts"

/** Headers beside those of the record itself. */
const deadLetterHeaders = {
  consumer: "dlq-consumer",
  reason: "dlq-reason",
  topic: "dlq-topic",
  partition: "dlq-partition",
  offset: "dlq-offset",
  attempts: "dlq-attempts",
  /** Of a letter that was too large for its topic: how many bytes its value had. It has none, and is not sent again. */
  bytes: "dlq-bytes",
  /** Of a record that was sent again: its consumer, and its place among the dead letters. */
  again: "dlq-again",
} as const

const headers = deadLetterHeaders

/** Where a record was, and why it is a dead letter. */
export interface DeadLetter {
  readonly consumer: string
  readonly topic: string
  readonly partition: number
  readonly record: KafkaReceived
  readonly reason: string
  readonly attempts: number
}

export const deadLetterRecord = (letter: DeadLetter): KafkaRecord => {
  const { record } = letter
  const { [headers.again]: _, [headers.bytes]: __, ...others } = record.headers
  const from = originOf(record, letter.partition)
  return {
    partition: 0,
    key: record.key ?? "",
    value: record.value ?? new Uint8Array(),
    headers: {
      ...others,
      [headers.consumer]: letter.consumer,
      [headers.reason]: letter.reason,
      [headers.topic]: letter.topic,
      [headers.partition]: from.partition,
      [headers.offset]: from.offset,
      [headers.attempts]: `${letter.attempts}`,
    },
  }
}

/** What is left of a letter that its topic does not take: where its record is, and why it is a letter. */
export const withoutValue = ({ partition, key, value, headers: given }: KafkaRecord): KafkaRecord => {
  const { consumer, reason, topic, partition: from, offset, attempts } = headers
  const kept = ["ce_id", "ce_type", consumer, reason, topic, from, offset, attempts]
  const short = kept.flatMap((name) => (given[name] === undefined ? [] : [[name, given[name].slice(0, maxLength)]]))
  return {
    partition,
    key: key.slice(0, maxLength),
    value: new Uint8Array(),
    headers: { ...Object.fromEntries(short), [headers.bytes]: `${value.byteLength}` },
  }
}

/** Of a header or a key that is kept where the value is not. */
const maxLength = 500

/** Where a record was first: one that was sent again remembers it. */
export const originOf = (record: KafkaReceived, partition: number) => {
  const given = againFor(record) === undefined ? {} : record.headers
  return {
    partition: given[headers.partition] ?? `${partition}`,
    offset: given[headers.offset] ?? `${record.offset}`,
  }
}

/** For whom a record was sent again; undefined where it was not. */
export const againFor = ({ headers: given }: KafkaReceived): string | undefined => given[headers.again]?.split(" ")[0]

export interface ResendOptions {
  readonly kafka: KafkaTransport
  /** The topic of dead letters: as the consumer's `deadLetter`. */
  readonly deadLetter: string
  /** Sends those only whose reason has this text in it. All. */
  readonly reason?: string | undefined
  /** The most dead letters that are looked at in one call. 10,000. */
  readonly most?: number | undefined
}

const checks: Options.Checks<ResendOptions> = {
  kafka: Options.must("a transport", (value) => typeof value === "object" && value !== null && "publish" in value),
  deadLetter: Options.must("the name of a topic", (value) => typeof value === "string" && value !== ""),
  reason: Options.must("text", (value) => typeof value === "string"),
  most: Options.wholeNumber(1, 1_000_000),
}

/**
 * Sends dead letters to the topics that they came from, once more for the consumer that could not handle them. Where it was
 * left off is kept by the group `<deadLetter>.resend`, so a second call begins with what is new. Answers how many were sent.
 */
export const resendDeadLetters = async (options: ResendOptions): Promise<number> => {
  Options.check(options, checks)
  const { kafka, deadLetter, reason = "" } = options
  const group = `${deadLetter}.resend`
  let looked = 0
  let sent = 0
  const waiting = async () => {
    const lag = await kafka.lag(group, deadLetter)
    return Array.from(lag.values()).reduce((sum, each) => sum + Number(each), 0)
  }
  if ((await kafka.partitions(deadLetter)) === undefined) return 0
  // Those that are there now: what fails again while this goes on is for the next call, or this one might never end.
  const most = Math.min(options.most ?? 10_000, await waiting())
  if (most === 0) return 0
  const { promise: done, resolve, reject } = Promise.withResolvers<void>()
  let failures = 0
  const subscription = await kafka.subscribe(
    {
      topic: deadLetter,
      group,
      maxSlice: 100,
      onTrouble: (trouble) => {
        failures += 1
        if (failures > 10) reject(trouble)
      },
    },
    async ({ partition, records }, signal) => {
      // Enough for this call: what is here stays for the next one.
      if (looked >= most) return untilAborted(signal)
      const chosen = records.filter((record) => record.headers[headers.reason]?.includes(reason) ?? false)
      for (const record of chosen) {
        const { [headers.topic]: topic, [headers.consumer]: consumer, [headers.bytes]: bytes, ...more } = record.headers
        if (topic === undefined || consumer === undefined || bytes !== undefined) continue
        // It is no longer than it was by more than these, so that its topic takes it again.
        const { [headers.reason]: _, [headers.attempts]: __, ...others } = more
        await kafka.publish(topic, [
          {
            // The events of its key that came after it are there.
            partition: Number(others[headers.partition] ?? "0"),
            key: record.key ?? "",
            value: record.value ?? new Uint8Array(),
            headers: { ...others, [headers.again]: `${consumer} ${partition}.${record.offset}` },
          },
        ])
        sent += 1
      }
      looked += records.length
    },
  )
  try {
    const watch = async () => {
      while (looked < most && (await waiting()) > 0) await new Promise((next) => setTimeout(next, 100))
    }
    await Promise.race([done, watch().then(resolve)])
    await done
  } finally {
    await subscription.close()
  }
  return sent
}

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => {
    const end = () => reject(new Error("It is left to the next call."))
    if (signal.aborted) end()
    else signal.addEventListener("abort", end)
  })
