/**
 * Every call that changes something, once: for whatever must forget none.
 */
import type { Refusal } from "../refusals.ts"
import type { Call, InputSchema } from "./call.ts"
import {
  changeLimitCall,
  closeCampaignCall,
  createCampaignCall,
  issueCall,
  openCampaignCall,
  pauseCampaignCall,
  revokeCall,
} from "./couponCalls.ts"
import { cancelCall, completeCall, placeCall } from "./orderCalls.ts"
import { adjustPointsCall, chargeCall, closeCall, openCall, resumeCall, suspendCall } from "./pointsCalls.ts"
import { adjustStockCall, changePriceCall, registerCall, renameCall, restockCall, retireCall } from "./stockCalls.ts"

/** A call of whatever input. It is only given the request that its own schema and `normalise` have made. */
export type AnyCall = Call<InputSchema, unknown, unknown, Refusal>

const any = <S extends InputSchema, Request, Answer, R extends Refusal>(call: Call<S, Request, Answer, R>): AnyCall =>
  // biome-ignore lint/plugin/casts: requests come back to the call that made them, see above
  call as unknown as AnyCall

export const calls: ReadonlyArray<AnyCall> = [
  any(openCall),
  any(suspendCall),
  any(resumeCall),
  any(closeCall),
  any(chargeCall),
  any(adjustPointsCall),
  any(registerCall),
  any(restockCall),
  any(adjustStockCall),
  any(changePriceCall),
  any(renameCall),
  any(retireCall),
  any(createCampaignCall),
  any(openCampaignCall),
  any(pauseCampaignCall),
  any(closeCampaignCall),
  any(changeLimitCall),
  any(issueCall),
  any(revokeCall),
  any(placeCall),
  any(completeCall),
  any(cancelCall),
]
