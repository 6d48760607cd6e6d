/**
 * An event as a Kafka record, and back: CloudEvents 1.0 in binary mode. What the event is about is in headers, its `data` is
 * the value as JSON, its key is the record's key.
 */
import type { StoredEvent } from "@holdfast/core"
import type { KafkaReceived, KafkaRecord } from "./Transport.ts"

/** What every type has before it in a header, so that events of several sources may share a topic. */
const typePrefix = "holdfast."
/** What the type of an event has behind it whose record no broker takes. Its value says how large it was. */
const stubSuffix = ".toolarge"

const utf8 = new TextEncoder()
const text = new TextDecoder("utf-8", { fatal: true })

export type Envelope = Omit<KafkaRecord, "partition">

export const envelopeOf = (event: StoredEvent, source: string): Envelope => ({
  key: event.key,
  value: utf8.encode(JSON.stringify(event.data)),
  headers: {
    ce_specversion: "1.0",
    ce_id: event.id,
    ce_type: `${typePrefix}${event.type}`,
    ce_source: source,
    ce_time: new Date(event.occurredAt).toISOString(),
    ce_subject: `${event.aggregate.type}/${event.aggregate.id}`,
    ce_partitionkey: event.key,
    ce_dataversion: `${event.version}`,
    "content-type": "application/json",
  },
})

/** The same event where its data are too large for the broker: everything but those. */
export const stubOf = ({ key, value, headers }: Envelope): Envelope => ({
  key,
  value: utf8.encode(JSON.stringify({ bytes: value.byteLength })),
  headers: { ...headers, ce_type: `${headers.ce_type}${stubSuffix}` },
})

/** About how many bytes a record takes in a batch. */
export const sizeOf = ({ key, value, headers }: Envelope): number => {
  let size = value.byteLength + key.length * 3 + 32
  for (const [name, header] of Object.entries(headers)) size += name.length + header.length * 3 + 4
  return size
}

/** Whether it may be an id or a key: what no database takes as one, no shop has written. */
export const isName = (text: string | undefined): text is string =>
  text !== undefined && text.length <= 500 && !text.includes("\u0000")

/** The event in a record; undefined where it is a stub, or nothing of a shop's. */
export const eventIn = ({ value, headers }: KafkaReceived): StoredEvent | undefined => {
  const {
    ce_id: id,
    ce_type: type,
    ce_time: time,
    ce_subject: subject,
    ce_partitionkey: key,
    ce_dataversion = "1",
  } = headers
  if (time === undefined || value === undefined || !isName(id) || !isName(key)) return undefined
  if (type === undefined || !type.startsWith(typePrefix) || type.endsWith(stubSuffix)) return undefined
  const [, kind, aggregateId] = /^([a-z]+)\/(.*)$/s.exec(subject ?? "") ?? []
  // One that this version of the code does not know is told as it is, or its data would be read as those of another.
  const version = /^[1-9]\d{0,8}$/.test(ce_dataversion) ? Number(ce_dataversion) : undefined
  const data = jsonOf(value)
  const occurredAt = Date.parse(time)
  if (kind === undefined || aggregateId === undefined || version === undefined || data === undefined) return undefined
  if (Number.isNaN(occurredAt)) return undefined
  const event = {
    id,
    type: type.slice(typePrefix.length),
    version,
    occurredAt,
    aggregate: { type: kind, id: aggregateId },
    key,
    data,
  }
  // biome-ignore lint/plugin/casts: a shop wrote these headers, and types of a later version are met by a default
  return event as StoredEvent
}

const jsonOf = (value: Uint8Array): object | undefined => {
  try {
    const parsed: unknown = JSON.parse(text.decode(value))
    return typeof parsed === "object" && parsed !== null ? parsed : undefined
  } catch {
    return undefined
  }
}
