/**
 * One part of the example in a process of its own, as in earnest: the buyers, the shipping service, or the answers. Its argument
 * is JSON. `dieAt` names a moment at which it kills itself, the `dieAfter`-th time that it comes.
 */
import { kafkajs } from "@holdfast/adapters/kafka"
import pg from "pg"
import { startAnswers } from "./answers.ts"
import { startShipping } from "./shipping.ts"
import { buyAll, openShop } from "./shop.ts"
import { type Moment, topicsOf } from "./topics.ts"

export interface PartOptions {
  readonly part: "buyers" | "shipping" | "answers"
  readonly broker: string
  readonly url: string
  readonly name: string
  readonly orders: number
  readonly dieAt?: Moment | undefined
  readonly dieAfter?: number | undefined
}

const given: PartOptions = JSON.parse(process.argv[2] ?? "{}")
const { part, broker, url, name, orders, dieAt, dieAfter = 1 } = given
let came = 0
const at = (moment: Moment): void => {
  if (moment === dieAt && ++came === dieAfter) process.kill(process.pid, "SIGKILL")
}
const kafka = kafkajs({ brokers: [broker] })
const topics = topicsOf(name)

if (part === "shipping") {
  const pool = new pg.Pool({ connectionString: url, max: 8 })
  pool.on("error", () => {})
  await startShipping({ kafka, topics, pool, schema: `${name}_shipping`, at })
} else {
  const shop = openShop(url, `${name}_shop`, kafka, topics)
  if (part === "buyers") await buyAll(shop, orders, at)
  else await startAnswers({ kafka, topics, shop, at })
}
process.stdout.write("ready\n")
