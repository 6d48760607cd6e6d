/**
 * `@holdfast/adapters/kafka`: a topic as the bus of a shop, and consumers of it whose effects happen once, over the client of
 * your choice.
 */
export {
  type ConsumeCounts,
  type ConsumeOptions,
  consumeEvents,
  type EventConsumer,
} from "./consumeEvents.ts"
export type { InboxClient, InboxConnection, InboxPool } from "./Inbox.ts"
export { inboxSql } from "./inboxSql.ts"
export { type KafkaBus, type KafkaBusCounts, type KafkaBusOptions, kafka } from "./KafkaBus.ts"
export { type KafkaRequestsOptions, kafkaRequests } from "./KafkaRequests.ts"
export { type KafkajsOptions, kafkajs } from "./kafkajs.ts"
export { type MemoryKafkaOptions, memoryKafka } from "./memoryKafka.ts"
export { type PlatformaticOptions, platformatic } from "./platformatic.ts"
export { type ResendOptions, resendDeadLetters } from "./resendDeadLetters.ts"
export {
  type HandleSlice,
  KafkaFault,
  type KafkaPlace,
  type KafkaReceived,
  type KafkaRecord,
  type KafkaSlice,
  type KafkaSubscription,
  type KafkaTransport,
  type SubscribeTo,
  type TopicSpec,
} from "./Transport.ts"
