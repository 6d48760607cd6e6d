/**
 * Campaigns.
 *
 * Locks: campaign rows, in the order of their ids, after the accounts and coupons. Plans: as for accounts.
 */
import type { Put, RecordOf } from "@holdfast/core"
import { documents, given, texts, values } from "../text.ts"
import { type Statement, statement } from "../wire.ts"

type Campaign = RecordOf["campaign"]

export type CampaignRow = readonly [
  Campaign["campaignId"],
  Campaign["issued"],
  string,
  Campaign["discount"],
  Campaign["limit"],
  number | null,
  number | null,
  number,
  Campaign["state"],
  Campaign["limit"],
  "open" | "paused",
  number,
]
export const campaignRow = `json_build_array(r.campaign_id, r.issued, r.name, r.discount, r.issue_limit, r.opens_at, r.closes_at, r.valid_days, r.state, r.created_limit, r.created_state, r.version)`
export const campaignOf = ([
  campaignId,
  issued,
  name,
  discount,
  limit,
  opensAt,
  closesAt,
  validDays,
  state,
  createdLimit,
  createdState,
  version,
]: CampaignRow): Campaign => ({
  campaignId,
  issued,
  name,
  discount,
  limit,
  opensAt: given(opensAt),
  closesAt: given(closesAt),
  validDays,
  state,
  created: { limit: createdLimit, state: createdState },
  version,
})

export const readCampaigns = (ids: string): string =>
  `select json_agg(${campaignRow}) from @.campaign r where r.campaign_id = any(${ids}::text[])`

export const lockCampaigns = `select json_agg(${campaignRow})::text from (
  select * from @.campaign where campaign_id = any($1::text[]) order by campaign_id for update
) r`

const insert = `insert into @.campaign (campaign_id, issued, name, discount, issue_limit, opens_at, closes_at, valid_days, state, created_limit, created_state, version)
select x.campaign_id, x.issued, x.name, x.discount::json, x.issue_limit, x.opens_at, x.closes_at, x.valid_days, x.state, x.created_limit, x.created_state, x.version
from unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], $7::bigint[], $8::bigint[], $9::text[], $10::bigint[], $11::text[], $12::bigint[])
  x(campaign_id, issued, name, discount, issue_limit, opens_at, closes_at, valid_days, state, created_limit, created_state, version)
order by x.campaign_id collate "C"`

/** The count moves by addition, terms are set where the version (and for exact guards the count) is the one decided on. */
const move = `with x as (
  select * from unnest($1::text[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], $7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::bigint[])
    x(campaign_id, issued0, issued1, exact_issued, version0, name, discount, issue_limit, opens_at, closes_at, valid_days, state, version1)
  order by x.campaign_id collate "C"
), u as (
  update @.campaign r
  set issued = r.issued + (x.issued1 - x.issued0), name = x.name, discount = x.discount::json, issue_limit = x.issue_limit,
    opens_at = x.opens_at, closes_at = x.closes_at, valid_days = x.valid_days, state = x.state, version = x.version1
  from x
  where r.campaign_id = x.campaign_id and r.version = x.version0
    and (x.exact_issued is null or r.issued = x.exact_issued)
  returning 1
)
select 1 / ((select count(*) from u) = $14::int)::int`

/** Inserts new campaigns, then moves the others. */
export const campaignStatements = (puts: ReadonlyArray<Put<Campaign>>): ReadonlyArray<Statement> => {
  const fresh: Array<Campaign> = []
  const moved: Array<Put<Campaign> & { readonly before: Campaign }> = []
  for (const { before, after, guard } of puts) {
    if (before === undefined) fresh.push(after)
    else moved.push({ before, after, guard })
  }
  const statements: Array<Statement> = []
  if (fresh.length > 0) {
    statements.push(
      statement(
        insert,
        texts(fresh.map(({ campaignId }) => campaignId)),
        values(fresh.map(({ issued }) => issued)),
        texts(fresh.map(({ name }) => name)),
        documents(fresh.map(({ discount }) => discount)),
        values(fresh.map(({ limit }) => limit)),
        values(fresh.map(({ opensAt }) => opensAt)),
        values(fresh.map(({ closesAt }) => closesAt)),
        values(fresh.map(({ validDays }) => validDays)),
        texts(fresh.map(({ state }) => state)),
        values(fresh.map(({ created }) => created.limit)),
        texts(fresh.map(({ created }) => created.state)),
        values(fresh.map(({ version }) => version)),
      ),
    )
  }
  if (moved.length > 0) {
    statements.push(
      statement(
        move,
        texts(moved.map(({ after }) => after.campaignId)),
        values(moved.map(({ before }) => before.issued)),
        values(moved.map(({ after }) => after.issued)),
        values(moved.map(({ before, guard }) => (guard === "exact" ? before.issued : undefined))),
        values(moved.map(({ before }) => before.version)),
        texts(moved.map(({ after }) => after.name)),
        documents(moved.map(({ after }) => after.discount)),
        values(moved.map(({ after }) => after.limit)),
        values(moved.map(({ after }) => after.opensAt)),
        values(moved.map(({ after }) => after.closesAt)),
        values(moved.map(({ after }) => after.validDays)),
        texts(moved.map(({ after }) => after.state)),
        values(moved.map(({ after }) => after.version)),
        String(moved.length),
      ),
    )
  }
  return statements
}
