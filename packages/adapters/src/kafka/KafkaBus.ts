/**
 * `kafka({ … })`: a topic as the bus of a shop.
 *
 * The relay hands batches over one after the other, in order; each is stored by all replicas that are in sync before the
 * next one is sent. The key of an event decides its partition, so that the topic has the events of a key in the order of
 * their commits. A batch whose acknowledgement is lost is published again, so consumers meet repeats: `ce_id` tells them.
 */
import { type BusOption, Options, type StoredEvent } from "@holdfast/core"
import { type BusFault, EventBus, textOfThrown } from "@holdfast/core/ports"
import { Effect, Layer } from "effect"
import { againFor } from "./deadLetters.ts"
import { type Envelope, envelopeOf, eventIn, sizeOf, stubOf } from "./envelope.ts"
import { letGo } from "./letGo.ts"
import { partitionOf } from "./murmur2.ts"
import { once } from "./once.ts"
import { openTopic, topicSpec } from "./openTopic.ts"
import { defaultBatchBytes, partsBySize } from "./parts.ts"
import { KafkaFault, type KafkaSlice, type KafkaTransport } from "./Transport.ts"
import { longestTopic, topicCheck, whyNotCopies } from "./topicOptions.ts"

export interface KafkaBusOptions {
  /** The client: `kafkajs({ brokers })`, `platformatic({ brokers })`, or one of your own. */
  readonly kafka: KafkaTransport
  /** The topic of all events. */
  readonly topic: string
  /** Where events come from, as a URI reference: `ce_source`. `/holdfast`. */
  readonly source?: string | undefined
  /** Of a topic that does not exist yet. 12. Never changed later, for that would tear keys apart. */
  readonly partitions?: number | undefined
  /** How many brokers keep a topic that does not exist yet. 3. */
  readonly replication?: number | undefined
  /** How many of these have to have a record before it counts. 2, or 1 where `replication` is 1. */
  readonly minInSync?: number | undefined
  /** The largest batch that is sent, in bytes, about. 524,288. Larger events are sent alone. */
  readonly batchBytes?: number | undefined
  /** The most records that a subscriber is handed at once, 1 to 10,000. 500. */
  readonly maxSlice?: number | undefined
}

/** What a bus did in this process. */
export interface KafkaBusCounts {
  /** Records that were acknowledged, stubs among them. */
  readonly published: number
  /** Events that no broker takes, of which a record without data was published. */
  readonly stubs: number
  /** Records that a subscriber left out, because they are stubs or no events of a shop. */
  readonly skipped: number
}

export interface KafkaBus extends BusOption {
  readonly counts: () => KafkaBusCounts
}

const checks: Options.Checks<KafkaBusOptions> = {
  kafka: Options.must(
    "a transport, such as kafkajs({ brokers })",
    (value) => typeof value === "object" && value !== null && "publish" in value,
  ),
  topic: topicCheck(longestTopic),
  source: Options.must("text", (value) => typeof value === "string" && value !== ""),
  partitions: Options.wholeNumber(1, 10_000),
  replication: Options.wholeNumber(1, 100),
  minInSync: Options.wholeNumber(1, 100),
  batchBytes: Options.wholeNumber(1_024, 64 * 1_024 * 1_024),
  maxSlice: Options.wholeNumber(1, 10_000),
}

/** A topic as the bus of a shop: `createHoldfast({ bus: kafka({ kafka: kafkajs({ brokers }), topic: "shop.events" }) })`. */
export const kafka = (options: KafkaBusOptions): KafkaBus => {
  Options.check(options, checks, ["kafka", "topic"])
  Options.refuse(whyNotCopies(options))
  const bus = new TopicBus(options)
  const layer = Layer.effect(
    EventBus,
    Effect.acquireRelease(
      Effect.sync(() => EventBus.of({ publish: bus.publish, subscribe: bus.subscribe })),
      () => letGo(options.kafka),
    ),
  )
  return { name: `kafka (${options.kafka.name})`, layer, counts: () => ({ ...bus.counts }) }
}

// Without the error itself, whose stacks of three libraries would be in the log for one broker that is away.
const fault = (cause: unknown): BusFault => ({ _tag: "BusFault", reason: reasonOf(cause) })

const reasonOf = (cause: unknown): string =>
  cause instanceof KafkaFault && cause.cause !== undefined
    ? `${cause.message} ${textOfThrown(cause.cause)}`
    : textOfThrown(cause)

/** One of the clients takes no group with a blank in it, which names may have. */
const inGroup = (name: string): string => name.replace(/[\s%]/gu, encodeURIComponent)

class TopicBus {
  readonly counts = { published: 0, stubs: 0, skipped: 0 }
  readonly #kafka: KafkaTransport
  readonly #topic: string
  readonly #source: string
  readonly #batchBytes: number
  readonly #maxSlice: number
  /** How many partitions the topic has, once it is there. */
  readonly #partitions: { readonly get: () => Promise<number>; readonly drop: () => Promise<void> }

  constructor({ kafka: transport, topic, ...options }: KafkaBusOptions) {
    const { source = "/holdfast", batchBytes = defaultBatchBytes, maxSlice = 500 } = options
    const { partitions = 12 } = options
    this.#kafka = transport
    this.#topic = topic
    this.#source = source
    this.#batchBytes = batchBytes
    this.#maxSlice = maxSlice
    this.#partitions = once(() => openTopic(transport, topicSpec(topic, partitions, options)))
  }

  readonly publish = (events: ReadonlyArray<StoredEvent>): Effect.Effect<void, BusFault> =>
    Effect.tryPromise({
      try: async (signal) => {
        const partitions = await this.#partitions.get()
        const envelopes = events.map((event) => envelopeOf(event, this.#source))
        for (const part of partsBySize(envelopes, sizeOf, this.#batchBytes)) {
          // Whoever lost the right to publish begins nothing more.
          if (signal.aborted) return
          await this.#store(part, partitions)
        }
      },
      catch: fault,
    })

  async #store(envelopes: ReadonlyArray<Envelope>, partitions: number): Promise<void> {
    const records = envelopes.map((each) => ({ ...each, partition: partitionOf(each.key, partitions) }))
    try {
      await this.#kafka.publish(this.#topic, records)
      this.counts.published += records.length
    } catch (error) {
      if (!(error instanceof KafkaFault && error.isTooLarge)) {
        // The topic may have been made anew, with other numbers.
        await this.#partitions.drop()
        throw error
      }
      const [first, ...others] = envelopes
      if (first === undefined) return
      if (others.length > 0) {
        const middle = envelopes.length >> 1
        await this.#store(envelopes.slice(0, middle), partitions)
        return this.#store(envelopes.slice(middle), partitions)
      }
      // It must not hold up all that come after it. What there is to know about it stays in the store.
      if (first.headers.ce_type?.endsWith(".toolarge")) throw error
      this.counts.stubs += 1
      await this.#store([stubOf(first)], partitions)
    }
  }

  readonly subscribe: EventBus["Service"]["subscribe"] = (name, handler) =>
    Effect.gen({ self: this }, function* () {
      const context = yield* Effect.context<Effect.Services<ReturnType<typeof handler>>>()
      const run = Effect.runPromiseWith(context)
      // With the topic in it, for members of one group of whom some have other topics are given partitions of those, too,
      // and nobody serves them.
      const group = `${this.#topic}.${inGroup(name)}`
      const handle = async ({ records }: KafkaSlice, signal: AbortSignal) => {
        // A dead letter that is sent again is for its own consumer: the event itself came here when it was new.
        const mine = records.filter((record) => (againFor(record) ?? group) === group)
        const events = mine.map(eventIn).filter((event) => event !== undefined)
        this.counts.skipped += mine.length - events.length
        if (events.length > 0) await run(handler(events), { signal })
      }
      const to = {
        topic: this.#topic,
        group,
        maxSlice: this.#maxSlice,
        onTrouble: (trouble: unknown) =>
          void run(
            Effect.logWarning(`The subscriber "${name}" of ${this.#topic} tries again. ${textOfThrown(trouble)}`),
          ),
      }
      yield* Effect.acquireRelease(
        Effect.tryPromise({
          try: async () => {
            await this.#partitions.get()
            return this.#kafka.subscribe(to, handle)
          },
          catch: fault,
        }),
        (subscription) => Effect.promise(subscription.close),
      )
    })
}
