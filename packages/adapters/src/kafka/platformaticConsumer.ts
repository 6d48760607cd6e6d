/**
 * A member of a consumer group over `@platformatic/kafka`.
 *
 * Its stream goes on giving records of partitions that it has lost, and commits of those are taken. So what we own is looked
 * up before a slice is handled and again before it is committed; whoever lost a partition in between leaves it to the other
 * member. A stream that failed is made anew.
 */
import type { Consumer, Message, MessagesStream } from "@platformatic/kafka"
import { partsOf } from "./parts.ts"
import { pause, pauseMillis, untilHandled } from "./retrying.ts"
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
  handle: HandleSlice,
): (() => Promise<void>) => {
  const closing = new AbortController()
  const serve = async (): Promise<void> => {
    const consumer = make({
      groupId: to.group,
      sessionTimeout,
      rebalanceTimeout: 15_000,
      heartbeatInterval: 1_000,
      autocommit: false,
    })
    try {
      const stream = await consumer.consume({
        topics: [to.topic],
        mode: "committed",
        fallbackMode: "earliest",
        autocommit: false,
        maxWaitTime: 500,
        highWaterMark: to.maxSlice,
      })
      await readAll(consumer, stream, to, handle, closing.signal)
      await stream.close()
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
    await served
  }
}

const readAll = async (
  consumer: Consumer<Bytes, Bytes, Bytes, Bytes>,
  stream: Stream,
  to: SubscribeTo,
  handle: HandleSlice,
  closing: AbortSignal,
): Promise<void> => {
  let failure: { readonly error: unknown } | undefined
  let wake = () => {}
  stream.on("readable", () => wake())
  // A member that cannot join again says so here, and an event without a listener would end the process.
  consumer.on("error", (error: unknown) => {
    failure ??= { error }
    wake()
  })
  stream.on("error", (error) => {
    failure ??= { error }
    wake()
  })
  stream.on("close", () => {
    failure ??= { error: new Error("the stream of records has ended") }
    wake()
  })
  closing.addEventListener("abort", () => wake())
  while (!closing.aborted) {
    if (failure !== undefined) throw failure.error
    const messages = waiting(stream, to.maxSlice)
    if (messages.length === 0) {
      await new Promise<void>((resolve) => {
        wake = resolve
        // What came between the look and now.
        if (closing.aborted || failure !== undefined || stream.readableLength > 0) resolve()
      })
      continue
    }
    const byPartition = Map.groupBy(messages, ({ partition }) => partition)
    await Promise.all(
      Array.from(byPartition, async ([partition, ofPartition]) => {
        for (const part of partsOf(ofPartition, to.maxSlice)) {
          const isOver = await handlePart(consumer, partition, part, to, handle, closing)
          if (isOver) return
        }
      }),
    )
  }
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

const receivedOf = ({ offset, key, value, headers }: Message<Bytes, Bytes, Bytes, Bytes>): KafkaReceived => ({
  offset,
  key: key?.toString(),
  value,
  headers: Object.fromEntries(Array.from(headers, ([name, header]) => [name.toString(), header.toString()])),
})
