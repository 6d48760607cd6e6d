/**
 * A store over lines: what the server and the embedded database have in common.
 */

import type { Guarantees, StoreShape } from "@holdfast/core"
import { Effect } from "effect"
import { FreeLines } from "./FreeLines.ts"
import { joiner } from "./joined.ts"
import type { Line } from "./Line.ts"
import { outboxOn } from "./outbox.ts"
import { readsOn, scansOn } from "./reads.ts"
import { blindly, firstWay, newTransactor, type Path, type Transactor, transactOn, type Way } from "./transact.ts"

export interface Lines {
  /** As many as may decide at once. */
  readonly deciding: ReadonlyArray<Line>
  readonly reading: Line
  readonly scanning: Line
  readonly delivering: Line
}

export const storeOnLines = (guarantees: Guarantees, schema: string, lines: Lines, path: Path = "any"): StoreShape => ({
  guarantees,
  passesTurns: lines.deciding.every((line) => line.isShared),
  transact: transactOver(lines.deciding, newTransactor(path)),
  reads: readsOn(lines.reading),
  ...scansOn(lines.scanning),
  outbox: outboxOn(lines.delivering),
  join: joiner(guarantees, schema),
})

/** A blind decision first, where that is promising. It follows the lane's last one; all other ways have a line alone. */
export const transactOver = (lines: ReadonlyArray<Line>, transactor: Transactor): StoreShape["transact"] => {
  const free = new FreeLines(lines)
  return (keys, decide, turn) => {
    const alone = (way: Exclude<Way, "blind">) =>
      free.use((line) => line.use((wire) => transactOn(transactor, wire, keys, decide, way)))
    return Effect.suspend(() => {
      const way = firstWay(transactor, keys)
      if (way !== "blind") return alone(way)
      return Effect.flatMap(
        free.use((line, sent) => line.follow((wire) => blindly(transactor, wire, decide, sent)), turn),
        (blind) => (blind._tag === "Done" ? Effect.succeed(blind.answer) : alone(blind.way)),
      )
    })
  }
}
