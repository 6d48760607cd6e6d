/**
 * How laws look at the subscriptions of a trial.
 */

import type { DeliveryRecord, TrialRecord } from "../trial/Trial.ts"
import { pointLedgers, stockLedgers, ticketLists } from "./evidence.ts"
import type { Law, Violation } from "./Law.ts"

type Check = (delivery: DeliveryRecord, trial: TrialRecord) => Violation | undefined

/** For trials that have subscriptions. */
export const ofDelivery =
  (check: Check): Law["check"] =>
  (trial) =>
    trial.delivery && check(trial.delivery, trial)

export const sometimes =
  (met: (delivery: DeliveryRecord, trial: TrialRecord) => boolean) =>
  (trial: TrialRecord): boolean =>
    trial.delivery !== undefined && met(trial.delivery, trial)

export const faultMet =
  (...names: ReadonlyArray<string>) =>
  ({ faultsMet, delivery }: TrialRecord): boolean =>
    delivery !== undefined && names.some((name) => faultsMet.includes(name))

/** Ids in the order in which they came first. */
export const firstsOf = (eventIds: Iterable<string>): ReadonlyArray<string> => Array.from(new Set(eventIds))

/** Two events of one key that came first in another order than their positions: seq, revision, ticket. */
export const misplaced = (
  trial: TrialRecord,
  firsts: ReadonlyArray<string>,
  keyOf: (eventId: string) => string | undefined,
) => {
  const order = new Map(firsts.map((id, index) => [id, index]))
  for (const { owner, positions } of [...pointLedgers(trial), ...stockLedgers(trial), ...ticketLists(trial)]) {
    let latest = -1
    for (const { commandId, position } of positions) {
      const index = keyOf(commandId) === owner ? order.get(commandId) : undefined
      if (index === undefined) continue
      if (index < latest) return `the event at position ${position} of ${owner} came before an earlier one`
      latest = index
    }
  }
  return undefined
}

export const keysOf = ({ deliveries: delivered }: TrialRecord): ((eventId: string) => string | undefined) => {
  const keys = new Map(delivered.map(({ event }) => [String(event.id), event.key]))
  return (eventId) => keys.get(eventId)
}
