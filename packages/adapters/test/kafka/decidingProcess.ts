/** A process that decides coupon requests, to be killed. Its argument is JSON; it says when its shop has started. */
import { kafkajs, kafkaRequests, platformatic } from "@holdfast/adapters/kafka"
import { postgres } from "@holdfast/adapters/postgres"
import { createHoldfast } from "@holdfast/core"

const { client, brokers, replication, topic, url, schema } = JSON.parse(process.argv[2] ?? "{}")
const kafka = (client === "kafkajs" ? kafkajs : platformatic)({ brokers })
const shop = createHoldfast({
  store: postgres({ url, schema, lanes: 1 }),
  requests: kafkaRequests({ kafka, topic, partitions: 3, replication }),
  logger: () => {},
})
await shop.start()
process.stdout.write("deciding\n")
