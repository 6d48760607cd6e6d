/**
 * A store over lines: what the server and the embedded database have in common.
 */

import type { Guarantees, StoreShape } from "@holdfast/core"
import { Effect } from "effect"
import { HeldKeys } from "./busy.ts"
import { Conflicts } from "./Conflicts.ts"
import { joiner } from "./joined.ts"
import type { Line } from "./Line.ts"
import { outboxOn } from "./outbox.ts"
import { Remembered } from "./Remembered.ts"
import { readsOn, scansOn } from "./reads.ts"
import { Audience } from "./statements/outbox.ts"
import { type Path, transactOn } from "./transact.ts"

export interface Lines {
  /** As many as may decide at once. */
  readonly deciding: ReadonlyArray<Line>
  readonly reading: Line
  readonly scanning: Line
  readonly delivering: Line
}

export const storeOnLines = (guarantees: Guarantees, schema: string, lines: Lines, path: Path = "any"): StoreShape => {
  const transactor = {
    conflicts: new Conflicts(),
    held: new HeldKeys(),
    remembered: new Remembered(),
    audience: new Audience(),
    path,
  }
  const free = new FreeLines(lines.deciding)
  return {
    guarantees,
    transact: (keys, decide) => free.use((line) => line.use((wire) => transactOn(transactor, wire, keys, decide))),
    reads: readsOn(lines.reading),
    ...scansOn(lines.scanning),
    outbox: outboxOn(lines.delivering),
    join: joiner(guarantees, schema),
  }
}

/** The lines that nobody uses right now. The last one given back goes first, so that a spare one is opened late. */
class FreeLines {
  readonly #free: Array<Line>
  readonly #waiting: Array<(line: Line) => void> = []

  constructor(lines: ReadonlyArray<Line>) {
    this.#free = Array.from(lines).reverse()
  }

  use<A, E>(run: (line: Line) => Effect.Effect<A, E>): Effect.Effect<A, E> {
    return Effect.acquireUseRelease(this.#take, run, (line) => Effect.sync(() => this.#give(line)))
  }

  get #take(): Effect.Effect<Line> {
    return Effect.suspend(() => {
      const line = this.#free.pop()
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
