/**
 * Commands for trials: decoded and normalised by the real calls, stamped with ids and times of the trial's own.
 */
import type { Command } from "../../decision/Command.ts"
import type { Call, InputSchema, Settings } from "../../decision/call.ts"
import {
  changeLimitCall,
  closeCampaignCall,
  createCampaignCall,
  issueCall,
  openCampaignCall,
  pauseCampaignCall,
  revokeCall,
} from "../../decision/couponCalls.ts"
import { cancelCall, completeCall, placeCall } from "../../decision/orderCalls.ts"
import {
  adjustPointsCall,
  chargeCall,
  closeCall,
  openCall,
  resumeCall,
  suspendCall,
} from "../../decision/pointsCalls.ts"
import {
  adjustStockCall,
  changePriceCall,
  registerCall,
  renameCall,
  restockCall,
  retireCall,
} from "../../decision/stockCalls.ts"
import { admissionOf } from "../../engine/admission.ts"
import type { InvalidInput, Refusal } from "../../refusals.ts"
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

const admitter = <S extends InputSchema, Request, Answer, R extends Refusal>(
  call: Call<S, Request, Answer, R>,
): readonly [string, (settings: Settings) => Admit] => [
  call.name,
  (settings) => {
    const admit = admissionOf(call, {
      now: () => 0,
      nextId: () => idOf("unstamped"),
      deadlineMillis: 0,
      scope: Scope.make("unstamped"),
      settings,
    })
    // biome-ignore lint/plugin/casts: an operation is only ever called with the request of its own command
    return (input) => admit(input) as unknown as Command | InvalidInput
  },
]

const calls = new Map<string, (settings: Settings) => Admit>([
  admitter(openCall),
  admitter(suspendCall),
  admitter(resumeCall),
  admitter(closeCall),
  admitter(chargeCall),
  admitter(adjustPointsCall),
  admitter(registerCall),
  admitter(restockCall),
  admitter(adjustStockCall),
  admitter(changePriceCall),
  admitter(renameCall),
  admitter(retireCall),
  admitter(createCampaignCall),
  admitter(openCampaignCall),
  admitter(pauseCampaignCall),
  admitter(closeCampaignCall),
  admitter(changeLimitCall),
  admitter(issueCall),
  admitter(revokeCall),
  admitter(placeCall),
  admitter(completeCall),
  admitter(cancelCall),
])

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
  const admit = admitted.get(text) ?? calls.get(name)?.({ accounts })
  if (admit === undefined) throw new Error(`There is no call ${name}.`)
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
