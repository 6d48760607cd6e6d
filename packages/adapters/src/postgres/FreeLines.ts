/**
 * The lines that nobody uses right now. The last one given back goes first, so that a spare one is opened late.
 */
import type { Turn } from "@holdfast/core"
import { Effect } from "effect"
import type { Line } from "./Line.ts"

/** Every so many turns one is kept: the driver lets go of what was answered only when nothing is on its way. */
const turnsBetweenRests = 32

export class FreeLines {
  readonly #free: Array<Line>
  readonly #waiting: Array<(line: Line) => void> = []
  /** By lane, where its last batch went that passed its turn. */
  readonly #lastOf = new Map<number, Line>()
  #turns = 0

  constructor(lines: ReadonlyArray<Line>) {
    this.#free = Array.from(lines).reverse()
  }

  /**
   * Uses a line alone until the end; with a turn, until everything is `sent`. The lane's next batch then goes down the same
   * line, behind this one, unless somebody else took the line before it.
   */
  use<A, E>(run: (line: Line, sent: () => void) => Effect.Effect<A, E>, turn?: Turn): Effect.Effect<A, E> {
    let isMine = true
    const give = (line: Line): void => {
      if (isMine) this.#give(line)
      isMine = false
    }
    return Effect.acquireUseRelease(
      this.#take(turn),
      (line) =>
        run(line, () => {
          if (turn === undefined || ++this.#turns % turnsBetweenRests === 0) return
          this.#lastOf.set(turn.lane, line)
          give(line)
          turn.pass()
        }),
      (line) => Effect.sync(() => give(line)),
    )
  }

  #take(turn: Turn | undefined): Effect.Effect<Line> {
    return Effect.suspend(() => {
      const last = turn === undefined ? undefined : this.#lastOf.get(turn.lane)
      // −1, where it is not free, is the last one given back.
      const [line] = this.#free.splice(last === undefined ? -1 : this.#free.indexOf(last), 1)
      return line === undefined ? this.#wait : Effect.succeed(line)
    })
  }

  readonly #wait: Effect.Effect<Line> = Effect.callback<Line>((resume) => {
    const take = (line: Line): void => resume(Effect.succeed(line))
    this.#waiting.push(take)
    return Effect.sync(() => {
      const index = this.#waiting.indexOf(take)
      if (index >= 0) this.#waiting.splice(index, 1)
    })
  })

  #give(line: Line): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free.push(line)
    else next(line)
  }
}
