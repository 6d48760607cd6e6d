/**
 * A game day: a fleet on a server with a synchronous standby, people who buy, and one fault after the other. It ends with a
 * recount from outside.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { postgres } from "@holdfast/adapters/postgres"
import { createHoldfast } from "@holdfast/core"
import { asked, privateKafka, privatePair, privateRedis } from "@holdfast/test-services"
import { startFleet } from "./Fleet.ts"
import { type Fault, faults } from "./faults.ts"
import { startTraffic } from "./traffic.ts"
import { watch } from "./Watch.ts"

interface StepReport {
  readonly name: string
  readonly longestGapMillis: number
  readonly wrongAnswers: number
  /** From its mending to the next sale, where it is mended at one moment. */
  readonly sellsAgainAfterMillis?: number | undefined
  /** Undefined where there is no Prometheus. */
  readonly alerts: ReadonlyArray<string> | undefined
  /** Whether every alert fired that should have, and no other. */
  readonly alertsAsExpected: boolean
}

export interface GameDayReport {
  /** Orders that were answered and are not there, or are there and were answered as another one. */
  readonly lost: number
  /** Units that were sold beyond the stock, and orders that nobody was answered. */
  readonly oversold: number
  readonly orders: number
  readonly audit: { readonly ok: boolean }
  readonly steps: ReadonlyArray<StepReport>
  /** Faults for which this machine lacks something. */
  readonly leftOut: ReadonlyArray<string>
}

const onHand = 1_000_000
const shoppers = 8
const size = 3
/** Room for the data of the standby: an empty server takes 40 MB and its log at most 64. */
const volumeMegabytes = 300
/** Sales before the first fault, so that it meets a fleet that runs. */
const warmUp = 50

/** Undefined, and noted as left out, where no server can be started here. */
export const gameDay = async (
  say: (text: string) => void,
  chosen: ReadonlyArray<Fault> = faults,
): Promise<GameDayReport | undefined> => {
  const pair = await privatePair("game day", volumeMegabytes)
  if (pair === undefined) return undefined
  const folder = mkdtempSync(join(tmpdir(), "holdfast-gameday-"))
  const endings: Array<() => Promise<unknown>> = [async () => rmSync(folder, { recursive: true }), pair.stop]
  try {
    await pair.synchronise()
    const catalogue = join(folder, "catalogue.json")
    writeFileSync(catalogue, JSON.stringify(goods))
    const redis = await privateRedis("game day")
    if (redis !== undefined) endings.push(redis.stop)
    const kafka = await privateKafka("game day")
    if (kafka !== undefined) endings.push(kafka.stop)
    say(`three shops on ${pair.url}`)
    const fleet = await startFleet(size, {
      storeUrl: pair.url,
      catalogue,
      redisUrl: redis?.url,
      brokers: kafka?.bootstrap,
    })
    endings.push(fleet.stop)
    const urls = fleet.shops.map(({ url }) => url)
    const watching = await watch(urls)
    if (watching !== undefined) endings.push(watching.stop)
    const traffic = startTraffic(urls, shoppers)
    await traffic.sells(warmUp)
    await watching?.fired()
    const steps: Array<StepReport> = []
    const leftOut: Array<string> = []
    const alerted = (name: string) => watching?.until(name) ?? Promise.resolve()
    const over = (name: string) => watching?.over(name) ?? Promise.resolve()
    const world = { fleet, pair, redis, broker: kafka?.brokers[0], traffic, alerted, over }
    for (const { name, means, needs, run, alerts: expected = [], mayAlert = [] } of chosen) {
      if (needs?.(world) === false) {
        say(`${name}: left out, for lack of what it breaks`)
        leftOut.push(name)
        continue
      }
      say(`${name}: ${means}`)
      traffic.begin()
      const again = await run(world)
      const alerts = await watching?.fired()
      const step = {
        name,
        ...traffic.end(),
        ...(again !== undefined && { sellsAgainAfterMillis: Math.round(again) }),
        alerts,
        alertsAsExpected: alerts === undefined || areAsExpected(alerts, expected, mayAlert),
      }
      say(
        `  ${step.longestGapMillis} ms without a sale, ${step.wrongAnswers} wrong answers, alerts: ${step.alerts?.join(" ") || "none"}`,
      )
      steps.push(step)
    }
    await traffic.stop()
    say("recounting from outside")
    return { ...(await recount(pair.url, traffic.answered)), steps, leftOut }
  } finally {
    for (const end of endings.toReversed()) await end().catch((error) => say(`could not tidy up: ${error}`))
  }
}

const areAsExpected = (
  fired: ReadonlyArray<string>,
  expected: ReadonlyArray<string>,
  allowed: ReadonlyArray<string>,
): boolean =>
  expected.every((name) => fired.includes(name)) &&
  fired.every((name) => expected.includes(name) || allowed.includes(name))

const goods = {
  accounts: Array.from({ length: shoppers }, (_, index) => ({ accountId: index + 1, points: onHand })),
  products: [{ productId: 1, name: "Thing", price: 1, onHand }],
  campaigns: [],
}

/** Compares what people were told with the rows, by a connection of its own, and has the shop's own audit run. */
const recount = async (
  url: string,
  answered: ReadonlyMap<string, string>,
): Promise<Omit<GameDayReport, "steps" | "leftOut">> => {
  const shop = createHoldfast({ store: postgres({ url }), workers: false, logger: () => {} })
  try {
    const [primary = url] = await primaryOf(url)
    const rows = await asked(primary, "select order_id, key from holdfast.orders")
    const there = new Map(rows.map(({ key, order_id }) => [String(key), String(order_id)]))
    const lost = Array.from(answered).filter(([key, orderId]) => there.get(key) !== orderId).length
    const [left] = await asked(primary, "select on_hand from holdfast.product where product_id = '1'")
    const unanswered = Array.from(there.keys()).filter((key) => !answered.has(key)).length
    const wrongStock = Math.abs(onHand - there.size - Number(left?.on_hand))
    const { ok } = await shop.audit.run()
    return { lost, oversold: unanswered + wrongStock, orders: there.size, audit: { ok } }
  } finally {
    await shop.stop()
  }
}

/** Of several hosts, the addresses of those that take changes. */
const primaryOf = async (url: string): Promise<ReadonlyArray<string>> => {
  const [, user = "", hosts = "", rest = ""] = /^(postgres:\/\/[^@]*@)([^/]+)(.*)$/.exec(url) ?? []
  const each = hosts.split(",").map((host) => `${user}${host}${rest.replace(/\?.*$/, "")}`)
  const found: Array<string> = []
  for (const one of each) {
    const [row] = await asked(one, "select pg_is_in_recovery() as replica").catch(() => [])
    if (row?.replica === false) found.push(one)
  }
  return found
}
