/**
 * Campaigns.
 *
 * Locks: campaign rows, in the order of their ids, after the accounts and coupons. Plans: as for accounts.
 */
import type { Put, RecordOf } from "@holdfast/core"
import { documents, given, texts, unnested, values } from "../text.ts"
import { type Statement, statement } from "../wire.ts"
import { split } from "./split.ts"

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
from ${unnested(1, "campaign_id text", "issued bigint", "name text", "discount text", "issue_limit bigint", "opens_at bigint", "closes_at bigint", "valid_days bigint", "state text", "created_limit bigint", "created_state text", "version bigint")} x
order by x.campaign_id collate "C"`

/** The count moves by addition, terms are set where the version (and for exact guards the count) is the one decided on. */
const move = `with x as (
  select * from ${unnested(1, "campaign_id text", "issued0 bigint", "issued1 bigint", "exact_issued bigint", "version0 bigint", "name text", "discount text", "issue_limit bigint", "opens_at bigint", "closes_at bigint", "valid_days bigint", "state text", "version1 bigint")} x
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
  const { fresh, moved } = split(puts)
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
