// biome-ignore-all lint/style/noRestrictedImports: what is below the engine is measured without it, and users have no way around the engine
/**
 * The parts of core that the bare fold is made of. The one file of the bench that reaches past core's public surface.
 */
export type { Command } from "../../../packages/core/src/decision/Command.ts"
export { fold, keysOfCommands } from "../../../packages/core/src/decision/fold.ts"
export { placeCall } from "../../../packages/core/src/decision/orderCalls.ts"
export { admissionOf, isInvalid } from "../../../packages/core/src/engine/admission.ts"
export { makeStamps } from "../../../packages/core/src/services/stamps.ts"
