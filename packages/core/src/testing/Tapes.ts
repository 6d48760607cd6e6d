/**
 * The namespace `Tapes`: several shops on one real server, under every order of their frames.
 *
 * `play` searches, `replay` plays one order again; `plans` are small plans to begin with. Whoever has a driver builds the
 * `Stage`: `@holdfast/adapters/testing` has one for PostgreSQL. `simulatedStages` are those of the simulated server, which
 * must come to the same.
 */
export type { TapePlan } from "./tapes/playTape.ts"
export {
  type Beside,
  type Divergence,
  divergenceOf,
  everyOrder,
  type OpenStage,
  playTapes as play,
  replayTape as replay,
  type TapeFailure,
  type TapesOptions,
  type TapesReport,
} from "./tapes/playTapes.ts"
export type { Move, Stage } from "./tapes/Stage.ts"
export { type SimulatedStagesOptions, simulatedStages } from "./tapes/simulatedStages.ts"
export { tapePlans as plans } from "./tapes/tapePlans.ts"
