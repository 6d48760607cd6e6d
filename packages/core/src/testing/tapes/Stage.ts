/**
 * A stage: shops on one server, of which every frame and every reply is held and let go one at a time.
 *
 * Whoever builds one stands between the shops and their server, and can tell when nothing moves any more: when all that
 * was let go is answered, or waits for a lock. So no clock decides anything, and a run is played again by its choices.
 */
import type { Effect } from "effect"
import type { StoreShape } from "../../ports/index.ts"

/** What can be done next. */
export interface Move {
  /**
   * `send`: a frame to the server. `reply`: what it answered. `timeout`: a frame that waits for a lock gives up. `cut`: the
   * connection ends instead of a reply; offered where the server has nothing of it under way, so that it notices at once.
   */
  readonly does: "send" | "reply" | "timeout" | "cut"
  /** The shop and its connection, numbered from 0 in the order in which they were opened: `1.0`. */
  readonly at: string
  /** What is in the frame, in words that are the same in every run. */
  readonly what: string
}

export interface Stage {
  /** The store that makes ready what the shops find, and is read when all has ended. Nothing of it is held. */
  readonly store: StoreShape
  readonly shops: ReadonlyArray<StoreShape>
  /** From now on nothing moves by itself. */
  readonly hold: Effect.Effect<void>
  /** How many frames of a shop are held, on their way, or answered with a reply that is held. */
  readonly outstanding: (shop: number) => number
  /** Lets others run for a turn. */
  readonly turn: Effect.Effect<void>
  /**
   * Waits until nothing moves: `isQuiet` says it of the shops, and the stage knows it of the server. Answers what can be
   * done then, in an order that is the same in every run of the same choices: sends, replies, time-outs, then cuts.
   */
  readonly moves: (isQuiet: () => boolean) => Effect.Effect<ReadonlyArray<Move>>
  readonly make: (move: Move) => Effect.Effect<void>
  /** Everything moves by itself again. */
  readonly letGo: Effect.Effect<void>
}
