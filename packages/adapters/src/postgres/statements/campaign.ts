/** Campaigns. */
import { bigint, json, text } from "./columns.ts"
import { kindTable } from "./kindTable.ts"

export const campaign = kindTable("campaign", {
  table: "campaign",
  key: ["campaignId"],
  fixed: ["created"],
  fields: {
    campaignId: text("campaign_id"),
    issued: bigint("issued"),
    name: text("name"),
    discount: json("discount"),
    limit: bigint("issue_limit"),
    opensAt: bigint("opens_at"),
    closesAt: bigint("closes_at"),
    validDays: bigint("valid_days"),
    state: text("state"),
    created: { columns: { limit: bigint("created_limit"), state: text("created_state") } },
    version: bigint("version"),
  },
})
