/**
 * Claims: rows of the outbox become events in the hand of a lease.
 *
 * Rows are taken whole, as many as stay within the bounds of the claim. One that alone is larger comes in slices. The same
 * for those that were in hand and could not be kept.
 */
import type { StoreFault } from "@holdfast/core"
import type { Claimed, ClaimLimit, Lease, RowOf } from "@holdfast/core/ports"
import { Effect } from "effect"
import { ask, type Connection } from "../session/Connection.ts"
import { rowsOf, values } from "../session/text.ts"
import * as sql from "../statements/leases.ts"
import type { Given } from "./Given.ts"
import type { Place } from "./settling.ts"

type Event = RowOf["event"]
type Row = readonly [
  id: number,
  settled: ReadonlyArray<number>,
  size: number,
  bytes: number,
  /** Null where they are more than a claim may bring. */
  events: ReadonlyArray<Event> | null,
]
type Found = readonly [ended: number, begun: number, looked: number, server: number, rows: ReadonlyArray<Row> | null]

/** The fewest rows that a claim looks at. Where they hold few events, the next one looks at more. */
const fewestRows = 16

/** What the lease was not given yet. Undefined where it is lost. */
export const claimOn = (
  connection: Connection,
  lease: Lease,
  given: Given,
  limit: ClaimLimit,
): Effect.Effect<ReadonlyArray<Claimed> | undefined, StoreFault> =>
  Effect.gen(function* () {
    const { gaps, inGaps } = given
    const { name, owner, fence } = lease
    const asked = Math.max(fewestRows, Math.min(given.rowsWorthAsking, limit.events))
    const json = yield* ask(
      connection,
      sql.claim(
        name,
        owner,
        String(fence),
        values(gaps.map(([low]) => low)),
        values(gaps.map(([, high]) => high)),
        values(inGaps),
        String(asked),
        String(limit.events),
        String(limit.bytes),
      ),
    )
    const [answer] = rowsOf<Found>(json)
    if (answer === undefined) return undefined
    const [ended, begun, looked, server, found] = answer
    if (!given.isOf(server)) return undefined
    const claimed: Array<Claimed> = []
    const rows: Array<Parameters<Given["answered"]>[0][number]> = []
    for (const row of found ?? []) {
      const [id, settled, size, bytes, all] = row
      const from = given.row(id)?.given ?? 0
      const events = all?.slice(from) ?? (yield* slice(connection, given.server, id, from, limit.bytes))
      const needless = new Set(settled)
      let until = from
      for (const event of events) {
        if (claimed.length >= limit.events) break
        if (!needless.has(until)) claimed.push({ position: [id, until], event, bytes: Math.ceil(bytes / size) })
        until++
      }
      rows.push([id, until, size, settled])
    }
    const last = rows.at(-1)
    const isWhole = rows.length === looked && looked < asked && (last === undefined || last[1] >= last[2])
    given.answered(rows, { ended, begun }, isWhole)
    given.rowsWorthAsking = rows.length === asked ? asked * 2 : Math.max(fewestRows, rows.length * 2)
    // What was left of a row may have been settled long ago: that says nothing about the rows behind it.
    return claimed.length === 0 && rows.length > 0 ? yield* claimOn(connection, lease, given, limit) : claimed
  })

/** What the lease was given before. Undefined where it is lost. */
export const rereadOn = (
  connection: Connection,
  { name, owner, fence }: Lease,
  server: string,
  places: ReadonlyArray<Place>,
  bytes: number,
): Effect.Effect<ReadonlyArray<Claimed> | undefined, StoreFault> =>
  Effect.gen(function* () {
    const byRow = Map.groupBy(places, ([row]) => row)
    const ids = values(Array.from(byRow.keys()))
    const json = yield* ask(connection, sql.reread(name, owner, String(fence), server, ids, String(bytes)))
    if (json === null) return undefined
    const claimed: Array<Claimed> = []
    for (const [id, settled, size, rowBytes, all] of rowsOf<Row>(json)) {
      const asked = byRow.get(id) ?? []
      const from = all === null ? Math.min(...asked.map(([, index]) => index)) : 0
      const events = all ?? (yield* slice(connection, server, id, from, bytes))
      for (const [, index] of asked) {
        const event = events[index - from]
        // What is behind the end of a slice comes another time, and so does everything after it.
        if (event === undefined && index < size) return claimed
        if (event === undefined || settled.includes(index)) continue
        claimed.push({ position: [id, index], event, bytes: Math.ceil(rowBytes / size) })
      }
    }
    return claimed
  })

const slice = (
  connection: Connection,
  server: string,
  id: number,
  from: number,
  bytes: number,
): Effect.Effect<ReadonlyArray<Event>, StoreFault> =>
  Effect.map(ask(connection, sql.slice(String(id), String(from), String(bytes), server)), (json) => rowsOf<Event>(json))
