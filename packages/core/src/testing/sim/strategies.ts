/**
 * How schedules are searched: all of them with few switches, random ones, random ones with priorities, or one again.
 *
 * - `exhaustive`: iterative context bounding (Musuvathi & Qadeer, PLDI 2007). First the schedule without switches, then
 *   every one with one, then with two. Most concurrency bugs need no more.
 * - `pct`: probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS 2010): random
 *   priorities, lowered at `depth − 1` random steps.
 */
import { type Draws, drawsOf } from "./draws.ts"
import type { Chooser, Decision } from "./SimScheduler.ts"

/** What was decided in one run, one number for each decision. Zeros at the end may be left out. */
export type Tape = ReadonlyArray<number>

/** A way of searching. Immutable: every exploration starts it anew. */
export interface Strategy {
  readonly name: string
  readonly start: () => Search
}

/** A search under way. */
interface Search {
  /** Decides the next run; undefined where every schedule of the search has been tried. */
  readonly next: () => Chooser | undefined
  /** Told of each run that is over. */
  readonly learn: (decisions: ReadonlyArray<Decision>) => void
}

/** Plays one tape, once. Decisions after its end are 0. */
export const replay = (tape: Tape): Strategy => ({
  name: "replay",
  start: () => {
    let played = false
    return {
      next: () => {
        if (played) return undefined
        played = true
        return chooserOf(tape)
      },
      learn: () => {},
    }
  },
})

/**
 * Random schedules without end. `switchChance` (default 0.2) is how likely a running fiber is stopped at each operation;
 * a fiber that stopped by itself is followed by any of the ready ones.
 */
export const random = (seed: number, options: { readonly switchChance?: number } = {}): Strategy => ({
  name: `random(${seed})`,
  start: () => {
    const { switchChance = 0.2 } = options
    let run = 0
    return { next: () => randomChooser(drawsOf(seed, run++), switchChance), learn: () => {} }
  },
})

/** Random priorities, lowered at `depth − 1` steps: finds bugs that need `depth` ordering constraints. Default seed 1. */
export const pct = (options: { readonly depth: number; readonly seed?: number }): Strategy => ({
  name: `pct(${options.depth})`,
  start: () => {
    let run = 0
    // How many decisions a run has is learnt from the runs before.
    let length = 16
    return {
      next: () => pctChooser(drawsOf(options.seed ?? 1, run++), options.depth, length),
      learn: (decisions) => {
        length = Math.max(8, decisions.length)
      },
    }
  },
})

/** Every schedule with at most `switches` switches (default 2), those with fewest first. */
export const exhaustive = (options: { readonly switches?: number } = {}): Strategy => ({
  name: `exhaustive(${options.switches ?? 2})`,
  start: () => {
    const { switches = 2 } = options
    let round: Array<Tape> = [[]]
    let later: Array<Tape> = []
    let playing: Tape = []
    let spent = 0
    return {
      next: () => {
        if (round.length === 0) {
          spent++
          round = later
          later = []
        }
        const tape = round.pop()
        if (tape === undefined) return undefined
        playing = tape
        return chooserOf(tape)
      },
      // Every decision after the tape's end was 0: each other answer there is a schedule with one switch more.
      learn: (decisions) => {
        if (spent >= switches) return
        const taken = decisions.map(({ chosen }) => chosen)
        for (let at = playing.length; at < decisions.length; at++) {
          const { options: count = 1 } = decisions[at] ?? {}
          for (let chosen = 1; chosen < count; chosen++) later.push([...taken.slice(0, at), chosen])
        }
      },
    }
  },
})

const chooserOf = (tape: Tape): Chooser => {
  let at = 0
  return () => tape[at++] ?? 0
}

const randomChooser =
  (draws: Draws, switchChance: number): Chooser =>
  ({ options, preempts }) => {
    if (!preempts) return draws.below(options)
    return draws.chance(switchChance) ? 1 + draws.below(options - 1) : 0
  }

const pctChooser = (draws: Draws, depth: number, length: number): Chooser => {
  const priorities = new Map<number, number>()
  const changes = new Map<number, number>()
  for (let change = 1; change < depth; change++) changes.set(draws.below(length), depth - change)
  const priorityOf = (fiber: number): number => {
    const known = priorities.get(fiber)
    if (known !== undefined) return known
    const priority = depth + draws.real()
    priorities.set(fiber, priority)
    return priority
  }
  let at = 0
  return ({ options, fiberOf }) => {
    const lowered = changes.get(at++)
    if (lowered !== undefined) priorities.set(fiberOf(0), lowered)
    let best = 0
    for (let option = 1; option < options; option++) {
      if (priorityOf(fiberOf(option)) > priorityOf(fiberOf(best))) best = option
    }
    return best
  }
}
