/**
 * The claims of a trial, and the shop that they are made in.
 */
import { Effect } from "effect"
import type { Claim } from "../../coupons/Request.ts"
import type { AnyCall } from "../../decision/calls.ts"
import { changeLimitCall, createCampaignCall } from "../../decision/couponCalls.ts"
import { fold, keysOfCommands } from "../../decision/fold.ts"
import { openCall } from "../../decision/pointsCalls.ts"
import { admissionOf, isInvalid } from "../../engine/admission.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import { AccountId, CampaignId, type CommandId, IdempotencyKey, Scope } from "../../values.ts"
import type { Draws } from "../sim/draws.ts"

export const opensAt = 1_700_000_000_000
export const closesAt = opensAt + 1_000
const firstLimit = 6
export const campaignId = CampaignId.make("spring")

/** What ids may end with, and what columns, collations and envelopes make something else of. */
const endings = ["", "A", "a", "가", "é", "e\u0301", "🎟️", "'\"\\", "a/b.c", "x".repeat(80)] as const
const scopes = ["requests", "Requests", "요청"] as const

export const claimsOf = (draws: Draws, seed: number, first: string): ReadonlyArray<Claim> =>
  Array.from({ length: draws.between(20, 40) }, (_, index): Claim => {
    const id = `${first}${seed}N${index}`
    return {
      campaignId,
      accountId: AccountId.make(`account-${first}${index}${draws.oneOf(endings)}`),
      at: draws.oneOf([opensAt, opensAt + 501, closesAt - 1, opensAt - 1, closesAt]),
      // biome-ignore lint/plugin/casts: unique, as the engine's own are
      commandId: id as CommandId,
      scope: Scope.make(draws.oneOf(scopes)),
      key: IdempotencyKey.make(`${id}${draws.oneOf(endings)}`),
    }
  })

export const furnish = (store: StoreShape, claims: ReadonlyArray<Claim>) =>
  Effect.gen(function* () {
    for (const { accountId } of claims) yield* carryOut(store, openCall, { accountId })
    const discount = { type: "flat", amount: 1 }
    const window = { opensAt: new Date(opensAt), closesAt: new Date(closesAt) }
    yield* carryOut(store, createCampaignCall, { campaignId, name: "Spring", discount, limit: firstLimit, ...window })
  })

export const raise = (store: StoreShape, limit: number) => carryOut(store, changeLimitCall, { campaignId, limit })

let made = 0

/** One call of the operator's, beside all engines. */
const carryOut = (store: StoreShape, call: object, input: object): Effect.Effect<void, StoreFault> => {
  // biome-ignore lint/plugin/casts: calls of different inputs, each of which its own schema decodes
  const admit = admissionOf(call as AnyCall, {
    now: () => opensAt,
    // biome-ignore lint/plugin/casts: unique, as the engine's own are
    nextId: () => `OPERATOR${++made}` as CommandId,
    deadlineMillis: 1_000,
    scope: Scope.make("operator"),
    settings: { accounts: "opened-on-purpose" },
  })
  const command = admit(input)
  if (isInvalid(command)) return Effect.die(new Error(JSON.stringify(command)))
  return Effect.asVoid(store.transact(keysOfCommands([command]), (records) => fold([command], records, opensAt)))
}
