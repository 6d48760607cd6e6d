/**
 * A compensation whose parts are killed at every step: each on processes of its own, over a real broker.
 */
import { type ChildProcess, execFile, spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"
import { promisify } from "node:util"
import { kafkajs } from "@holdfast/adapters/kafka"
import { anyServer, type Kafka, leaveOut, privateKafka, type Server } from "@holdfast/test-services"
import pg from "pg"
import { afterAll, beforeAll, expect, it } from "vitest"
import type { PartOptions } from "../src/part.ts"
import { recount } from "../src/recount.ts"
import { shippingSql } from "../src/shipping.ts"
import { buyAll, openShop } from "../src/shop.ts"
import { type Moment, makeTopics, moments, topicsOf } from "../src/topics.ts"

let cluster: Kafka | undefined
let server: Server | undefined
beforeAll(async () => {
  server = await anyServer("a compensation")
  cluster = await privateKafka("a compensation")
})
afterAll(async () => {
  await cluster?.stop()
  await server?.stop()
})

const [orders, room] = [12, 7]
const partOf: Record<Moment, PartOptions["part"]> = {
  "the order is placed": "buyers",
  "the verdict is written": "shipping",
  "the verdict is committed": "shipping",
  "the verdict is published": "shipping",
  "the answer is about to be given": "answers",
  "the answer is given": "answers",
}
const sources = fileURLToPath(new URL("../src", import.meta.url))
const flags = ["--conditions=@holdfast/source", "--no-warnings"]
let worlds = 0

// At once: most of the time is spent waiting until Kafka takes the dead member of a group for dead.
it.concurrent.for(moments)(
  "given a process that is killed when %s → every order is shipped, or cancelled and paid back, once",
  async (moment, { expect, onTestFinished }) => {
    const broker = cluster?.brokers[0]?.address
    if (broker === undefined || server === undefined) return leaveOut("a compensation")
    const { url } = server
    const name = `killed_${process.pid}_${worlds++}`
    const topics = topicsOf(name)
    const kafka = kafkajs({ brokers: [broker] })
    await makeTopics(kafka, topics)
    const pool = new pg.Pool({ connectionString: url, max: 2 })
    pool.on("error", () => {})
    await pool.query(shippingSql(`${name}_shipping`, room))
    const shop = openShop(url, `${name}_shop`, kafka, topics)
    const running = new Set<ChildProcess>()
    onTestFinished(async () => {
      for (const child of running) child.kill("SIGKILL")
      await shop.stop()
      await kafka.close()
      for (const schema of [`${name}_shipping`, `${name}_shop`]) await pool.query(`drop schema ${schema} cascade`)
      await pool.end()
    })
    await shop.start()

    const begin = (part: PartOptions["part"], dieAt?: Moment): ChildProcess => {
      const given: PartOptions = { part, broker, url, name, orders, dieAt, dieAfter: 2 }
      const child = spawn(process.execPath, [...flags, `${sources}/part.ts`, JSON.stringify(given)], {
        stdio: ["ignore", "ignore", "inherit"],
      })
      running.add(child)
      child.once("exit", () => running.delete(child))
      return child
    }
    const dying = begin(partOf[moment], moment)
    for (const part of ["buyers", "shipping", "answers"] as const) if (part !== partOf[moment]) begin(part)
    const [, signal] = await once(dying, "exit")
    expect(signal).toBe("SIGKILL")
    begin(partOf[moment])

    const placed = await buyAll(shop, orders)
    await expect.poll(async () => (await recount(shop, placed, pool, `${name}_shipping`, room)).open).toBe(0)
    expect(await recount(shop, placed, pool, `${name}_shipping`, room)).toEqual({
      shipped: room,
      declined: orders - room,
      open: 0,
      wrong: [],
    })
  },
)

it("runs in one process, as its page says", async () => {
  if (server === undefined) return leaveOut("a compensation in one process")
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, `${sources}/main.ts`])
  expect(stdout).toContain("12 shipped and completed, 8 declined, cancelled and paid back\neverything adds up")
})
