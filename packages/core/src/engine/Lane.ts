/**
 * A lane: its batches go one after the other, and two of them overlap where the store passes the turn before the first is
 * durable. One fiber serves a lane, or two where its batches may overlap: whoever has the turn takes the next batch.
 */
import { Effect } from "effect"
import type { Turn } from "../ports/Store.ts"
import { Signal } from "./Signal.ts"

export class Lane {
  readonly index: number
  /** Notified when there may be something to take. */
  readonly work = new Signal()
  readonly #turn = new Signal()
  #underway = 0
  #arePassed = false

  constructor(index: number) {
    this.index = index
    this.#turn.notify()
  }

  /** How many commands are on their way that passed their turn; undefined where the last batch kept it to its end. */
  get underway(): number | undefined {
    return this.#arePassed ? this.#underway : undefined
  }

  /** Waits for the turn, and has it until the end or until it passes it. */
  readonly take = (run: (pass: () => void) => Effect.Effect<void>): Effect.Effect<void> =>
    Effect.flatMap(this.#turn.wait, () => {
      let isMine = true
      const pass = (): void => {
        if (isMine) this.#turn.notify()
        isMine = false
      }
      return Effect.ensuring(run(pass), Effect.sync(pass))
    })

  /** Runs a batch of so many commands that may pass the turn. */
  overlapping(size: number, pass: () => void, run: (turn: Turn) => Effect.Effect<void>): Effect.Effect<void> {
    this.#underway += size
    const passed = (): void => {
      this.#arePassed = true
      pass()
    }
    const ended = Effect.sync(() => {
      this.#underway -= size
    })
    return Effect.ensuring(run({ lane: this.index, pass: passed }), ended)
  }

  /** The next batch waits for the end of this one. */
  keepTurn(): void {
    this.#arePassed = false
  }
}
