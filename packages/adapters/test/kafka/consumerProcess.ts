/** A consumer in a process of its own, to be killed. Its arguments are JSON; it says when it has joined. */
import { consumeEvents, kafkajs, platformatic } from "@holdfast/adapters/kafka"
import pg from "pg"

const { client, broker, topic, url, schema } = JSON.parse(process.argv[2] ?? "{}")
const pool = new pg.Pool({ connectionString: url, max: 6 })
pool.on("error", () => {})
const kafka = (client === "kafkajs" ? kafkajs : platformatic)({ brokers: [broker] })

await consumeEvents({
  kafka,
  topic,
  group: `${topic}.billing`,
  pool,
  schema,
  replication: 1,
  batch: 20,
  onTrouble: () => {},
  handle: async (events, tx) => {
    for (const { id, key } of events) {
      await tx.query(`insert into ${schema}.effect (event_id, event_key) values ($1, $2)`, [id, key])
    }
    process.stdout.write(".")
    // Long enough to be killed in the middle.
    await tx.query("select pg_sleep(0.01)")
  },
})
