/**
 * How a campaign stands, for claims that it refuses, and who owns its coupons. No lock is taken.
 *
 * Plans: the primary keys of campaign, account and coupon, the unique index of (campaign, ticket), and the index under which
 * a coupon is found as a receipt. Accounts are counted first: nearly always all of them are open, and a count of a thousand
 * costs a fifth of a list.
 */
import type { AskedStanding, Reads, Standing, StoreFault } from "@holdfast/core/ports"
import { Effect } from "effect"
import { ask, type Connection } from "../session/Connection.ts"
import { rowsOf } from "../session/text.ts"
import type { Row } from "./columns.ts"
import { kindTables } from "./kindTables.ts"
import { tables } from "./tables.ts"
import { template } from "./template.ts"

const standingTemplate = template<AskedStanding>("how a campaign stands", (parameters) => {
  const campaign = parameters.value("campaign_id", "text", ({ campaignId }) => campaignId)
  const accounts = parameters.array(
    "account_id",
    "text",
    ({ accountIds }) => accountIds,
    (accountId) => accountId,
  )
  const keysOf = ({ keys }: AskedStanding) => keys
  const scopes = parameters.array("scope", "text", keysOf, ([scope]) => scope)
  const keys = parameters.array("key", "text", keysOf, ([, key]) => key)
  return `select json_build_array(
  (select ${tables.campaign.row} from @.campaign r where r.campaign_id = ${campaign}),
  (select l.command_id from @.campaign k
    cross join lateral (select * from @.coupon c where c.campaign_id = k.campaign_id and c.ticket = k.issued offset 0) l
    where k.campaign_id = ${campaign}),
  case when (select count(*) from @.account a where a.account_id = any(${accounts}) and a.state = 'open') = cardinality(${accounts})
    then null else (
      select json_agg(k.n - 1) from unnest(${accounts}) with ordinality k(account_id, n)
      left join lateral (select true as is_open from @.account a where a.account_id = k.account_id and a.state = 'open' offset 0) a on true
      where a.is_open is null
    ) end,
  (select json_agg(k.n - 1)
    from (select unnest(${scopes}) as scope, unnest(${keys}) as key, generate_subscripts(${keys}, 1) as n) k
    cross join lateral (select from @.receipts c where c.scope = k.scope and c.operation = 'coupons.issue' and c.key = k.key offset 0) r)
)::text`
})

type Answer = readonly [
  campaign: Row | null,
  command: Standing["lastCommandId"] | null,
  ...ReadonlyArray<ReadonlyArray<number> | null>,
]

const ownersTemplate = template<readonly [campaignId: string, after: number, limit: number]>(
  "owners of a campaign",
  (parameters) => `select json_agg(r.account_id order by r.ticket)::text from (
  select account_id, ticket from @.coupon where campaign_id = ${parameters.value("campaign_id", "text", ([id]) => id)}
    and ticket > ${parameters.value("after", "bigint", ([, after]) => after)}
  order by ticket limit ${parameters.value("limit", "int", ([, , limit]) => limit)}
) r`,
)

type Owner = Effect.Success<ReturnType<NonNullable<Reads["owners"]>>>[number]

export const sealsOn = (connection: Connection, listing: Connection): Required<Pick<Reads, "standing" | "owners">> => ({
  standing: (asked): Effect.Effect<Standing, StoreFault> =>
    Effect.map(ask(connection, standingTemplate.of(asked)), (json) => {
      // biome-ignore lint/plugin/casts: our own statement built this JSON, in this order
      const [campaign, command, notOpen, used] = rowsOf<unknown>(json) as unknown as Answer
      return {
        campaign: campaign === null ? undefined : kindTables.campaign.recordOf(campaign),
        lastCommandId: command ?? undefined,
        notOpen: notOpen ?? [],
        used: used ?? [],
      }
    }),
  owners: (campaignId, after, limit) =>
    Effect.map(ask(listing, ownersTemplate.of([campaignId, after, limit])), (json) => rowsOf<Owner>(json)),
})
