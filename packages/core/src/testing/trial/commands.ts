/**
 * Commands for trials: decoded and normalised by the real calls, stamped with ids and times of the trial's own.
 */
import type { Command } from "../../decision/Command.ts"
import type { Settings } from "../../decision/call.ts"
import { type AnyCall, calls } from "../../decision/calls.ts"
import { admissionOf } from "../../engine/admission.ts"
import type { InvalidInput } from "../../refusals.ts"
import { type CommandId, type IdempotencyKey, Scope } from "../../values.ts"

/** The parts of a command that a trial chooses. */
export interface Stamp {
  readonly id: string
  readonly at: number
  readonly deadline: number
  readonly scope: string
  readonly key: string
}

type Admit = (input: object) => Command | InvalidInput

const admitter = (call: AnyCall, settings: Settings): Admit => {
  const stamps = { now: () => 0, nextId: () => idOf("unstamped"), deadlineMillis: 0, scope: Scope.make("unstamped") }
  return admissionOf(call, { ...stamps, settings })
}

const byName = new Map(calls.map((call) => [call.name, call] as const))

// Decoders are compiled once: a trial is shorter than a compilation.
const admitted = new Map<string, Admit>()

/** Makes a command. Throws for a plan that no caller could have typed: that is a bug of the plan. */
export const commandOf = (
  name: string,
  input: { readonly [field: string]: unknown },
  stamp: Stamp,
  opensOnCharge: boolean,
): Command => {
  const accounts = opensOnCharge ? "open-on-first-charge" : "opened-on-purpose"
  const text = `${accounts} ${name}`
  const call = byName.get(name)
  if (call === undefined) throw new Error(`There is no call ${name}.`)
  const admit = admitted.get(text) ?? admitter(call, { accounts })
  admitted.set(text, admit)
  const command = admit({ ...input, key: stamp.key })
  if ("_tag" in command) throw new Error(`${name} was planned with invalid input: ${JSON.stringify(command.issues)}`)
  const { id, at, deadline, scope, key } = stamp
  const { operation, request, fingerprint } = command
  // A plain value, so that a broken engine of the zoo can be a copy with one field changed.
  return { operation, request, fingerprint, id: idOf(id), at, deadline, scope: Scope.make(scope), key: keyOf(key) }
}

// biome-ignore lint/plugin/casts: this is the one place where trials make command ids
const idOf = (id: string): CommandId => id as CommandId
// biome-ignore lint/plugin/casts: the call's own schema has checked the key
const keyOf = (key: string): IdempotencyKey => key as IdempotencyKey
