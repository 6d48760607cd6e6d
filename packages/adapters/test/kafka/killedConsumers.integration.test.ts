/**
 * BUS-04 where it is hardest: consumers of a real broker that are killed in the middle, both clients.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { type Kafka, leaveOut, privateKafka } from "@holdfast/test-services"
import pg from "pg"
import { afterAll, beforeAll, expect, it, onTestFinished } from "vitest"
import { envelopeOf } from "../../src/kafka/envelope.ts"
import { inboxSql, kafkajs } from "../../src/kafka/index.ts"
import { partitionOf } from "../../src/kafka/murmur2.ts"
import { freshSchema, serverForFile } from "../support/stores.ts"
import { events } from "./events.ts"

const { server, url } = serverForFile("killed consumers of Kafka")
let cluster: Kafka | undefined
beforeAll(async () => {
  cluster = await privateKafka("killed consumers of Kafka")
})
afterAll(() => cluster?.stop())

const partitions = 4
const program = fileURLToPath(new URL("./consumerProcess.ts", import.meta.url))

it.each(["kafkajs", "@platformatic/kafka"])(
  "BUS-04: given consumers over %s that are killed in the middle → every effect happens once, each key in order",
  async (client) => {
    const broker = cluster?.brokers[0]?.address
    if (broker === undefined || server() === undefined) return leaveOut("killed consumers of Kafka")
    const schema = freshSchema()
    const topic = `killed-${schema}`
    const pool = new pg.Pool({ connectionString: url(), max: 2 })
    pool.on("error", () => {})
    await pool.query(inboxSql({ schema }))
    await pool.query(
      `create table ${schema}.effect (n bigint generated always as identity, event_id text, event_key text)`,
    )
    const kafka = kafkajs({ brokers: [broker] })
    const running = new Set<ChildProcess>()
    onTestFinished(async () => {
      for (const child of running) child.kill("SIGKILL")
      await kafka.close()
      await pool.query(`drop schema ${schema} cascade`)
      await pool.end()
    })
    await kafka.ensureTopics([{ topic, partitions, replication: 1, settings: {} }])
    const all = events(1_500, 11)
    await kafka.publish(
      topic,
      all.map((each) => {
        const envelope = envelopeOf(each, "/shop")
        return { ...envelope, partition: partitionOf(envelope.key, partitions) }
      }),
    )
    const start = () => {
      const given = JSON.stringify({ client, broker, topic, url: url(), schema })
      const child = spawn(process.execPath, ["--conditions=@holdfast/source", "--no-warnings", program, given], {
        stdio: ["ignore", "pipe", "inherit"],
      })
      running.add(child)
      child.once("exit", () => running.delete(child))
      return child
    }
    const effects = async () => Number((await pool.query(`select count(*) as n from ${schema}.effect`)).rows[0].n)
    const inTheMiddle = async (child: ChildProcess) => {
      for (let slices = 0; slices < 6; slices++) await once(child.stdout ?? child, "data")
    }
    for (let kill = 0; kill < 2 && (await effects()) < all.length; kill++) {
      const child = start()
      await Promise.race([inTheMiddle(child), expect.poll(effects).toBe(all.length)])
      child.kill("SIGKILL")
    }
    start()
    await expect.poll(effects).toBeGreaterThanOrEqual(all.length)
    const { rows } = await pool.query(`select event_id, event_key from ${schema}.effect order by n`)
    expect(rows.length).toBe(all.length)
    const seen = Map.groupBy(rows, (row) => row.event_key)
    for (const [key, ofKey] of Map.groupBy(all, (each) => each.key)) {
      expect(
        seen.get(key)?.map((row) => row.event_id),
        key,
      ).toEqual(ofKey.map(({ id }) => id))
    }
  },
)

it("given dead letters on a broker → holdfast resend sends them again, and once only", async () => {
  const broker = cluster?.brokers[0]?.address
  if (broker === undefined) return leaveOut("holdfast resend")
  const topic = `resent-${freshSchema()}`
  const kafka = kafkajs({ brokers: [broker] })
  onTestFinished(() => kafka.close())
  const deadLetter = `${topic}.billing.dlq`
  await kafka.ensureTopics(
    [topic, deadLetter].map((each) => ({ topic: each, partitions: 1, replication: 1, settings: {} })),
  )
  const [letter] = events(1, 1).map((each) => envelopeOf(each, "/shop"))
  if (letter === undefined) throw new Error("no event")
  const headers = {
    ...letter.headers,
    "dlq-consumer": "billing",
    "dlq-topic": topic,
    "dlq-partition": "0",
    "dlq-offset": "5",
    "dlq-reason": "Error: no such account",
  }
  await kafka.publish(deadLetter, [{ ...letter, headers, partition: 0 }])
  const resend = async (...more: ReadonlyArray<string>) => {
    const command = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url))
    const args = ["--conditions=@holdfast/source", "--no-warnings", command, "resend", "--kafka", broker]
    const { stdout } = await promisify(execFile)(process.execPath, [...args, "--dead-letter", deadLetter, ...more])
    return stdout.trim()
  }
  expect(await resend("--reason", "no such account")).toBe("1 dead letter was sent again.")
  expect(await resend()).toBe("0 dead letters were sent again.")
  const seen: Array<unknown> = []
  const reader = await kafka.subscribe(
    { topic, group: `${topic}-reader`, maxSlice: 10, onTrouble: () => {} },
    async ({ records }) => void seen.push(...records.map(({ headers: read }) => [read.ce_id, read["dlq-again"]])),
  )
  onTestFinished(reader.close)
  await expect.poll(() => seen).toEqual([[letter.headers.ce_id, "billing 0.0"]])
})
