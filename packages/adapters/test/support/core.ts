/**
 * What the tests of a store need of the core's inside: its calls, to decide as a lane of the engine does without one.
 */
// biome-ignore-start lint/style/noRestrictedImports: a store is tested below the engine, where nothing is public
export type { Command } from "../../../core/src/decision/Command.ts"
export {
  changeLimitCall,
  createCampaignCall,
  issueCall,
  openCampaignCall,
  pauseCampaignCall,
  revokeCall,
} from "../../../core/src/decision/couponCalls.ts"
export { cancelCall, completeCall, placeCall } from "../../../core/src/decision/orderCalls.ts"
export {
  adjustPointsCall,
  chargeCall,
  closeCall,
  openCall,
  resumeCall,
  suspendCall,
} from "../../../core/src/decision/pointsCalls.ts"
export {
  adjustStockCall,
  changePriceCall,
  registerCall,
  restockCall,
  retireCall,
} from "../../../core/src/decision/stockCalls.ts"
export { hourOf } from "../../../core/src/popularity/SalesBucket.ts"
export { AccountId, CampaignId, OrderId, ProductId, SubscriptionName } from "../../../core/src/values.ts"
export {
  broken,
  byBytes,
  charge,
  contentsOf,
  furnish,
  issue,
  place,
  restock,
  scanAll,
} from "../../../core/test/memory/world.ts"
export { command, commandMaker, keyOf, testAt, testScope, transact } from "../../../core/test/support/commands.ts"
// biome-ignore-end lint/style/noRestrictedImports: see above
