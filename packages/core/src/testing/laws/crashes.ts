/**
 * Laws of processes that end: whatever they were doing, the store is whole and a restart finds its way.
 */

import type { Op, TrialRecord } from "../trial/Trial.ts"
import { restarts } from "../workloads/restarts.ts"
import { audited, leftTraces } from "./evidence.ts"
import { broken, defineLaw, type Law } from "./Law.ts"

const crashed = ({ faultsMet }: TrialRecord): boolean => faultsMet.some((each) => each.startsWith("crash"))

const betweenSteps = { "a process ended between two steps": (trial: TrialRecord) => endedBetweenSteps(trial) }

const endedBetweenSteps = ({ faultsMet }: TrialRecord): boolean => faultsMet.includes("crash-at-step")

const repeats = ({ ops }: TrialRecord): ReadonlyArray<Op> => ops.filter(({ again }) => again)

export const crashLaws: ReadonlyArray<Law> = [
  defineLaw({
    id: "CRS-01",
    level: "MUST",
    title: "A process that ends at any step leaves each command done entirely or not at all",
    why: "Nobody is there to finish or undo the other half.",
    workload: restarts,
    check: (trial) => (crashed(trial) ? audited(trial, ...trial.audit.checks.map(({ id }) => id)) : undefined),
    sometimes: betweenSteps,
  }),
  defineLaw({
    id: "CRS-02",
    level: "MUST",
    title: "A call that is repeated after its process ended comes to a certain end",
    why: "What a dead process held must not keep its successor waiting.",
    workload: restarts,
    check: (trial) => {
      // Whoever's clock is corrected meanwhile may be past its deadline at once.
      if (trial.faultsMet.includes("clock-jump")) return undefined
      // That the store rejects it is an end as well: it is told as certain, and as nothing to be repeated.
      const open = repeats(trial).find(
        ({ reply }) => (reply._tag === "Unavailable" && reply.what !== "StoreRejected") || reply._tag === "Defect",
      )
      return open && broken(`Repeated after a crash it was answered ${JSON.stringify(open.reply)}.`, open)
    },
    sometimes: { ...betweenSteps, "a call was repeated": (trial) => repeats(trial).length > 0 },
  }),
  defineLaw({
    id: "CRS-03",
    level: "MUST",
    title: "A repeat after a crash is answered by what the first call did, where it did anything",
    why: "The restarted process remembers nothing: only the store can tell.",
    workload: restarts,
    check: (trial) => {
      for (const repeat of repeats(trial)) {
        const done = trial.ops.find(
          (op) =>
            op.reply._tag === "Crashed" &&
            op.end < repeat.start &&
            op.planned.call === repeat.planned.call &&
            op.key === repeat.key &&
            op.fingerprint === repeat.fingerprint &&
            leftTraces(trial, op.commandId),
        )
        // What was under way may come after the refusal of its repeat, but not after its acceptance.
        if (done !== undefined && repeat.reply._tag === "Accepted") {
          return broken("It had happened before the crash, and was accepted once more.", done, repeat)
        }
      }
      return undefined
    },
    sometimes: {
      "a repeat was answered from before the crash": (trial) =>
        repeats(trial).some(({ reply }) => reply._tag === "Replayed"),
    },
  }),
]
