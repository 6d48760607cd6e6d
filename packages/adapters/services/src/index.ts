/**
 * The servers that tests, examples and benches start for themselves, by name from any workspace.
 */

export { clockAhead, hasFaketime } from "./clocks.ts"
export { freePort } from "./freePort.ts"
export { type Kafka, type KafkaBroker, type KafkaOptions, privateKafka } from "./kafka.ts"
export { type KafkaProxy, proxyToBroker } from "./kafkaProxy.ts"
export { leaveOut } from "./leaveOut.ts"
export { commandMillis, hangMillis } from "./limits.ts"
export { type Pooler, type PoolMode, privatePooler } from "./pgbouncer.ts"
export { anyServer, privateServer, untilAnswers } from "./postgres.ts"
export { type CuttableWire, type LastWords, proxyTo } from "./proxy.ts"
export {
  privateRedis,
  privateRedisCluster,
  type RedisCluster,
  type RedisOptions,
  type RedisServer,
} from "./redis.ts"
export type { Server } from "./Server.ts"
export { serverUser } from "./serverUser.ts"
export { type SmallVolume, smallVolume } from "./smallVolume.ts"
export { asked, type Pair, privatePair, until } from "./standby.ts"
