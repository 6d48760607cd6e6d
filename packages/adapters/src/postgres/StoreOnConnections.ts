/**
 * A store over connections: what the server and the embedded database have in common.
 */

import {
  type BatchState,
  type Guarantees,
  newBatchState,
  type SessionSource,
  type StoreCounts,
  type StoreShape,
  transactOver,
} from "@holdfast/core/ports"
import { Effect } from "effect"
import { joiner } from "./joined.ts"
import type { Ways } from "./options.ts"
import { outboxOn } from "./outbox/outbox.ts"
import { readsTogether } from "./readsTogether.ts"
import { ask, type Connection } from "./session/Connection.ts"
import { statement } from "./session/wire.ts"
import { sessionOn } from "./sessionOn.ts"
import { readsOn } from "./statements/reads.ts"
import { scansOn } from "./statements/scans.ts"

export interface Connections {
  /** As many as may decide at once. */
  readonly deciding: ReadonlyArray<Connection>
  /** For reads that look up a few rows, and for nothing that takes long. */
  readonly reading: Connection
  /** For pages of lists and for popular products. */
  readonly listing: Connection
  /** For everything of a kind, for large claims of events, and for receipts that wait. */
  readonly scanning: Connection
  readonly delivering: Connection
  /** Whether the delivering session is ours alone, and ends when this process does. */
  readonly isOwnSession?: boolean | undefined
  /** For probes. */
  readonly probing: Connection
}

export const storeOnConnections = (
  guarantees: Guarantees,
  schema: string,
  connections: Connections,
  { path = "any", reads = "together" }: Ways,
): StoreShape => {
  const state = newBatchState(path)
  return {
    guarantees,
    database: { system: "postgresql", namespace: schema },
    counts: () => countsOf(state, connections),
    passesTurns: connections.deciding.every((connection) => connection.isShared),
    transact: transactOnConnections(connections.deciding, state),
    reads: readsOfWay[reads](readsOn(connections)),
    probe: Effect.asVoid(ask(connections.probing, statement("select 1"))),
    ...scansOn(connections.scanning),
    outbox: outboxOn({
      settling: connections.delivering,
      claiming: connections.scanning,
      isOwnSession: connections.isOwnSession ?? false,
    }),
    join: joiner(guarantees, schema),
  }
}

const countsOf = (
  { conflicted, locked }: BatchState,
  { deciding, reading, listing, scanning, delivering, probing }: Connections,
): StoreCounts => {
  const all = Array.from(new Set([...deciding, reading, listing, scanning, delivering, probing]))
  return {
    conflicts: conflicted,
    lockedBatches: locked,
    sessions: all.filter((connection) => connection.isOpen).length,
    sessionsOpened: all.reduce((sum, connection) => sum + connection.opened, 0),
  }
}

const readsOfWay = { together: readsTogether, apart: (reads: StoreShape["reads"]) => reads }

export const transactOnConnections = (
  connections: ReadonlyArray<Connection>,
  state: BatchState,
): StoreShape["transact"] => transactOver(connections.map(sourceOf), state)

const sourceOf = (connection: Connection): SessionSource => ({
  use: (run) => connection.use((wire) => run(sessionOn(wire))),
  follow: (run) => connection.follow((wire) => run(sessionOn(wire))),
})
