/**
 * Charging an account and claiming a coupon the way of the textbook: `select … for update`, decide, write, commit.
 */
import type { Ask } from "../Connections.ts"
import { eventOf, Rows } from "./rows.ts"

/** Adds points to an account. Answers what the shop would: the balance after it and its position. */
export const chargeInteractively = async (
  ask: Ask,
  schema: string,
  { accountId, amount, key }: { readonly accountId: string; readonly amount: number; readonly key: string },
) => {
  const rows = new Rows(ask, schema)
  const at = Date.now()
  const commandId = `t-${key}`
  await ask("begin")
  if ((await rows.withKey("entry", key)).length > 0) throw new Error(`The charge ${key} was made before.`)
  const held = await rows.account(accountId, "for update")
  const [balance, seq] = [held.balance + amount, held.seq + 1]
  const answer = { accountId, amount, balance, seq }
  await rows.setAccount(accountId, balance, seq)
  await rows.entry(accountId, "charge", { seq, change: amount, balance }, commandId, String(at), key)
  await rows.outbox(eventOf("points.charged", commandId, at, { type: "account", id: accountId }, accountId, answer))
  await ask("commit")
  return answer
}

/** Claims a coupon of a campaign. Answers its ticket. */
export const claimInteractively = async (
  ask: Ask,
  schema: string,
  { campaignId, accountId, commandId }: { readonly [Name in "campaignId" | "accountId" | "commandId"]: string },
): Promise<number> => {
  const rows = new Rows(ask, schema)
  const issuedAt = Date.now()
  await ask("begin")
  if ((await rows.withKey("coupon", commandId)).length > 0) throw new Error("That claim was made before.")
  await rows.account(accountId, "")
  const { issued, limit, validDays, discount } = await rows.campaign(campaignId)
  if (issued >= limit || (await rows.hasCoupon(campaignId, accountId)).length > 0) {
    throw new Error("The bench ran out of coupons or accounts.")
  }
  const ticket = issued + 1
  const facts = { ticket, discount, issuedAt, expiresAt: issuedAt + validDays * 86_400_000 }
  const answer = { campaignId, accountId, ...facts }
  await rows.countIssued(campaignId, ticket)
  await rows.coupon(campaignId, accountId, facts, commandId)
  const event = eventOf("coupons.issued", commandId, issuedAt, { type: "campaign", id: campaignId }, accountId, answer)
  await rows.outbox(event)
  await ask("commit")
  return ticket
}
