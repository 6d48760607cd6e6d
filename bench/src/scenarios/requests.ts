/**
 * Coupon requests: claims that are accepted into a topic and decided in its order, against claims that are decided at once; and
 * what is accepted while PostgreSQL is stopped. One broker on this machine, on both sides.
 */
import { kafkajs, kafkaRequests } from "@holdfast/adapters/kafka"
import { postgres } from "@holdfast/adapters/postgres"
import { createHoldfast, type RequestsOption, type Shop } from "@holdfast/core"
import { privateKafka, privateServer } from "@holdfast/test-services"
import { closedLoop } from "../load.ts"
import { BenchDatabase, furnishAccounts } from "../postgres/BenchDatabase.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"
import { median, significant } from "../statistics.ts"

export const scenario: Scenario = {
  name: "requests",
  about:
    "coupon requests on PostgreSQL and Kafka: decided in the order of a topic, against at once; accepted during an outage",
  run,
}

const callers = 512
/** Few, because all that they have stored is decided afterwards. */
const outageCallers = 8
const longestMillis = 600_000
const discount = { type: "flat", amount: 1 } as const

async function run(context: Context): Promise<Result> {
  const { tiny = false, quick, progress, atEnd } = context
  const cluster = await privateKafka("bench requests")
  const broker = cluster?.brokers[0]?.address
  if (cluster === undefined || broker === undefined) {
    progress("LEFT OUT: everything, because there is no Kafka here")
    return { ratios: { decidedToDirect: null, acceptedWhileAway: null }, figures: {}, audit: { ok: true }, plots }
  }
  atEnd(cluster.stop)
  const claims = tiny ? 100 : quick ? 5_000 : 20_000
  const rounds = tiny ? 1 : 3
  const database = await BenchDatabase.open(context)
  const log = (name: string): RequestsOption => {
    const kafka = kafkajs({ brokers: [broker] })
    atEnd(kafka.close)
    return kafkaRequests({ kafka, topic: `bench-${name}`, partitions: 3, replication: 1, maxWaiting: 10_000_000 })
  }
  const shop = await database.openShop({ workers: true, requests: log(database.schema) })
  await furnishAccounts(shop, "account-", claims, 0)
  const [direct, decided, accepted] = [[], [], []] as [Array<number>, Array<number>, Array<number>]
  let given = 0
  for (let round = 0; round <= rounds; round++) {
    progress(
      round === 0 ? "warming up" : `round ${round} of ${rounds}: ${claims.toLocaleString("en-US")} claims each way`,
    )
    const now = await sale(shop, `direct-${round}`, claims)
    const atOnce = await closedLoop(callers, claims, (n) =>
      shop.coupons.issue({ campaignId: now, accountId: `account-${n}` }),
    )
    const later = await sale(shop, `later-${round}`, claims)
    const began = performance.now()
    const stored = await closedLoop(callers, claims, (n) =>
      shop.coupons.request({ campaignId: later, accountId: `account-${n}` }),
    )
    while ((await shop.coupons.campaign(later)).issued < claims) await pause(5)
    given += 2 * claims
    if (round === 0 && !tiny) continue
    direct.push(atOnce.perSecond)
    accepted.push(stored.perSecond)
    decided.push((claims * 1_000) / (performance.now() - began))
  }
  const [row] = await database.control.ask(`select count(*)::int as n from ${database.schema}.coupon`)
  const isWhole = Number(row?.n) === given
  if (!isWhole) progress(`RECOUNT: ${row?.n} coupons of ${given}`)
  const audit = await shop.audit.run()
  const outage = tiny ? undefined : await duringOutage(log("outage"), quick ? 4_000 : 20_000, context)
  if (outage === undefined) progress("LEFT OUT: acceptedWhileAway, because a server of its own is not stopped here")
  return {
    ratios: {
      decidedToDirect: significant(median(decided.map((each, n) => each / (direct[n] ?? Number.NaN))), 3),
      acceptedWhileAway: outage?.ratio ?? null,
    },
    figures: {
      claims,
      directPerSecond: Math.round(median(direct)),
      acceptedPerSecond: Math.round(median(accepted)),
      decidedPerSecond: Math.round(median(decided)),
      ...(outage && { acceptedWhileAwayPerSecond: outage.perSecond, lostInOutage: outage.lost }),
    },
    audit: { ok: audit.ok && isWhole && (outage === undefined || (outage.ok && outage.lost === 0)) },
    plots: plotsOf({
      "at once": median(direct),
      accepted: median(accepted),
      decided: median(decided),
      ...(outage && { "accepted, PostgreSQL stopped": outage.perSecond }),
    }),
    notes,
  }
}

const sale = async (shop: Shop, campaignId: string, limit: number): Promise<string> => {
  await shop.coupons.createCampaign({ campaignId, name: "Sale", discount, limit })
  return campaignId
}

const pause = (millis: number) => new Promise((resolve) => setTimeout(resolve, millis))

/** How many requests a second are stored while the server of the store is stopped, and whether each is decided later. */
const duringOutage = async (requests: RequestsOption, millis: number, { progress, atEnd }: Context) => {
  const server = await privateServer("bench requests, to be stopped")
  if (server === undefined) return undefined
  atEnd(server.stop)
  const store = postgres({ url: server.url, schema: "outage" })
  await using shop = createHoldfast({ store, requests, queueLimit: 100_000, logger: () => {} })
  const accounts = 2_000
  await furnishAccounts(shop, "account-", accounts, 0)
  const campaignId = await sale(shop, "outage", 1_000_000)
  let stored = 0
  const accept = async (time: number): Promise<number> => {
    const [until, before] = [performance.now() + time, stored]
    const caller = async (): Promise<void> => {
      while (performance.now() < until) {
        await shop.coupons.request({ campaignId, accountId: `account-${stored % accounts}` })
        stored++
      }
    }
    await Promise.all(Array.from({ length: outageCallers }, caller))
    return ((stored - before) * 1_000) / time
  }
  progress("accepted while PostgreSQL runs")
  await accept(millis / 8)
  const running = await accept(millis / 2)
  progress("accepted while PostgreSQL is stopped")
  await server.kill()
  const away = await accept(millis)
  await server.restart()
  progress(`deciding ${stored.toLocaleString("en-US")} requests`)
  const decided = async (): Promise<number> => {
    const verdicts = await shop.health().then(({ metrics }) => metrics.operations["coupons.issue"])
    return verdicts === undefined ? 0 : verdicts.accepted + verdicts.refused
  }
  const patience = performance.now() + longestMillis
  while ((await decided()) < stored && performance.now() < patience) await pause(50)
  return {
    ratio: significant(away / running, 3),
    perSecond: Math.round(away),
    lost: Math.max(0, stored - (await decided())),
    ok: (await shop.audit.run()).ok,
  }
}

const plotsOf = (bars: Readonly<Record<string, number>>) => [
  {
    type: "bars" as const,
    title: "Claims, a second",
    caption: `${callers} callers; accepted into a topic of three partitions. Medians.`,
    yLabel: "per second",
    bars: Object.entries(bars).map(([name, value]) => ({ name, value })),
  },
]
const plots = plotsOf({})

const notes: Readonly<Record<string, string>> = {
  decidedToDirect:
    "requests decided, from the first call to the last ticket / claims decided at once; must 0.5, aim 0.8",
  acceptedWhileAway: "requests accepted while PostgreSQL is stopped / while it runs; must 0.8, none lost",
}
