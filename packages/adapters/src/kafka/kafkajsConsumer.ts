/**
 * A member of a consumer group over kafkajs.
 *
 * kafkajs beats its heart between fetches only, so we beat before every slice and while one is handled. A heartbeat that
 * fails says that the partition may be another member's: what is in hand is aborted, and nothing of it is committed.
 */
import type { Consumer, EachBatchPayload, Kafka } from "kafkajs"
import { partsOf } from "./parts.ts"
import { leavable, pause, pauseMillis, untilHandled } from "./retrying.ts"
import type { HandleSlice, KafkaSlice, SubscribeTo } from "./Transport.ts"

/** After so long without a heartbeat a member is taken for dead: how long a crash stalls its partitions. */
const sessionTimeout = 10_000
const heartbeatInterval = 1_000

/** Joins, and answers how to leave. */
export const kafkajsConsumer = async (
  kafka: Kafka,
  to: SubscribeTo,
  given: HandleSlice,
): Promise<() => Promise<void>> => {
  const closing = new AbortController()
  const { handle, untilLeft } = leavable(given)
  let consumer: Consumer | undefined
  /** Ends when the member has crashed, or we are closing. */
  const serve = async (): Promise<void> => {
    const member = kafka.consumer({
      groupId: to.group,
      sessionTimeout,
      heartbeatInterval,
      rebalanceTimeout: 15_000,
      // A fetch that waits longer than a session lets idle members take each other for dead.
      maxWaitTimeInMs: 500,
      allowAutoTopicCreation: false,
      retry: {
        retries: 8,
        initialRetryTime: 100,
        maxRetryTime: 2_000,
        // A member that crashes is made anew here. Where kafkajs restarts it, it does so although it was closed meanwhile: a
        // member that nobody knows joins the group, and keeps partitions of which it handles nothing.
        restartOnFailure: async () => false,
      },
    })
    consumer = member
    const crashed = new Promise<void>((resolve) => {
      member.on(member.events.CRASH, ({ payload }) => {
        if (!closing.signal.aborted) to.onTrouble(payload.error)
        resolve()
      })
    })
    const closed = new Promise<void>((resolve) => closing.signal.addEventListener("abort", () => resolve()))
    await member.connect()
    await member.subscribe({ topics: [to.topic], fromBeginning: true })
    await member.run({
      autoCommit: false,
      eachBatchAutoResolve: false,
      partitionsConsumedConcurrently: 4,
      eachBatch: (batch) => eachBatch(batch, to, handle, closing.signal),
    })
    await Promise.race([crashed, closed])
  }
  const served = (async () => {
    for (let failures = 1; !closing.signal.aborted; failures++) {
      const began = performance.now()
      try {
        await serve()
      } catch (trouble) {
        if (!closing.signal.aborted) to.onTrouble(trouble)
      }
      await consumer?.disconnect().catch(() => {})
      if (performance.now() - began > sessionTimeout) failures = 1
      await pause(pauseMillis(failures), closing.signal)
    }
  })()
  return async () => {
    closing.abort()
    await untilLeft(served)
  }
}

const eachBatch = async (
  { batch, heartbeat, resolveOffset, commitOffsetsIfNecessary, isRunning, isStale }: EachBatchPayload,
  to: SubscribeTo,
  handle: HandleSlice,
  closing: AbortSignal,
): Promise<void> => {
  for (const messages of partsOf(batch.messages, to.maxSlice)) {
    const last = messages.at(-1)
    if (last === undefined || closing.aborted || !isRunning() || isStale()) return
    await heartbeat()
    const slice: KafkaSlice = {
      topic: batch.topic,
      partition: batch.partition,
      records: messages.map(({ key, value, headers = {}, offset }) => ({
        offset: BigInt(offset),
        key: key?.toString(),
        value: value ?? undefined,
        headers: textOf(headers),
      })),
    }
    const lost = await beating(heartbeat, closing, (signal) => untilHandled(slice, handle, signal, to.onTrouble))
    if (lost) return
    const { topic, partition } = batch
    await commitOffsetsIfNecessary({
      topics: [{ topic, partitions: [{ partition, offset: `${BigInt(last.offset) + 1n}` }] }],
    })
    resolveOffset(last.offset)
  }
}

/** Beats the heart of the group while a slice is handled. Answers whether the slice was left; rejects where the group was. */
const beating = async (
  heartbeat: () => Promise<void>,
  closing: AbortSignal,
  work: (signal: AbortSignal) => Promise<boolean>,
): Promise<boolean> => {
  const lost = new AbortController()
  let beat: Promise<void> = Promise.resolve()
  let failure: { readonly error: unknown } | undefined
  const timer = setInterval(() => {
    beat = beat.then(heartbeat).catch((error) => {
      failure ??= { error }
      lost.abort()
    })
  }, heartbeatInterval)
  try {
    const handled = await work(AbortSignal.any([closing, lost.signal]))
    await beat
    if (failure !== undefined) throw failure.error
    return !handled
  } finally {
    clearInterval(timer)
  }
}

const textOf = (headers: Readonly<Record<string, unknown>>): Record<string, string> => {
  const texts: Record<string, string> = {}
  for (const [name, value] of Object.entries(headers)) {
    // A header may stand there several times: the last one counts.
    const one: unknown = Array.isArray(value) ? value.at(-1) : value
    if (one !== undefined && one !== null) texts[name] = String(one)
  }
  return texts
}
