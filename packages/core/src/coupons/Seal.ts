/**
 * A seal: who owns a coupon of a campaign that has issued so many. It lets a claim be refused by one look at the campaign,
 * and never grants anything.
 *
 * Places are never returned and coupons never deleted, so the owners of a campaign that has issued n are tickets 1 to n for
 * ever. A filter of them is right whenever the counter reads n and ticket n is of the same command: it needs no expiry and
 * no invalidation. What the campaign says (its limit, window and state) is read anew for every claim.
 */
import type { CampaignNotOpen, CouponsSoldOut, OutsideIssueWindow } from "../refusals.ts"
import type { AccountId, CampaignId, Cause, CommandId, Quantity } from "../values.ts"
import { type Campaign, issue } from "./Campaign.ts"
import { filterBytes, OwnerFilter } from "./OwnerFilter.ts"

export interface Seal {
  readonly campaignId: CampaignId
  readonly issued: Quantity
  /** The command of the last ticket, undefined where there is none: another history has another one. */
  readonly lastCommandId: CommandId | undefined
  readonly owners: OwnerFilter
}

/** A campaign and the command of its last ticket, of one moment after a claim was made. */
export interface CampaignStanding {
  readonly campaign: Campaign | undefined
  readonly lastCommandId: CommandId | undefined
}

/** Whether a seal is that of the campaign as it stands. */
export const isSealOf = (seal: Seal, { campaign, lastCommandId }: CampaignStanding): boolean =>
  campaign !== undefined && campaign.issued === seal.issued && lastCommandId === seal.lastCommandId

/**
 * The refusal of a claim by an account that owns no coupon of the campaign, by the same rule as everywhere; undefined where
 * the campaign does not refuse it.
 */
export const refusalOf = (
  campaign: Campaign,
  accountId: AccountId,
  cause: Cause,
): CampaignNotOpen | OutsideIssueWindow | CouponsSoldOut | undefined => {
  const issued = issue(campaign, accountId, cause)
  return "_tag" in issued ? issued : undefined
}

/** What a seal is of: its bytes are of no use to any other. */
type SealOf = Omit<Seal, "owners">

/** `HFS` and the version of these bytes; owners, both seeds, bytes of the filter; then a checksum of them and of what they are of. */
const magic = 0x48465302
const checkedBytes = 20
const headerBytes = 24

/** A seal as bytes, for other processes. */
export const encodeSeal = ({ owners: { bits, seeds }, ...of }: Seal): Uint8Array => {
  const bytes = new Uint8Array(headerBytes + bits.length)
  const header = new DataView(bytes.buffer)
  const words = [magic, of.issued, seeds[0], seeds[1], bits.length]
  words.forEach((word, index) => {
    header.setUint32(index * 4, word)
  })
  bytes.set(bits, headerBytes)
  header.setUint32(checkedBytes, checksumOf(bytes, of))
  return bytes
}

/** The filter in these bytes; undefined where they are not all there, or are those of another seal. */
export const decodeOwners = (bytes: Uint8Array, of: SealOf): OwnerFilter | undefined => {
  if (bytes.length < headerBytes) return undefined
  const header = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const word = (index: number): number => header.getUint32(index * 4)
  const bits = bytes.slice(headerBytes)
  const isOfIt = word(0) === magic && word(1) === of.issued && word(5) === checksumOf(bytes, of)
  // A filter of no bits would hold nobody, and one of too many would be more than a seal may take.
  const isWhole = word(4) === bits.length && bits.length === filterBytes(of.issued)
  return isOfIt && isWhole ? new OwnerFilter(bits, [word(2), word(3)]) : undefined
}

/** FNV-1a, 32 bits: against bytes that were cut or mixed up, not against anybody who means it. */
const checksumOf = (bytes: Uint8Array, { campaignId, lastCommandId }: SealOf): number => {
  let sum = 0x811c9dc5
  const name = JSON.stringify([campaignId, lastCommandId])
  for (let index = 0; index < name.length; index++) sum = Math.imul(sum ^ name.charCodeAt(index), 0x01000193)
  for (let index = 0; index < bytes.length; index++) {
    if (index < checkedBytes || index >= headerBytes) sum = Math.imul(sum ^ (bytes[index] ?? 0), 0x01000193)
  }
  return sum >>> 0
}
