/**
 * Deciding one command: the receipt first, then the rule, then the two rows that every acceptance writes.
 */
import type { Event } from "../events/Event.ts"
import type { Command, Decision, EventOf } from "./Command.ts"
import type { Receipt, Stored } from "./Receipt.ts"
import type { Records } from "./Records.ts"

/**
 * Decides a command against current records. Pure: the same arguments always give the same decision, so a store may
 * call it again after a conflict. `now` is only compared with the command's deadline.
 */
export const decide = (records: Records, command: Command, now: number): Decision => {
  const { operation } = command
  const receipt = records.receipt(command.scope, operation.name, command.key)
  if (receipt !== undefined) return recall(receipt, command)
  if (now > command.deadline) return { _tag: "Expired" }
  const verdict = operation.decide(records, command.request, command)
  switch (verdict._tag) {
    case "Accept":
      return {
        _tag: "Accepted",
        answer: verdict.answer,
        changes: verdict.changes,
        receipt: receiptOf(command, verdict.stored),
        event: envelope(command, verdict.event),
      }
    case "Repeat":
      return { _tag: "Repeated", answer: verdict.answer }
    default:
      return { _tag: "Refused", refusal: verdict }
  }
}

const recall = (receipt: Receipt, command: Command): Decision =>
  receipt.fingerprint === command.fingerprint
    ? { _tag: "Recalled", receipt, own: receipt.commandId === command.id }
    : {
        _tag: "Refused",
        refusal: { _tag: "IdempotencyKeyReused", operation: command.operation.name, key: command.key },
      }

const receiptOf = (command: Command, answer: Stored): Receipt => ({
  scope: command.scope,
  operation: command.operation.name,
  key: command.key,
  commandId: command.id,
  fingerprint: command.fingerprint,
  answer,
  at: command.at,
})

const envelope = (command: Command, { type, aggregate, key, data }: EventOf): Event => ({
  id: command.id,
  type,
  version: 1,
  occurredAt: command.at,
  aggregate,
  key,
  data,
})
