/**
 * The outbox port over its tables. A position is [row, index of the event in it].
 *
 * Rows become visible in any order: one that was written earlier, with a lower id, may be committed later. Only rows that
 * share a key come in the order of their ids. So a claim that goes on does not start behind the last row it got. It asks
 * for everything but what its owner has in hand, or a late row would be overtaken by those that follow it.
 */

import {
  type Claimed,
  compareKeys,
  type Lease,
  type Outbox,
  type Parked,
  type Position,
  type RowOf,
  type StoreFault,
} from "@holdfast/core"
import { Effect } from "effect"
import { lost } from "./faults.ts"
import { ask, type Line } from "./Line.ts"
import * as sql from "./statements/outbox.ts"
import { rowsOf, values } from "./text.ts"
import { begin, commit, rollback, type Statement, statement } from "./wire.ts"

type Event = RowOf["event"]
type ClaimRow = readonly [row: number, settled: ReadonlyArray<number>, events: ReadonlyArray<Event>]
type ParkedRow = readonly [row: number, index: number, event: Event, reason: string, parkedAt: number]
type DepthRow = readonly [waiting: number, parked: number, oldestAt: number | null]

const beforeAll: readonly [number, number] = [-1, -1]

export const outboxOn = (line: Line): Outbox => {
  const inHand = new Map<string, Hand>()
  const inTransaction = (...statements: ReadonlyArray<Statement>) => transaction(line, statements)
  return {
    register: (name) =>
      Effect.flatMap(ask(line, statement(sql.isRegistered, name)), (registered) =>
        registered === null ? inTransaction(statement(sql.lockOutbox), statement(sql.register, name)) : Effect.void,
      ),
    unregister: (name) =>
      inTransaction(
        statement(sql.lockOutbox),
        statement(sql.unregister, name),
        statement(sql.forgetDeliveries, name),
        statement(sql.forgetParked, name),
        statement(sql.deleteUnawaited),
      ),
    lease: ({ name, owner }, now, leaseMillis) =>
      Effect.map(
        transaction(line, [statement(sql.lease, name, owner, String(now), String(leaseMillis))]),
        ([taken]) => taken !== null && taken !== undefined,
      ),
    release: ({ name, owner }) => inTransaction(statement(sql.release, name, owner)),
    claim: (lease, after, limit) => {
      const known = inHand.get(lease.name)
      // From the beginning, or for an owner that has claimed nothing here: nothing is in hand.
      const goesOn = after !== undefined && known?.owner === lease.owner
      const hand: Hand = goesOn ? known : { owner: lease.owner, rows: new Map(), last: undefined }
      inHand.set(lease.name, hand)
      if (after !== undefined) takeBackUnheard(hand, after)
      return Effect.map(claim(line, lease, goesOn ? undefined : after, limit, hand), ({ claimed, takeBack }) => {
        hand.last = { after, takeBack }
        return claimed
      })
    },
    acknowledge: ({ name, owner }, positions) => {
      const known = positions.map(placeOf).filter((place) => place !== undefined)
      if (known.length === 0) return Effect.void
      return Effect.tap(inTransaction(...settling(name, owner, known)), () =>
        Effect.sync(() => {
          for (const [row, index] of known) letGo(inHand.get(name), row, index)
        }),
      )
    },
    park: ({ name, owner }, position, reason, now) => {
      const place = placeOf(position)
      if (place === undefined) return Effect.void
      const [row, index] = place
      const [hold, lockRows, ...settle] = settling(name, owner, [place])
      const parking = statement(sql.park, name, owner, String(row), String(index), reason, String(now))
      return Effect.tap(
        inTransaction(...[hold, lockRows, parking, ...settle].filter((each) => each !== undefined)),
        () => Effect.sync(() => letGo(inHand.get(name), row, index)),
      )
    },
    parked: (name, after, limit) => {
      const [row, index] = after === undefined ? beforeAll : (placeOf(after) ?? beyondAll)
      return Effect.map(
        ask(line, statement(sql.listParked, name, String(row), String(index), String(limit))),
        (json): ReadonlyArray<Parked> =>
          rowsOf<ParkedRow>(json).map(([outboxId, at, event, reason, parkedAt]) => ({
            position: [outboxId, at],
            event,
            reason,
            parkedAt,
          })),
      )
    },
    unpark: (name, position) => {
      const place = placeOf(position)
      return place === undefined
        ? Effect.void
        : inTransaction(statement(sql.unpark, name, String(place[0]), String(place[1])))
    },
    depth: (name) =>
      Effect.map(ask(line, statement(sql.depth, name)), (json) => {
        const [waiting, parked, oldestAt] = rowsOf<DepthRow>(json)[0] ?? [0, 0, null]
        return { waiting, parked, oldestAt: oldestAt ?? undefined }
      }),
  }
}

/** What an owner was given in this process since it last claimed from the beginning, and has not settled. */
interface Hand {
  readonly owner: string
  readonly rows: Map<number, HeldRow>
  /** The last claim that was answered: where it was to go on from, and how to undo what it put in hand. */
  last: { readonly after: Position | undefined; readonly takeBack: () => void } | undefined
}

interface HeldRow {
  /** How many events of the row were given, from its first one on. */
  given: number
  readonly size: number
  readonly settled: Set<number>
}

/** Whoever goes on from where the last claim did has not heard its answer, so nothing of it is in hand. */
const takeBackUnheard = (hand: Hand, after: Position): void => {
  const from = hand.last?.after
  if (from !== undefined && compareKeys(from, after) === 0) hand.last?.takeBack()
  hand.last = undefined
}

const letGo = (hand: Hand | undefined, row: number, index: number): void => {
  const held = hand?.rows.get(row)
  if (hand === undefined || held === undefined) return
  held.settled.add(index)
  if (held.settled.size >= held.size) hand.rows.delete(row)
}

const claim = (
  line: Line,
  { name, owner }: Lease,
  after: Position | undefined,
  limit: number,
  hand: Hand,
): Effect.Effect<{ readonly claimed: ReadonlyArray<Claimed>; readonly takeBack: () => void }, StoreFault> => {
  const [row, index] = after === undefined ? beforeAll : (placeOf(after) ?? beyondAll)
  const complete = Array.from(hand.rows).filter(([, { given, size }]) => given >= size)
  const rows = values(complete.map(([held]) => held))
  const asked = statement(sql.claim, name, owner, String(row), String(index), String(limit), rows)
  return Effect.map(ask(line, asked), (json) => {
    const claimed: Array<Claimed> = []
    const undo: Array<() => void> = []
    for (const [outboxId, settled, events] of rowsOf<ClaimRow>(json)) {
      const before = hand.rows.get(outboxId)
      const held = before ?? { given: outboxId === row ? index + 1 : 0, size: events.length, settled: new Set(settled) }
      const given = held.given
      undo.push(() => {
        if (before === undefined) hand.rows.delete(outboxId)
        else held.given = given
      })
      for (; held.given < events.length && claimed.length < limit; held.given++) {
        const event = events[held.given]
        if (event !== undefined && !settled.includes(held.given)) {
          claimed.push({ position: [outboxId, held.given], event })
        }
      }
      hand.rows.set(outboxId, held)
      if (claimed.length === limit) break
    }
    return { claimed, takeBack: () => undo.forEach((each) => void each()) }
  })
}

const settling = (
  name: string,
  owner: string,
  places: ReadonlyArray<readonly [row: number, index: number]>,
): ReadonlyArray<Statement> => {
  const rows = values(Array.from(new Set(places.map(([row]) => row))))
  return [
    statement(sql.holdLease, name, owner),
    statement(sql.lockRows, rows),
    statement(sql.settle, name, owner, values(places.map(([row]) => row)), values(places.map(([, index]) => index))),
    statement(sql.deleteSettled, name, rows),
    statement(sql.deleteDelivered, rows),
  ]
}

/** Runs statements as one transaction, alone on the session, and answers their values. */
const transaction = (
  line: Line,
  statements: ReadonlyArray<Statement>,
): Effect.Effect<ReadonlyArray<string | null>, StoreFault> =>
  line.use((wire) =>
    Effect.flatMap(wire.run([begin, ...statements, commit]), ({ values: answered, failed }) =>
      failed === undefined
        ? Effect.succeed(answered.slice(1))
        : Effect.andThen(wire.run([rollback]), Effect.fail(lost(failed.failure))),
    ),
  )

/** A position that is not ours stands nowhere. */
const placeOf = ([row, index]: Position): readonly [number, number] | undefined =>
  Number.isSafeInteger(row) && Number.isSafeInteger(index) ? [Number(row), Number(index)] : undefined

/** After everything: nothing is claimed behind it. */
const beyondAll: readonly [number, number] = [Number.MAX_SAFE_INTEGER, 0]
