/**
 * A command on its way through the engine, and how it may end.
 */
import type { Command, Decision } from "../decision/Command.ts"
import type { Unavailable } from "../refusals.ts"

/** How a submitted command ended. Exactly one outcome is given to its resolver. */
export type Outcome =
  | Exclude<Decision, { readonly _tag: "Expired" }>
  | { readonly _tag: "Unavailable"; readonly unavailable: Unavailable }

export interface Pending {
  readonly command: Command
  readonly resolve: (outcome: Outcome) => void
  /** The order of admission. */
  readonly sequence: number
  /** The one lane that may take it; undefined where any may. */
  readonly lane: number | undefined
  /**
   * `waiting` for another command of the same key; `queued`; `taken` by a lane; `settled`: its resolver was called or
   * its caller has left.
   */
  state: "waiting" | "queued" | "taken" | "settled"
  /** True from the first lost reply on: from then on nobody may say that nothing happened. */
  uncertain: boolean
}

/** Answers the caller, once. */
export const settle = (pending: Pending, outcome: Outcome): void => {
  if (pending.state === "settled") return
  pending.state = "settled"
  pending.resolve(outcome)
}

/** What is certain about a command that was not decided in time. */
export const notInTime = (pending: Pending): Unavailable =>
  pending.uncertain || pending.state === "taken"
    ? { _tag: "StoreUnavailable", outcome: "unknown", reason: "no answer before the deadline" }
    : {
        _tag: "DeadlineExceeded",
        outcome: "nothing-happened",
        deadlineMillis: pending.command.deadline - pending.command.at,
      }
