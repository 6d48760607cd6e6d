/**
 * All that Holdfast needs of Kafka: the port between it and a client library. `kafkajs({ … })`, `platformatic({ … })` and
 * `memoryKafka()` answer one, and anybody may write another.
 *
 * **Delivery.** Everything is at least once. Nothing rests on transactions or on idempotent producers of a client.
 *
 * **Order.** Records of one partition are stored in the order of the `publish` calls, which the transport runs one after
 * the other.
 */

export interface KafkaRecord {
  readonly partition: number
  readonly key: string
  readonly value: Uint8Array
  readonly headers: Readonly<Record<string, string>>
}

/** Where a record is stored. */
export interface KafkaPlace {
  readonly partition: number
  readonly offset: bigint
}

/** A record that was read. Whoever wrote it may have left anything out. */
export interface KafkaReceived {
  readonly offset: bigint
  readonly key: string | undefined
  readonly value: Uint8Array | undefined
  readonly headers: Readonly<Record<string, string>>
}

/** Records of one partition that follow each other, at least one. */
export interface KafkaSlice {
  readonly topic: string
  readonly partition: number
  readonly records: ReadonlyArray<KafkaReceived>
}

export interface SubscribeTo {
  readonly topic: string
  /** The consumer group. One that is new begins with the oldest record. */
  readonly group: string
  /** The most records of one slice. */
  readonly maxSlice: number
  /** Told of what went wrong and is tried again. */
  readonly onTrouble: (trouble: unknown) => void
}

/**
 * Handles a slice. The slice counts as handled, and its offset is committed, when the promise fulfils; after a rejection
 * it is handed over again. `signal` aborts when the partition is another member's, or the subscription closes.
 *
 * A client fetches more when what it fetched before is handled. So a slice that is never handled holds up the other
 * partitions of the same member, too: whoever cannot handle a record puts it aside and fulfils.
 */
export type HandleSlice = (slice: KafkaSlice, signal: AbortSignal) => Promise<void>

export interface KafkaSubscription {
  /** Leaves the group when the slice in hand has ended. Waits for brokers that do not answer for some seconds only. */
  readonly close: () => Promise<void>
}

/** A topic as it should be. */
export interface TopicSpec {
  readonly topic: string
  readonly partitions: number
  readonly replication: number
  /** Settings such as `min.insync.replicas`. */
  readonly settings: Readonly<Record<string, string>>
}

export interface KafkaTransport {
  readonly name: string
  /**
   * Stores the records, with the acknowledgement of all replicas that are in sync, and answers the place of each, in order.
   * Rejects with a {@link KafkaFault}; some of them may be stored then.
   */
  readonly publish: (topic: string, records: ReadonlyArray<KafkaRecord>) => Promise<ReadonlyArray<KafkaPlace>>
  /** Hands over the topic's records, one slice of a partition at a time, until it is closed. Loses a broker and finds it again. */
  readonly subscribe: (to: SubscribeTo, handle: HandleSlice) => Promise<KafkaSubscription>
  /** How many partitions a topic has; undefined where it does not exist. */
  readonly partitions: (topic: string) => Promise<number | undefined>
  /**
   * What tells a topic from another one of its name that was made later. A UUID. Absent where the client does not know:
   * then the name has to do, and a topic that is made anew needs another one.
   */
  readonly topicId?: ((topic: string) => Promise<string | undefined>) | undefined
  /** By partition, how many records that are there the group has not committed. */
  readonly lag: (group: string, topic: string) => Promise<ReadonlyMap<number, bigint>>
  /** Makes topics that do not exist, and waits until they can be used. Those that do stay as they are. */
  readonly ensureTopics: (specs: ReadonlyArray<TopicSpec>) => Promise<void>
  /**
   * Lets go of the connections to publish and to ask, after what is in hand. They are opened again at the next use.
   * Subscriptions stay until they are closed themselves.
   */
  readonly close: () => Promise<void>
}

/** What a transport's `publish` rejects with. */
export class KafkaFault extends Error {
  override readonly name = "KafkaFault"
  /** The broker can never take a batch like this: it is too large. Otherwise it may have been stored, and may be sent again. */
  readonly isTooLarge: boolean

  constructor(isTooLarge: boolean, cause: unknown) {
    super(isTooLarge ? "The broker takes no batch as large as this." : "Kafka did not acknowledge a batch.", { cause })
    this.isTooLarge = isTooLarge
  }
}
