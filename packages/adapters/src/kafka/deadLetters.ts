/**
 * Records that a consumer could not handle: what they look like in a topic of their own, and when they are sent again.
 *
 * A record that is sent again goes to the topic it came from, marked with its consumer, and other consumers leave it out. The
 * inbox makes it one thing however often it is sent: it is handled where its event is a dead letter, and then is none.
 */
import type { KafkaReceived, KafkaRecord } from "./Transport.ts"

/** Headers beside those of the record itself. */
export const deadLetterHeaders = {
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

/** Of a topic of dead letters: where all of them are written. */
export const letterPartition = 0

export const deadLetterRecord = (letter: DeadLetter): KafkaRecord => {
  const { record } = letter
  const { [headers.again]: _, [headers.bytes]: __, ...others } = record.headers
  const from = originOf(record, letter.partition)
  return {
    partition: letterPartition,
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
