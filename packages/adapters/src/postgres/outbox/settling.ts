/**
 * Settlements: what a lease has in hand is acknowledged or parked, in one transaction that the lease must survive.
 *
 * Nearly always all events of a row are settled at once: then the row is deleted, and nothing is written down of its
 * events one by one.
 */
import type { StoreFault } from "@holdfast/core"
import { type Lease, type LeaseLost, leaseLost } from "@holdfast/core/ports"
import { Effect } from "effect"
import type { Connection } from "../session/Connection.ts"
import { values } from "../session/text.ts"
import { transaction } from "../session/transaction.ts"
import type { Statement } from "../session/wire.ts"
import * as sql from "../statements/leases.ts"
import type { Given } from "./Given.ts"

/** An event: its row, and its index there. */
export type Place = readonly [row: number, index: number]

/** Settles events, after what else has to happen to them. */
export const settleOn = (
  connection: Connection,
  lease: Lease,
  given: Given | undefined,
  places: ReadonlyArray<Place>,
  first: ReadonlyArray<Statement> = [],
): Effect.Effect<void, StoreFault | LeaseLost> =>
  Effect.suspend(() => {
    // These rows were another server's, and there may be others of the same ids.
    if (given?.isOver === true) return Effect.fail(leaseLost(lease))
    const byRow = new Map<number, Set<number>>()
    for (const [row, index] of places) {
      const indexes = byRow.get(row)
      if (indexes === undefined) byRow.set(row, new Set([index]))
      else indexes.add(index)
    }
    const committed = given?.changing()
    return Effect.flatMap(transaction(connection, statementsOf(lease, given, byRow, first)), ([held]) => {
      committed?.()
      if (held === null || held === undefined) return Effect.fail(leaseLost(lease))
      for (const [row, indexes] of byRow) given?.settled(row, indexes)
      return Effect.void
    })
  })

const statementsOf = (
  { name, owner, fence }: Lease,
  given: Given | undefined,
  byRow: ReadonlyMap<number, ReadonlySet<number>>,
  first: ReadonlyArray<Statement>,
): ReadonlyArray<Statement> => {
  const who = [name, owner, String(fence), given?.server ?? ""] as const
  const whole: Array<number> = []
  const partly: Array<Place> = []
  for (const [row, indexes] of byRow) {
    if (isWhole(given, row, indexes)) whole.push(row)
    else for (const index of indexes) partly.push([row, index])
  }
  const rows = values(Array.from(byRow.keys()))
  const [partlyRows, partlyIndexes] = [values(partly.map(([row]) => row)), values(partly.map(([, index]) => index))]
  return [
    sql.holdLease(...who),
    sql.lockRows(rows),
    ...first,
    ...(whole.length === 0 ? [] : [sql.settleRows(...who, values(whole))]),
    ...(partly.length === 0
      ? []
      : [
          sql.settle(...who, partlyRows, partlyIndexes),
          sql.deleteSettled(name, values(Array.from(new Set(partly.map(([row]) => row))))),
        ]),
    sql.deleteDelivered(rows),
  ]
}

/** Whether nothing of a row is left to be settled after these. */
const isWhole = (given: Given | undefined, row: number, indexes: ReadonlySet<number>): boolean => {
  const held = given?.row(row)
  if (held === undefined) return false
  let settled = 0
  for (let index = 0; index < held.size; index++) if (indexes.has(index) || held.settled.has(index)) settled++
  return settled === held.size
}
