/**
 * A lane: its batches go one after the other, and two of them overlap where the store passes the turn before the first is
 * durable. One fiber serves a lane, or two where its batches may overlap: whoever has the turn takes the next batch.
 */
import { Effect } from "effect"
import type { Turn } from "../ports/index.ts"
import { Signal } from "./Signal.ts"

export class Lane {
  readonly index: number
  /** Notified when there may be something to take. */
  readonly work = new Signal()
  /** Whether the last batch passed its turn. */
  overlaps = false
  readonly #turn = new Signal()
  /** How many batches it has in hand, and until when it was told how long it had any. */
  #inHand = 0
  #toldUntil = 0

  constructor(index: number) {
    this.index = index
    this.#turn.notify()
  }

  takes(now: number): void {
    if (this.#inHand++ === 0) this.#toldUntil = now
  }

  /** One batch less. Answers for how long the lane had any since it last told: batches that overlap are not counted twice. */
  gives(now: number): number {
    const busy = now - this.#toldUntil
    this.#inHand--
    this.#toldUntil = now
    return busy
  }

  /** Waits for the turn, and has it to the end of `run` or until that passes it. */
  readonly inTurn = (run: (turn: Turn) => Effect.Effect<void>): Effect.Effect<void> =>
    Effect.flatMap(this.#turn.wait, () => {
      let isMine = true
      const end = (): void => {
        if (isMine) this.#turn.notify()
        isMine = false
      }
      const pass = (): void => {
        this.overlaps ||= isMine
        end()
      }
      return Effect.ensuring(run({ lane: this.index, pass }), Effect.sync(end))
    })
}
