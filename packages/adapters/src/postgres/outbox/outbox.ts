/**
 * The outbox port over its tables. A position is [row, index of the event in it].
 *
 * Leases are rows of `subscription`, judged by the server's clock. Where the session that settles is ours and lasts, it also
 * holds an advisory lock for each of its leases: it ends with its process, and whoever gets the lock knows that and need not
 * wait for the time to pass. Claims go another way than settlements, so that what a frozen process does not read never fills
 * the session that holds its leases: that one is idle then, and an idle one ends.
 */

import {
  compareKeys,
  type Lease,
  leaseLost,
  type Outbox,
  type Parked,
  type Position,
  type Reach,
  type RowOf,
} from "@holdfast/core/ports"
import { Effect } from "effect"
import { ask, type Connection } from "../session/Connection.ts"
import { rowsOf } from "../session/text.ts"
import { transaction } from "../session/transaction.ts"
import * as sql from "../statements/leases.ts"
import { claimOn, rereadOn } from "./claiming.ts"
import { Given } from "./Given.ts"
import { registerOn, unregisterOn } from "./names.ts"
import { type Place, settleOn } from "./settling.ts"

type ParkedRow = readonly [row: number, index: number, event: RowOf["event"], reason: string, parkedAt: number]
type DepthRow = readonly [waiting: number, parked: number, oldestAt: number | null]

type ReachRow = readonly [last: number | null, isPast: boolean]

/** The sessions that an outbox goes by. They may be one and the same. */
export interface OutboxConnections {
  /** For leases and for everything that changes something. */
  readonly settling: Connection
  /** For claims, pages and counts. */
  readonly claiming: Connection
  /** Whether the settling session is ours alone, and ends when this process does. */
  readonly isOwnSession: boolean
}

/** A session that holds leases and is not heard of for so long ends, and its locks with it. */
const idleLimit = "10s"

export const outboxOn = (connections: OutboxConnections): Outbox => {
  const { settling, claiming, isOwnSession } = connections
  const given = new Map<string, Given>()
  const own = String(isOwnSession)
  const idle = (isLimited: boolean) => (isOwnSession ? [sql.idleLimit(isLimited ? idleLimit : "0")] : [])
  const givenTo = ({ name, fence }: Lease): Given | undefined => {
    const known = given.get(name)
    return known?.fence === fence ? known : undefined
  }

  return {
    register: (name) => registerOn(connections, name),
    unregister: (name) => unregisterOn(connections, name),
    lease: (name, owner, leaseMillis) => {
      const leasing = sql.lease(name, owner, String(leaseMillis), own)
      return Effect.map(transaction(settling, [leasing, sql.unlock(name), ...idle(true)]), ([fence]) => {
        if (fence === null || fence === undefined) return undefined
        const lease: Lease = { name, owner, fence: Number(fence) }
        given.set(name, new Given(lease.fence))
        return lease
      })
    },
    renew: (lease, leaseMillis) => {
      const { name, owner, fence } = lease
      const renewing = sql.renew(name, owner, String(leaseMillis), own, String(fence))
      return Effect.flatMap(transaction(settling, [renewing, ...idle(true)]), ([server]) =>
        server === null || server === undefined || givenTo(lease)?.isOf(Number(server)) === false
          ? Effect.fail(leaseLost(lease))
          : Effect.void,
      )
    },
    release: (lease) => {
      const { name, owner, fence } = lease
      if (givenTo(lease) !== undefined) given.delete(name)
      const releasing = sql.release(name, owner, String(fence))
      return Effect.asVoid(transaction(settling, [releasing, sql.unlock(name), ...idle(given.size > 0)]))
    },
    claim: (lease, after, limit) =>
      Effect.suspend(() => {
        const known = givenTo(lease) ?? new Given(lease.fence)
        if (known.isOver) return Effect.fail(leaseLost(lease))
        if (after === undefined) known.startOver()
        else if (known.answeredAfter !== undefined && compareKeys(known.answeredAfter, after) === 0) known.takeBack()
        return Effect.flatMap(claimOn(claiming, lease, known, limit), (claimed) => {
          if (claimed === undefined) return Effect.fail(leaseLost(lease))
          known.answeredAfter = after
          return Effect.succeed(claimed)
        })
      }),
    reread: (lease, positions, bytes) =>
      Effect.suspend(() => {
        const known = givenTo(lease)
        const places = positions.map(placeOf).filter(isPlace)
        return Effect.flatMap(rereadOn(claiming, lease, known?.server ?? "", places, bytes), (claimed) =>
          claimed === undefined || known?.isOver === true ? Effect.fail(leaseLost(lease)) : Effect.succeed(claimed),
        )
      }),
    acknowledge: (lease, positions) => {
      const places = positions.map(placeOf).filter(isPlace)
      return places.length === 0 ? Effect.void : settleOn(settling, lease, givenTo(lease), places)
    },
    park: (lease, position, reason, now) => {
      const place = placeOf(position)
      if (place === undefined) return Effect.void
      const { name, owner, fence } = lease
      const known = givenTo(lease)
      const [row, index] = [String(place[0]), String(place[1])]
      const parking = sql.park(name, owner, String(fence), known?.server ?? "", row, index, reason, String(now))
      return settleOn(settling, lease, known, [place], [parking])
    },
    parked: (name, after, limit) => {
      const [row, index] = after === undefined ? beforeAll : (placeOf(after) ?? beyondAll)
      return Effect.map(
        ask(claiming, sql.listParked(name, String(row), String(index), String(limit))),
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
      if (place === undefined) return Effect.succeed(false)
      return Effect.map(
        transaction(settling, [sql.unpark(name, String(place[0]), String(place[1]))]),
        ([count]) => Number(count) > 0,
      )
    },
    depth: (name) =>
      Effect.map(ask(claiming, sql.depth(name)), (json) => {
        const [waiting, parked, oldestAt] = rowsOf<DepthRow>(json)[0] ?? [0, 0, null]
        return { waiting, parked, oldestAt: oldestAt ?? undefined }
      }),
    reach: (lease, asked) =>
      Effect.suspend(() => {
        const { name, owner, fence } = lease
        const known = givenTo(lease)
        const [row] = (asked === undefined ? beforeAll : placeOf(asked)) ?? beyondAll
        const reaching = sql.reach(name, owner, String(fence), known?.server ?? "", String(row))
        return Effect.flatMap(ask(claiming, reaching), (json) => {
          const [found] = rowsOf<ReachRow>(json)
          if (found === undefined || known?.isOver === true) return Effect.fail(leaseLost(lease))
          const [last, isPast] = found
          return Effect.succeed<Reach>({ last: last === null ? undefined : [last, 0], isPast })
        })
      }),
  }
}

/** A position that is not ours stands nowhere. Neither does one that no row has: the server knows no such index. */
const placeOf = ([row, index]: Position): Place | undefined =>
  isUpTo(Number.MAX_SAFE_INTEGER, row) && isUpTo(greatestIndex, index) ? [row, index] : undefined

const isUpTo = (greatest: number, value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= greatest

/** Of an `int`. */
const greatestIndex = 2 ** 31 - 1

const isPlace = (place: Place | undefined): place is Place => place !== undefined

const beforeAll: Place = [-1, -1]
/** After everything: nothing is listed behind it. */
const beyondAll: Place = [Number.MAX_SAFE_INTEGER, 0]
