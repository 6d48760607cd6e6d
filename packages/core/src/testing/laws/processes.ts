/**
 * Laws of several processes with connections of their own: what crosses, what is cut off, and what a standby takes over.
 */

import type { TrialRecord } from "../trial/Trial.ts"
import { crossings, failovers, frames, pipelines } from "../workloads/processes.ts"
import { audited, overlap } from "./evidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

const met =
  (what: string) =>
  ({ faultsMet }: TrialRecord) =>
    faultsMet.includes(what)
const allChecks = (trial: TrialRecord) => audited(trial, ...trial.audit.checks.map(({ id }) => id))
const ofSeveral = ({ plan }: TrialRecord): boolean => (plan.engines ?? 1) > 1

export const processLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "PRC-01",
    level: "MUST",
    title: "What processes do at once is what one after the other would have done",
    why: "Each of them remembers what the others have changed by now.",
    workload: crossings,
    needs: "processes",
    check: (trial) => (ofSeveral(trial) ? allChecks(trial) : undefined),
    sometimes: {
      "two calls at once": ({ ops }) => overlap(ops.filter(({ client }) => client >= 0)),
      "a stranger held a row": met("hold-row"),
    },
  }),
  defineLaw({
    id: "PRC-02",
    level: "MUST",
    title: "A batch that follows another one before that is answered stands on what became of it",
    why: "It was decided on what the first one would have left, had nobody come in between.",
    workload: pipelines,
    needs: "processes",
    check: (trial) => (trial.plan.clients.some((steps) => steps.some(isBehind)) ? allChecks(trial) : undefined),
    sometimes: { "a batch followed another one": ({ plan }) => plan.clients.some((steps) => steps.some(isBehind)) },
  }),
  defineLaw({
    id: "PRC-03",
    level: "MUST",
    title: "Whatever becomes of a frame, each command is done entirely or not at all",
    why: "A connection ends where it ends, and a session outlives its client.",
    workload: frames,
    needs: "processes",
    check: (trial) => (trial.faultsMet.some((each) => each.startsWith("cut-frame")) ? allChecks(trial) : undefined),
    sometimes: {
      "a frame was lost": met("cut-frame lost"),
      "an answer was lost": met("cut-frame unanswered"),
      "a session outlived its client": met("cut-frame outlived"),
    },
  }),
  defineLaw({
    id: "PRC-04",
    level: "MUST",
    title: "What was acknowledged is there when a standby has taken over",
    why: "A row may be there to be read whose own commit gave up waiting for the standby.",
    workload: failovers,
    needs: "processes",
    check: (trial) => {
      if (!met("promote")(trial)) return undefined
      const kept = new Set(trial.snapshot.records.receipt.map(({ operation, key }) => `${operation} ${key}`))
      const lost = trial.ops.find(
        ({ reply, planned, key }) =>
          (reply._tag === "Accepted" || (reply._tag === "Replayed" && planned.key !== undefined)) &&
          !kept.has(`${planned.call} ${key}`),
      )
      return lost && broken("It was acknowledged, and the standby that took over does not have it.", lost)
    },
    sometimes: { "a standby took over": met("promote"), "a commit gave up waiting": met("cancel-wait") },
  }),
]

const isBehind = (step: TrialRecord["plan"]["clients"][number][number]): boolean =>
  step.do === "call" && step.behind === true
