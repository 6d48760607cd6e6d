/** Every call that changes something, for tests that must forget none. */
import {
  changeLimitCall,
  closeCampaignCall,
  createCampaignCall,
  issueCall,
  openCampaignCall,
  pauseCampaignCall,
  revokeCall,
} from "../../src/decision/couponCalls.ts"
import { cancelCall, completeCall, placeCall } from "../../src/decision/orderCalls.ts"
import {
  adjustPointsCall,
  chargeCall,
  closeCall,
  openCall,
  resumeCall,
  suspendCall,
} from "../../src/decision/pointsCalls.ts"
import {
  adjustStockCall,
  changePriceCall,
  registerCall,
  renameCall,
  restockCall,
  retireCall,
} from "../../src/decision/stockCalls.ts"

export const calls = [
  openCall,
  suspendCall,
  resumeCall,
  closeCall,
  chargeCall,
  adjustPointsCall,
  registerCall,
  restockCall,
  adjustStockCall,
  changePriceCall,
  renameCall,
  retireCall,
  createCampaignCall,
  openCampaignCall,
  pauseCampaignCall,
  closeCampaignCall,
  changeLimitCall,
  issueCall,
  revokeCall,
  placeCall,
  completeCall,
  cancelCall,
]
