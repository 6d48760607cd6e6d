/**
 * One campaign that everybody claims from, on PostgreSQL: durable when it is answered, beside `select … for update`; and
 * beside Redis, one EVALSHA per claim, which keeps it in memory.
 *
 * With 512 callers, as a campaign has them that opens at noon, and with the 64 of the other scenarios. The textbook has one
 * caller per connection either way: more of them would wait for a connection.
 */
import { againstInteractive } from "../postgres/againstInteractive.ts"
import { BenchDatabase, furnishAccounts } from "../postgres/BenchDatabase.ts"
import { during, type Sample, sizesOf, toTheBetter } from "../postgres/Comparison.ts"
import type { Ask } from "../postgres/Connections.ts"
import { Acknowledged, addsUp } from "../postgres/recount.ts"
import { claimInteractively } from "../postgres/textbook/others.ts"
import { openRedisClaims } from "../redisClaims.ts"
import type { Context, Result, Scenario } from "../Scenario.ts"

export const scenario: Scenario = {
  name: "hot-coupon",
  about: "claims of one campaign on PostgreSQL: our batches against SELECT FOR UPDATE and Redis",
  run,
}

const elsewhere = { cpuMicros: () => undefined }

async function run(context: Context): Promise<Result> {
  const database = await BenchDatabase.open(context)
  const shop = await database.openShop()
  const accounts = context.tiny ? 2_000 : context.quick ? 40_000 : 150_000
  await furnishAccounts(shop, "account-", accounts, 0)
  const acknowledged = new Acknowledged()
  let campaigns = 0
  // Everybody may claim once, so a turn has a campaign of its own and ends when everybody has.
  const newCampaign = async (): Promise<string> => {
    const campaignId = `campaign-${campaigns++}`
    const discount = { type: "flat", amount: 1 } as const
    await shop.coupons.createCampaign({ campaignId, name: "Hot", discount, limit: accounts })
    return campaignId
  }
  const { millis, rounds } = sizesOf(context, { millis: 1_500, rounds: 5 })
  const perTurn = async (
    callers: number,
    claim: (campaignId: string, accountId: string) => Promise<unknown>,
    server: Pick<BenchDatabase, "cpuMicros"> = database,
  ): Promise<Sample> => {
    const campaignId = await newCampaign()
    let count = 0
    return during(server, millis, callers, () => claim(campaignId, `account-${count++}`), accounts)
  }
  const ours = async (campaignId: string, accountId: string) => {
    const { ticket } = await shop.coupons.issue({ campaignId, accountId })
    acknowledged.claims.push([campaignId, accountId, String(ticket)])
  }
  const textbookCampaign = await newCampaign()
  let claimed = 0
  const interactive = async (ask: Ask) => {
    const n = claimed++
    const accountId = `account-${n}`
    const ticket = await claimInteractively(ask, database.schema, {
      campaignId: textbookCampaign,
      accountId,
      commandId: `t${n}`,
    })
    acknowledged.claims.push([textbookCampaign, accountId, String(ticket)])
  }
  const redis = await openRedisClaims(context)
  const { comparison, ratios, figures, plot } = await againstInteractive(context, database, {
    ours: () => Promise.reject(new Error("A turn has a campaign of its own.")),
    turn: async () => ({ ours512: await perTurn(512, ours), ours64: await perTurn(64, ours) }),
    interactive,
    title: "Claims of one campaign",
    yLabel: "claims per second",
    others: {
      ours512: { name: "ours, 512 callers" },
      redis64: {
        name: "Redis, in memory",
        step: async () =>
          redis === undefined
            ? {}
            : {
                redis512: await perTurn(512, redis.claim, elsewhere),
                redis64: await perTurn(64, redis.claim, elsewhere),
              },
      },
      redis512: { name: "Redis, in memory, 512 callers" },
    },
    sizes: { millis, rounds },
  })
  const ok = await addsUp(database, shop, acknowledged, context)
  const redisOk = (await redis?.addsUp()) ?? true
  const toInteractive64 = comparison.ratio("ours512", "interactive64")
  return {
    ratios: {
      toInteractive64,
      toInteractiveBest: toTheBetter(toInteractive64, comparison.ratio("ours512", "interactiveBest")),
      toRedisEvalsha: comparison.ratio("ours512", "redis512"),
      toInteractive64With64Callers: ratios.toInteractive64,
      toRedisEvalshaWith64Callers: comparison.ratio("ours64", "redis64"),
    },
    figures: { ...figures, accounts },
    audit: { ok: ok && redisOk },
    plots: [plot],
    notes: {
      toInteractive64: "ours with 512 callers / SELECT FOR UPDATE on 64 connections; must 60, aim 100",
      toInteractiveBest: "the same / its best pool size of 4, 8, 16 and 64",
      toRedisEvalsha:
        "512 callers: ours / one EVALSHA per claim on Redis, whose answers are in memory only; must 0.40, aim 0.60",
      toInteractive64With64Callers: "the first with 64 callers of ours",
      toRedisEvalshaWith64Callers: "ours / one EVALSHA per claim, 64 callers each",
    },
  }
}
