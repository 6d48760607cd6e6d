/**
 * A member of a consumer group over `@platformatic/kafka`.
 *
 * Its stream goes on giving records of partitions that it has lost, and commits of those are taken. So what we own is looked
 * up before a slice is handled and again before it is committed; whoever lost a partition in between leaves it to the other
 * member. And a partition that comes back goes on where the stream had read to, when a fetch was under way: what was left
 * to the other member would be passed over. So a stream is read for as long as its member's place in the group stands: with
 * each join comes a new one, which begins at what the group has committed. A stream that failed is made anew too.
 */
import type { Consumer, Message, MessagesStream } from "@platformatic/kafka"
import { partsOf } from "./parts.ts"
import { leavable, pause, pauseMillis, untilHandled } from "./retrying.ts"
import type { HandleSlice, KafkaReceived, SubscribeTo } from "./Transport.ts"

type Bytes = Buffer
type Stream = MessagesStream<Bytes, Bytes, Bytes, Bytes>
type Settings = { readonly groupId: string; readonly autocommit: false } & {
  readonly [Name in "sessionTimeout" | "rebalanceTimeout" | "heartbeatInterval"]: number
}

/** After so long without a heartbeat a member is taken for dead: how long a crash stalls its partitions. */
const sessionTimeout = 10_000

/** Joins, and answers how to leave. */
export const platformaticConsumer = (
  make: (settings: Settings) => Consumer<Bytes, Bytes, Bytes, Bytes>,
  to: SubscribeTo,
  given: HandleSlice,
): (() => Promise<void>) => {
  const closing = new AbortController()
  const { handle, untilLeft } = leavable(given)
  const serve = async (): Promise<void> => {
    const consumer = make({
      groupId: to.group,
      sessionTimeout,
      rebalanceTimeout: 15_000,
      heartbeatInterval: 1_000,
      autocommit: false,
    })
    try {
      await readAll(consumer, to, handle, closing.signal)
    } finally {
      await consumer.close(true).catch(() => {})
    }
  }
  const served = (async () => {
    for (let failures = 1; !closing.signal.aborted; failures++) {
      const began = performance.now()
      try {
        await serve()
      } catch (trouble) {
        if (!closing.signal.aborted) to.onTrouble(trouble)
      }
      if (performance.now() - began > sessionTimeout) failures = 1
      await pause(pauseMillis(failures), closing.signal)
    }
  })()
  return async () => {
    closing.abort()
    await untilLeft(served)
  }
}

const readAll = async (
  consumer: Consumer<Bytes, Bytes, Bytes, Bytes>,
  to: SubscribeTo,
  handle: HandleSlice,
  closing: AbortSignal,
): Promise<void> => {
  let joins = 0
  let failure: { readonly error: unknown } | undefined
  let wake = () => {}
  const fail = (error: unknown) => {
    failure ??= { error }
    wake()
  }
  closing.addEventListener("abort", () => wake())
  consumer.on("consumer:group:join", () => {
    joins += 1
    wake()
  })
  // A member that cannot join again says so here, and an event without a listener would end the process.
  consumer.on("error", fail)

  const open = async (): Promise<Stream> => {
    const stream = await consumer.consume({
      topics: [to.topic],
      mode: "committed",
      fallbackMode: "earliest",
      autocommit: false,
      maxWaitTime: 500,
      highWaterMark: to.maxSlice,
    })
    stream.on("readable", () => wake())
    stream.on("error", (error) => {
      if (stream === current) fail(error)
    })
    stream.on("close", () => {
      if (stream === current) fail(new Error("the stream of records has ended"))
    })
    return stream
  }

  let current: Stream | undefined
  let joinsThen = 0
  while (!closing.aborted) {
    if (failure !== undefined) throw failure.error
    if (current === undefined || joinsThen !== joins) {
      const before: Stream | undefined = current
      // The new one first: with its last stream a member forgets the topic.
      current = await open()
      joinsThen = joins
      await before?.close()
      continue
    }
    const stream = current
    const messages = waiting(stream, to.maxSlice)
    if (messages.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve
        // What came between the look and now.
        if (closing.aborted || failure !== undefined || joinsThen !== joins || stream.readableLength > 0) resolve()
      })
      continue
    }
    await handleAll(consumer, messages, to, handle, closing)
  }
  const last = current
  current = undefined
  await last?.close()
}

/** What was read, each partition's beside the others'. Where one fails, the others are waited for all the same. */
const handleAll = async (
  consumer: Consumer<Bytes, Bytes, Bytes, Bytes>,
  messages: ReadonlyArray<Message<Bytes, Bytes, Bytes, Bytes>>,
  to: SubscribeTo,
  handle: HandleSlice,
  closing: AbortSignal,
): Promise<void> => {
  const byPartition = Map.groupBy(messages, ({ partition }) => partition)
  const ended = await Promise.allSettled(
    Array.from(byPartition, async ([partition, ofPartition]) => {
      for (const part of partsOf(ofPartition, to.maxSlice)) {
        const isOver = await handlePart(consumer, partition, part, to, handle, closing)
        if (isOver) return
      }
    }),
  )
  for (const each of ended) if (each.status === "rejected") throw each.reason
}

/** How often it is looked whether a partition is still ours while a slice of it is handled. */
const lookMillis = 500

/** Answers true where the partition is not ours any more, or we are closing. */
const handlePart = async (
  consumer: Consumer<Bytes, Bytes, Bytes, Bytes>,
  partition: number,
  messages: ReadonlyArray<Message<Bytes, Bytes, Bytes, Bytes>>,
  to: SubscribeTo,
  handle: HandleSlice,
  closing: AbortSignal,
): Promise<boolean> => {
  const isOurs = () =>
    consumer.assignments?.some((each) => each.topic === to.topic && each.partitions.includes(partition)) ?? false
  const last = messages.at(-1)
  if (last === undefined || closing.aborted || !isOurs()) return true
  const lost = new AbortController()
  const look = setInterval(() => {
    if (!isOurs()) lost.abort()
  }, lookMillis)
  try {
    const slice = { topic: to.topic, partition, records: messages.map(receivedOf) }
    const signal = AbortSignal.any([closing, lost.signal])
    if (!(await untilHandled(slice, handle, signal, to.onTrouble)) || !isOurs()) return true
    const { leaderEpoch = -1 } = last
    await consumer.commit({ offsets: [{ topic: to.topic, partition, offset: last.offset + 1n, leaderEpoch }] })
    return false
  } finally {
    clearInterval(look)
  }
}

const waiting = (stream: Stream, most: number): Array<Message<Bytes, Bytes, Bytes, Bytes>> => {
  const messages: Array<Message<Bytes, Bytes, Bytes, Bytes>> = []
  while (messages.length < most) {
    const message: Message<Bytes, Bytes, Bytes, Bytes> | null = stream.read()
    if (message === null) break
    messages.push(message)
  }
  return messages
}

/** A message as it is on its way: whoever wrote it may have left out its key, its value, and the value of a header. */
type Written = Pick<Message<Bytes, Bytes, Bytes, Bytes>, "offset"> & {
  readonly key?: Bytes | null | undefined
  readonly value?: Bytes | null | undefined
  readonly headers?: Iterable<readonly [Bytes | null | undefined, Bytes | null | undefined]> | null | undefined
}

/** Never throws: the stream would be made anew, and meet the same message again. */
export const receivedOf = ({ offset, key, value, headers }: Written): KafkaReceived => ({
  offset,
  key: key?.toString(),
  value: value ?? undefined,
  headers: textOf(headers ?? []),
})

/** Without headers that have no value. One that stands there several times counts as the last of them. */
const textOf = (headers: NonNullable<Written["headers"]>): Record<string, string> => {
  const texts = new Map<string, string>()
  for (const [name, header] of headers) {
    if (header) texts.set(`${name ?? ""}`, header.toString())
    else texts.delete(`${name ?? ""}`)
  }
  return Object.fromEntries(texts)
}
