/**
 * What the tests of a store need of the core's inside: its calls, to decide as a lane of the engine does without one.
 */
// biome-ignore-start lint/style/noRestrictedImports: a store is tested below the engine, where nothing is public
export {
  createCampaignCall,
  issueCall,
  revokeCall,
} from "../../../core/src/decision/couponCalls.ts"
export { cancelCall, completeCall, placeCall } from "../../../core/src/decision/orderCalls.ts"
export { adjustPointsCall, openCall, resumeCall, suspendCall } from "../../../core/src/decision/pointsCalls.ts"
export { changePriceCall } from "../../../core/src/decision/stockCalls.ts"
export { sliceDecider } from "../../../core/src/delivery/decideRequests.ts"
export { orderStates } from "../../../core/src/orders/states.ts"
export { command, commandMaker, keyOf, testScope, transact } from "../../../core/src/testing/suites/commands.ts"
export { broken } from "../../../core/src/testing/suites/contents.ts"
export { charge, furnish, issue, place, restock } from "../../../core/src/testing/suites/shop.ts"
export {
  AccountId,
  Amount,
  CampaignId,
  IdempotencyKey,
  OrderId,
  ProductId,
  Quantity,
  SubscriptionName,
} from "../../../core/src/values.ts"
// biome-ignore-end lint/style/noRestrictedImports: see above
