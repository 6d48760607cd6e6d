/**
 * `consumeEvents({ … })`: the events of a topic, each with its effect in a PostgreSQL database exactly once.
 *
 * One slice of one partition is one transaction: the ids of its events go into the inbox, the handler does its work with
 * those that were new there, both are committed, and only then the offset. Whoever repeats a slice finds its ids taken; a
 * member that lost its partition meanwhile waits for them, and then finds them taken, too.
 */
import { type Event, Options } from "@holdfast/core"
import { quietly, textOfThrown } from "@holdfast/core/ports"
import { withoutValue } from "./deadLetters.ts"
import {
  answerMillisOf,
  defaultRetentionDays,
  forgettingMillis,
  hear,
  Inbox,
  type InboxClient,
  type InboxPool,
  inTransaction,
} from "./Inbox.ts"
import { defaultInboxSchema, schemaCheck } from "./inboxSql.ts"
import { once } from "./once.ts"
import { openTopic, topicSpec } from "./openTopic.ts"
import { SliceHandler } from "./SliceHandler.ts"
import { KafkaFault, type KafkaTransport } from "./Transport.ts"
import { longestTopic, topicCheck } from "./topicOptions.ts"

export interface ConsumeOptions {
  /** The client: `kafkajs({ brokers })`, `platformatic({ brokers })`, or one of your own. */
  readonly kafka: KafkaTransport
  /** The topic of a shop's events. */
  readonly topic: string
  /**
   * The consumer group. Members of it share the partitions. It belongs to this topic alone: where members of one group consume
   * several topics, clients give partitions to members that do not read them, and nobody handles those.
   */
  readonly group: string
  /**
   * A pool of connections to the database of the effects, as `pg` has it. One transaction a partition at a time, four at most.
   * It gets a listener for connections that break, as an event without one would end the process.
   */
  readonly pool: InboxPool
  /**
   * Does what events are for, in the transaction `tx`, which it neither commits nor rolls back. Gets events of one partition
   * in order, each of them once, whatever comes again. Only what is done with `tx` happens exactly once.
   */
  readonly handle: (events: ReadonlyArray<Event>, tx: InboxClient) => unknown
  /** Under which name the inbox knows this consumer: keep it where a group is replaced by another. Default: the group. */
  readonly consumer?: string | undefined
  /** The schema of the inbox. `holdfast_inbox`. */
  readonly schema?: string | undefined
  /** The most events of one transaction, 1 to 10,000. 100. */
  readonly batch?: number | undefined
  /** How often an event is tried before it is a dead letter, 1 to 100. 5. */
  readonly attempts?: number | undefined
  /** The pause before another attempt, in milliseconds; it doubles, to 10,000 at most. 100. */
  readonly backoffMillis?: number | undefined
  /**
   * How long one attempt of `handle` may take, and each statement of it, in milliseconds, 1 to 86,400,000. Then the attempt has
   * failed and its connection is destroyed. 30,000.
   */
  readonly handlerTimeoutMillis?: number | undefined
  /** The topic of dead letters. Made where it is not there. Default: `<topic>.<group>.dlq`. */
  readonly deadLetter?: string | undefined
  /** How many brokers keep that topic. 3. */
  readonly replication?: number | undefined
  /**
   * What becomes of later events of a key of which one is a dead letter: they are handled, or they are kept in the inbox and
   * handled when that one was sent again. `"go on"`.
   */
  readonly afterDeadLetter?: "go on" | "hold the key" | undefined
  /** How long an id is remembered, in days: longer than the topic keeps its records, `retention.ms` and `segment.ms` together. 15. */
  readonly retentionDays?: number | undefined
  /** Told of whatever goes wrong and is tried again. Default: a warning of the process. */
  readonly onTrouble?: ((trouble: unknown) => void) | undefined
}

/** What a consumer did in this process. */
export interface ConsumeCounts {
  readonly handled: number
  /** Events that came again, and were left out. */
  readonly repeats: number
  readonly deadLetters: number
  /** Events that wait behind a dead letter of their key. */
  readonly held: number
}

export interface EventConsumer {
  readonly counts: () => ConsumeCounts
  /** How old the last event was when it was handled, in milliseconds. Undefined before the first. */
  readonly lagMillis: () => number | undefined
  /** By partition, how many records the group has not committed. */
  readonly lag: () => Promise<ReadonlyMap<number, bigint>>
  /**
   * Ends when the slices in hand have ended, and leaves the group. Waits for a handler no longer than `handlerTimeoutMillis`.
   * The pool and the client stay open.
   */
  readonly close: () => Promise<void>
}

const named = Options.must(
  "1 to 200 of the characters a-z, A-Z, 0-9, ., _ and -",
  (value) => typeof value === "string" && /^[\w.-]{1,200}$/.test(value),
)

const checks: Options.Checks<ConsumeOptions> = {
  kafka: Options.must(
    "a transport, such as kafkajs({ brokers })",
    (value) => typeof value === "object" && value !== null && "publish" in value,
  ),
  topic: topicCheck(200),
  group: named,
  pool: Options.must(
    "a pool, such as new pg.Pool()",
    (value) => typeof value === "object" && value !== null && "connect" in value,
  ),
  handle: Options.aFunction,
  consumer: named,
  schema: schemaCheck,
  batch: Options.wholeNumber(1, 10_000),
  attempts: Options.wholeNumber(1, 100),
  backoffMillis: Options.wholeNumber(1, 10_000),
  handlerTimeoutMillis: Options.wholeNumber(1, 86_400_000),
  deadLetter: topicCheck(200),
  replication: Options.wholeNumber(1, 100),
  afterDeadLetter: Options.oneOf("go on", "hold the key"),
  retentionDays: Options.wholeNumber(1, 36_500),
  onTrouble: Options.aFunction,
}

/** How often ids are forgotten that are old enough. */
const forgetMillis = 3_600_000
/** The most rounds of one time, of 10,000 ids each. */
const mostForgetting = 1_000

/** Begins to consume. The tables of the inbox must be there: `holdfast sql --inbox`, or `inboxSql()`. */
export const consumeEvents = async (options: ConsumeOptions): Promise<EventConsumer> => {
  Options.check(options, checks, ["kafka", "topic", "group", "pool", "handle"])
  const { kafka, topic, group, pool, handle } = options
  const {
    consumer = group,
    schema = defaultInboxSchema,
    batch = 100,
    retentionDays = defaultRetentionDays,
    replication = 3,
    handlerTimeoutMillis = 30_000,
  } = options
  const { deadLetter = `${topic}.${group}.dlq` } = options
  if (deadLetter.length > longestTopic) {
    const message = `must be given: topic, group and .dlq have ${deadLetter.length} characters, and a topic at most ${longestTopic}`
    Options.refuse([{ pointer: "/deadLetter", message }])
  }
  const onTrouble = (trouble: unknown): void => void quietly(() => (options.onTrouble ?? warn)(trouble))
  const inbox = new Inbox(schema, consumer, answerMillisOf(handlerTimeoutMillis))
  hear(pool)
  // Where they are not there, said now and not by the first event.
  await inTransaction(pool, (client) => inbox.held(client, []), handlerTimeoutMillis)
  // A letter is all that is left of an event that has had no effect: it waits for whoever sends it again.
  const letters = topicSpec(deadLetter, 1, { replication }, "for ever")
  const deadLetters = once(() => openTopic(kafka, letters))
  const handler = new SliceHandler({
    inbox,
    pool,
    handle,
    consumer,
    batch,
    attempts: options.attempts ?? 5,
    backoffMillis: options.backoffMillis ?? 100,
    handlerTimeoutMillis,
    holdsKeys: options.afterDeadLetter === "hold the key",
    onTrouble,
    sendDeadLetter: async (record) => {
      await deadLetters.get()
      try {
        await kafka.publish(deadLetter, [record])
        return true
      } catch (error) {
        if (!(error instanceof KafkaFault && error.isTooLarge)) {
          // The topic may have been removed.
          await deadLetters.drop()
          throw error
        }
        await kafka.publish(deadLetter, [withoutValue(record)])
        return false
      }
    },
  })
  let isClosing = false
  const forget = async () => {
    for (let round = 0; round < mostForgetting && !isClosing; round++) {
      if ((await inTransaction(pool, (client) => inbox.forget(client, retentionDays), forgettingMillis)) === 0) return
    }
  }
  // First, for where it cannot be joined nothing is left behind that nobody closes.
  const subscription = await kafka.subscribe({ topic, group, maxSlice: batch, onTrouble }, handler.handle)
  let forgetting = forget().catch(onTrouble)
  const timer = setInterval(() => {
    forgetting = forgetting.then(forget).catch(onTrouble)
  }, forgetMillis)
  timer.unref()
  return {
    counts: () => ({ ...handler.counts }),
    lagMillis: () => handler.lagMillis,
    lag: () => kafka.lag(group, topic),
    close: async () => {
      isClosing = true
      clearInterval(timer)
      await subscription.close()
      await forgetting
    },
  }
}

const warn = (trouble: unknown): void => {
  process.emitWarning(textOfThrown(trouble), { type: "HoldfastWarning", code: "HOLDFAST_CONSUMER" })
}
