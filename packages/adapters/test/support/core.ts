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
export {
  broken,
  charge,
  furnish,
  issue,
  place,
  restock,
} from "../../../core/test/memory/world.ts"
export { concurrencySuite } from "../../../core/test/suites/concurrency.ts"
export { equalitySuite } from "../../../core/test/suites/equality.ts"
export { outboxSuite } from "../../../core/test/suites/outbox.ts"
export { readsSuite } from "../../../core/test/suites/reads.ts"
export type { SuiteStore } from "../../../core/test/suites/SuiteStore.ts"
export { command, commandMaker, keyOf, testScope, transact } from "../../../core/test/support/commands.ts"
// biome-ignore-end lint/style/noRestrictedImports: see above
