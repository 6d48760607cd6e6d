/**
 * What the shop's side and the shipping service agree on: two topics, and what the second one says.
 */
import type { KafkaTransport } from "@holdfast/adapters/kafka"

export interface Topics {
  /** The shop's events, as its bus publishes them. */
  readonly orders: string
  /** What the shipping service says of each order. One partition: it needs no more, and keeps everything in order. */
  readonly verdicts: string
}

export const topicsOf = (name: string): Topics => ({ orders: `${name}.orders`, verdicts: `${name}.verdicts` })

/** What becomes of an order. It never changes: a verdict that comes again says the same. */
export interface Verdict {
  readonly orderId: string
  readonly accountId: string
  readonly verdict: "shipped" | "declined"
}

/** Both topics, made where they are not there. */
export const makeTopics = (kafka: KafkaTransport, { orders, verdicts }: Topics): Promise<void> =>
  kafka.ensureTopics([
    { topic: orders, partitions: 3, replication: 1, settings: {} },
    { topic: verdicts, partitions: 1, replication: 1, settings: {} },
  ])

/** The moments at which a process may die, in the order in which an order meets them. The test kills it at each. */
export const moments = [
  "the order is placed",
  "the verdict is written",
  "the verdict is committed",
  "the verdict is published",
  "the answer is about to be given",
  "the answer is given",
] as const
export type Moment = (typeof moments)[number]

/** Told of each moment. Does nothing in earnest. */
export type At = (moment: Moment) => void
