/**
 * Laws of campaigns that refuse a crowd, sealed or not: whoever is turned away is turned away rightly.
 *
 * They hold of a store without seals as well. What they catch is a store that says wrongly how a campaign stands. Give them to
 * `conformance` as `extraLaws`.
 */

import type { Op, TrialRecord } from "../trial/Trial.ts"
import { floods, stranger, suspended } from "../workloads/floods.ts"
import { audited, callsOf, countersDuring, refusalOf, refusedWith, ticketLists } from "./evidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

const issues = (trial: TrialRecord) => callsOf(trial, "coupons.issue")
const changes = (trial: TrialRecord, ...names: ReadonlyArray<string>) =>
  callsOf(trial, ...names).filter(({ reply }) => reply._tag !== "Refused")

const accountOf = ({ planned }: Op): string => String(planned.input.accountId)

/** Whether the first had surely happened before the second was called. */
const precedes = (first: Op, second: Op): boolean =>
  (first.reply._tag === "Accepted" || first.reply._tag === "Replayed") && first.end < second.start

/** Whether a caller's account owned a coupon for certain when it called. A trial's ids have its name before them. */
const ownedBefore = (trial: TrialRecord, op: Op): boolean =>
  trial.snapshot.records.coupon.some(({ accountId, commandId }) => {
    if (!accountId.endsWith(`-${accountOf(op)}`)) return false
    const issuing = issues(trial).find((each) => each.commandId === commandId)
    return issuing === undefined ? true : precedes(issuing, op)
  })

const isByCampaign = (op: Op): boolean =>
  refusalOf(op, "CouponsSoldOut") !== undefined || refusalOf(op, "CampaignNotOpen") !== undefined

const limitRaised = (trial: TrialRecord): boolean =>
  changes(trial, "coupons.changeLimit").some(({ reply }) => reply._tag === "Accepted")

export const sealLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "SEAL-02",
    level: "MUST",
    title: "Sold out and not open are only said when that was so at some moment during the call",
    why: "Whoever calls after the limit was raised or the campaign was opened must not be told what was true before.",
    workload: floods,
    check: (trial) => {
      for (const op of issues(trial)) {
        const soldOut = refusalOf(op, "CouponsSoldOut")
        if (soldOut !== undefined) {
          const list = ticketLists(trial).find(({ owner }) => owner === soldOut.campaignId)
          const during = countersDuring(list, op, 0)
          if (!during.some((issued) => issued >= soldOut.limit)) {
            return broken(`Said to be sold out at ${soldOut.limit} when ${during.join(" or ")} were issued.`, op)
          }
          const raised = changes(trial, "coupons.changeLimit")
          const wasLimit = raised.some((each) => each.planned.input.limit === soldOut.limit && each.start <= op.end)
          const first = trial.snapshot.records.campaign.find(({ campaignId }) => campaignId === soldOut.campaignId)
          const isFirst = first?.created.limit === soldOut.limit
          const latest = raised.find((each) => precedes(each, op) && each.planned.input.limit !== soldOut.limit)
          const since =
            latest !== undefined &&
            !raised.some(
              (each) => each.planned.input.limit === soldOut.limit && !precedes(each, latest) && each.start <= op.end,
            )
          if (since || !(wasLimit || isFirst)) {
            return broken(`Said to be sold out at ${soldOut.limit}, which was not the limit any more.`, op)
          }
        }
        if (refusalOf(op, "CampaignNotOpen") !== undefined) {
          const pauses = changes(trial, "coupons.pauseCampaign").filter((each) => each.start <= op.end)
          const opened = changes(trial, "coupons.openCampaign")
          const wasPaused = pauses.some((pause) => !opened.some((each) => precedes(pause, each) && precedes(each, op)))
          if (!wasPaused) return broken("Said not to be open when it was open during the whole call.", op)
        }
      }
      return undefined
    },
    sometimes: {
      "sold out": refusedWith("CouponsSoldOut"),
      "not open": refusedWith("CampaignNotOpen"),
      "the limit was changed": limitRaised,
    },
  }),
  defineLaw({
    id: "SEAL-03",
    level: "MUST",
    title: "An owner is never told that nothing is left: repeats of a key replay, others get the coupon",
    why: "The one who was first in line must not read that it was in vain.",
    workload: floods,
    check: (trial) => {
      const op = issues(trial).find((each) => isByCampaign(each) && ownedBefore(trial, each))
      return op && broken(`${accountOf(op)} owned a coupon and was turned away.`, op)
    },
    sometimes: {
      "an owner asked again": (trial) => issues(trial).some((op) => ownedBefore(trial, op)),
      "a key was repeated": (trial) => issues(trial).some(({ reply }) => reply._tag === "Replayed"),
    },
  }),
  defineLaw({
    id: "SEAL-04",
    level: "MUST",
    title: "As many are issued as there may be, and none is kept back from those who ask in the end",
    why: "A coupon that stays behind a closed door was announced and not given.",
    workload: floods,
    check: (trial) => {
      const wrong = audited(trial, "campaign-issued", "coupon-tickets")
      if (wrong !== undefined) return wrong
      const terms = changes(trial, "coupons.changeLimit", "coupons.openCampaign", "coupons.pauseCampaign")
      for (const op of issues(trial)) {
        const soldOut = refusalOf(op, "CouponsSoldOut")
        if (soldOut === undefined || !terms.every((each) => precedes(each, op))) continue
        const campaign = trial.snapshot.records.campaign.find(({ campaignId }) => campaignId === soldOut.campaignId)
        if (campaign !== undefined && campaign.issued < campaign.limit) {
          return broken(`Turned away for good when ${campaign.issued} of ${campaign.limit} were issued.`, op)
        }
      }
      return undefined
    },
    sometimes: {
      "more were issued than at first": (trial) =>
        trial.snapshot.records.campaign.some(({ issued, created }) => issued > created.limit),
      "sold out": refusedWith("CouponsSoldOut"),
    },
  }),
  defineLaw({
    id: "SEAL-05",
    level: "MUST",
    title: "Unknown and closed accounts and used keys are refused as such, whatever the campaign would say",
    why: "One who mistypes an id must hear that, and not that everything is gone.",
    workload: floods,
    check: (trial) => {
      for (const op of issues(trial)) {
        if (op.reply._tag !== "Refused") continue
        const tag = op.reply.refusal._tag
        const isReuse = op.key === "issue-ada" && accountOf(op) !== "ada"
        const expected = isReuse
          ? "IdempotencyKeyReused"
          : accountOf(op) === stranger
            ? "AccountNotFound"
            : accountOf(op) === suspended
              ? "AccountNotOpen"
              : undefined
        if (expected !== undefined && tag !== expected) return broken(`Refused as ${tag} instead of ${expected}.`, op)
      }
      return undefined
    },
    sometimes: {
      "an unknown account": refusedWith("AccountNotFound"),
      "a suspended account": refusedWith("AccountNotOpen"),
      "a used key": refusedWith("IdempotencyKeyReused"),
    },
  }),
]
