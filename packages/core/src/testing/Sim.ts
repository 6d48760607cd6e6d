/**
 * The namespace `Sim`: deterministic simulation of any program in Effect.
 */
export type { Draws } from "./sim/draws.ts"
export { drawsOf } from "./sim/draws.ts"
export {
  type Explored,
  type ExploreOptions,
  explore,
  isFailure,
  jumpClock,
  type Nondeterminism,
  type RunOptions,
  run,
  type Stuck,
  type Trial,
  trimmed,
} from "./sim/Sim.ts"
export { exhaustive, pct, random, replay, type Strategy, type Tape } from "./sim/strategies.ts"
