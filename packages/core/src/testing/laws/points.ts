/**
 * Laws of accounts and points.
 */

import { wallets } from "../workloads/contended.ts"
import {
  answerOf,
  audited,
  callsOf,
  countersDuring,
  fieldOf,
  outOfOrder,
  overlap,
  pointLedgers,
  refusalOf,
  refusedWith,
  staleRead,
} from "./evidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

export const pointLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "PTS-01",
    level: "MUST",
    title: "A balance is the sum of its entries, never below zero, within its limit, its entries without gaps",
    why: "Points are money: a lost update makes or destroys some.",
    workload: wallets,
    check: (trial) => audited(trial, "point-ledger", "account-balance", "balance-limit"),
    sometimes: { "two charges at once": (trial) => overlap(callsOf(trial, "points.charge")) },
  }),
  defineLaw({
    id: "PTS-02",
    level: "MUST",
    title: "A charge or correction is answered with the balance and position of its own entry",
    why: "Hosts show this number to people, and a stored answer repeats it for ever.",
    workload: wallets,
    check: (trial) => {
      for (const op of callsOf(trial, "points.charge", "points.adjust")) {
        const answer = answerOf(op)
        if (answer === undefined) continue
        const owner = fieldOf(answer, "accountId")
        const entry = trial.snapshot.rows.entry.find(
          (each) => each.accountId === owner && each.seq === fieldOf(answer, "seq"),
        )
        if (entry === undefined || entry.balance !== fieldOf(answer, "balance")) {
          return broken(
            `The answer ${JSON.stringify(answer)} is not what the ledger says: ${JSON.stringify(entry)}.`,
            op,
          )
        }
        if (op.reply._tag === "Accepted" && entry.commandId !== op.commandId) {
          return broken(`The answer ${JSON.stringify(answer)} names the position of somebody else's entry.`, op)
        }
      }
      return undefined
    },
    sometimes: { "two moves at once": (trial) => overlap(callsOf(trial, "points.charge", "points.adjust")) },
  }),
  defineLaw({
    id: "PTS-03",
    level: "MUST",
    title: "Who was answered before another one called stands before it in the ledger",
    why: "Linearizability: a ledger in another order than the world's cannot be explained to anybody.",
    workload: wallets,
    check: (trial) => outOfOrder(pointLedgers(trial), "Entry"),
    sometimes: { "two charges at once": (trial) => overlap(callsOf(trial, "points.charge")) },
  }),
  defineLaw({
    id: "PTS-04",
    level: "MUST",
    title: "PointsNotEnough names a balance that the account had during the call",
    why: "A refusal out of a cache turns buyers away who can pay.",
    workload: wallets,
    check: (trial) => {
      const ledgers = pointLedgers(trial)
      for (const op of trial.ops) {
        const refusal = refusalOf(op, "PointsNotEnough")
        if (refusal === undefined) continue
        const during = countersDuring(
          ledgers.find(({ owner }) => owner === refusal.accountId),
          op,
          0,
        )
        if (!during.includes(refusal.available) || refusal.available >= refusal.required) {
          return broken(
            `Refused for a balance of ${refusal.available}; during the call it was ${during.join(" or ")}.`,
            op,
          )
        }
      }
      return undefined
    },
    sometimes: { "points were not enough": refusedWith("PointsNotEnough") },
  }),
  defineLaw({
    id: "PTS-05",
    level: "MUST",
    title: "A read of an account shows a state that it had during the read",
    why: "Callers read their own writes: no stale replica or cache behind a read.",
    workload: wallets,
    check: (trial) => staleRead(trial, pointLedgers(trial), "account"),
    sometimes: { "an account was read": ({ reads }) => reads.some(({ what }) => what === "account") },
  }),
]
