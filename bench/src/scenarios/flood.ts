/**
 * The crowd that comes too late: claims of a campaign that has given everything away, on PostgreSQL, with and without seals,
 * and beside Redis with one EVALSHA per claim.
 *
 * Every claim is by an account that exists and owns nothing, so each answer is the same: sold out.
 */
import type { Shop } from "@holdfast/core"
import { type Compared, compared } from "../http/compared.ts"
import { startGenerator, startServer } from "../http/processes.ts"
import { BenchDatabase, furnishAccounts } from "../postgres/BenchDatabase.ts"
import { Comparison, during, sizesOf } from "../postgres/Comparison.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { openRedisClaims } from "../redisClaims.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "flood",
  about: "claims of a campaign that is sold out, on PostgreSQL: with seals against without, and against Redis",
  run,
}

const campaignId = "gone"

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const [sealed, plain] = [await database.openShop(), await database.openShop({ seals: false })]
  const owners = context.tiny ? 20 : 5_000
  const strangers = context.tiny ? 50 : 20_000
  await furnishAccounts(sealed, "owner-", owners, 0)
  await furnishAccounts(sealed, "account-", strangers, 0)
  const discount = { type: "flat", amount: 1 } as const
  await sealed.coupons.createCampaign({ campaignId, name: "Gone", discount, limit: owners })
  const acknowledged = new Acknowledged()
  await Promise.all(
    Array.from({ length: owners }, async (_, n) => {
      const { ticket } = await sealed.coupons.issue({ campaignId, accountId: `owner-${n}` })
      acknowledged.claims.push([campaignId, `owner-${n}`, String(ticket)])
    }),
  )
  let count = 0
  let wrong = 0
  const refused = (shop: Shop, keyed: boolean) => async () => {
    const n = count++
    const accountId = `account-${n % strangers}`
    const answer = await shop.safe.coupons.issue({ campaignId, accountId, ...(keyed && { key: `late-${n}` }) })
    if (answer.ok || answer.error.code !== "COUPONS_SOLD_OUT") wrong++
  }
  // The first of them has the seal built; what is measured comes after that.
  await refused(sealed, false)()
  while ((await sealed.health()).metrics.seals === 0) await new Promise((resolve) => setTimeout(resolve, 5))
  const redis = await openRedisClaims(context)
  const { millis, rounds } = sizesOf(context, { millis: 1_500, rounds: 5 })
  const comparison = new Comparison(context)
  const turn = (shop: Shop, callers: number, keyed = false) => during(database, millis, callers, refused(shop, keyed))
  await comparison.run(rounds, [
    async () => ({ sealed512: await turn(sealed, 512) }),
    async () => ({ store512: await turn(plain, 512) }),
    async () => ({ sealedKeyed512: await turn(sealed, 512, true) }),
    async () => ({ storeKeyed512: await turn(plain, 512, true) }),
    async () => ({ sealed64: await turn(sealed, 64) }),
    async () => ({ store64: await turn(plain, 64) }),
    async () => ({
      evalsha512:
        redis &&
        (await during(elsewhere, millis, 512, () => redis.refuse(campaignId, `account-${count++ % strangers}`))),
    }),
  ])
  const overHttp = await floodHttp(database, context)
  const owner = await sealed.safe.coupons.issue({ campaignId, accountId: "owner-0" })
  if (wrong > 0) context.progress(`RECOUNT: ${wrong} callers were told something else than that it is sold out`)
  const right = wrong === 0 && !owner.ok && owner.error.code === "COUPON_ALREADY_ISSUED"
  const ok = (await addsUp(database, sealed, acknowledged, context)) && right
  return {
    ratios: {
      sealToStore: comparison.ratio("sealed512", "store512"),
      sealToStoreKeyed: comparison.ratio("sealedKeyed512", "storeKeyed512"),
      sealToStore64: comparison.ratio("sealed64", "store64"),
      sealCpuToStore: comparison.ratio("sealed512", "store512", "serverMicros"),
      sealHttpToStore: overHttp?.ratio ?? null,
      sealToEvalsha: comparison.ratio("sealed512", "evalsha512"),
    },
    figures: { ...comparison.figures(), ...(overHttp && { sealedHttpPerSecond: overHttp.perSecond }) },
    audit: { ok },
    plots: [
      {
        type: "bars",
        title: "Sold out, said to 512 callers",
        caption: "Medians over the rounds. All of these answers are exact.",
        yLabel: "answers per second",
        bars: comparison.bars({
          sealed512: "with seals",
          store512: "by the store",
          sealedKeyed512: "with seals, keyed",
          storeKeyed512: "by the store, keyed",
          evalsha512: "Redis, one EVALSHA each",
        }),
      },
    ],
    notes: {
      sealToStore: "512 callers: refusals with seals / without; must 2.5, aim 3.5",
      sealToStoreKeyed: "the same with an idempotency key each",
      sealToStore64: "the same with 64 callers and without keys",
      sealCpuToStore: "PostgreSQL's CPU time per refusal with seals / without; must 0.4, aim 0.25",
      sealHttpToStore: "64 connections over HTTP: refusals with seals / without; must 1.2",
      sealToEvalsha: "512 callers: refusals with seals / refusals by one EVALSHA each; must 2, aim 4",
    },
  }
}

/** The same through HTTP, each server in a process of its own; undefined where it would take too long. */
const floodHttp = async (database: BenchDatabase, context: Context): Promise<Compared | undefined> => {
  const { tiny, quick, progress, atEnd } = context
  if (tiny) {
    progress("LEFT OUT: sealHttpToStore, because servers take long to start")
    return undefined
  }
  const servers = [
    await startServer("sealed", undefined, database.url, database.schema),
    await startServer("unsealed", undefined, database.url, database.schema),
  ] as const
  for (const { stop } of servers) atEnd(stop)
  const generator = await startGenerator(undefined)
  atEnd(generator.stop)
  const sizes = quick ? { rounds: 3, millis: 1_000 } : { rounds: 5, millis: 2_000 }
  return compared("late", generator, servers, sizes, "over HTTP, with seals / without", context)
}

const elsewhere = { cpuMicros: () => undefined }
