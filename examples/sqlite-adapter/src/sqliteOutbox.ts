/**
 * The outbox: an event waits for each subscription in a row of its own, and is forgotten when none waits for it.
 *
 * One process has the file, so leases are kept in memory and end with it; only their fences are written down, because they
 * must go on growing. Time is that of a clock which only runs forward.
 */
import type { DatabaseSync, SQLInputValue } from "node:sqlite"
import type { Claimed, Lease, Outbox, Position, StoreFault } from "@holdfast/core/ports"
import { type ClaimLimit, type LeaseLost, leaseLost } from "@holdfast/core/ports"
import { Clock, Effect } from "effect"
import { step } from "./sqlite.ts"

export const outboxOf = (database: DatabaseSync): Outbox => {
  const run = (sql: string) => {
    const statement = database.prepare(sql)
    return (...values: ReadonlyArray<SQLInputValue>) => Number(statement.run(...values).changes)
  }
  const rows = (sql: string) => {
    const statement = database.prepare(sql)
    return (...values: ReadonlyArray<SQLInputValue>) => statement.all(...values)
  }
  const register = run("insert into subscription (name) values (?) on conflict do nothing")
  const unregister = ["subscription", "waiting", "parked"].map((table) => run(`delete from ${table} where name = ?`))
  const forget = run(
    "delete from event where position not in (select position from waiting) and position not in (select position from parked)",
  )
  const forgetOne = run(
    "delete from event where position = ?1 and not exists (select 1 from waiting where position = ?1) and not exists (select 1 from parked where position = ?1)",
  )
  const isRegistered = rows("select 1 from subscription where name = ?")
  const drawFence = rows("insert into fence default values returning number")
  const forgetFences = run("delete from fence")
  const claim = rows(
    "select position, json from waiting join event using (position) where name = ? and position > ? order by position limit ?",
  )
  const waitingEvent = rows(
    "select position, json from waiting join event using (position) where name = ? and position = ?",
  )
  const settle = run("delete from waiting where name = ? and position = ?")
  const park = run("insert into parked (name, position, reason, parked_at) values (?, ?, ?, ?)")
  const parked = rows(
    "select position, json, reason, parked_at from parked join event using (position) where name = ? and position > ? order by position limit ?",
  )
  const unpark = run("delete from parked where name = ? and position = ?")
  const copy = run("insert into event (json) select json from event where position = ?")
  const waitFor = run("insert into waiting (name, position) values (?, last_insert_rowid())")
  const waiting = rows("select count(*) as count, min(position) as oldest from waiting where name = ?")
  const parkedCount = rows("select count(*) as count from parked where name = ?")
  const eventAt = rows("select json from event where position = ?")

  /** The newest lease of each name, and when others may have it. */
  const leases = new Map<string, { readonly lease: Lease; until: number }>()
  const heldBy = ({ name, fence }: Lease) => {
    const held = leases.get(name)
    return held?.lease.fence === fence ? held : undefined
  }
  const take = (name: Lease["name"], owner: string, now: number, leaseMillis: number): Lease | undefined => {
    const held = leases.get(name)
    if (isRegistered(name).length === 0) return undefined
    if (held !== undefined && held.lease.owner !== owner && now < held.until) return undefined
    const [fence] = drawFence()
    forgetFences()
    const lease: Lease = { name, owner, fence: Number(fence?.number) }
    leases.set(name, { lease, until: now + leaseMillis })
    return lease
  }
  /** As many events as stay within the limits, and one in any case. */
  const within = ({ events, bytes }: ClaimLimit, found: ReturnType<typeof claim>): ReadonlyArray<Claimed> => {
    const claimed: Array<Claimed> = []
    let sum = 0
    for (const { position, json } of found) {
      const size = Buffer.byteLength(String(json))
      sum += size
      if (claimed.length === events || (claimed.length > 0 && sum > bytes)) break
      claimed.push({ position: [Number(position)], event: eventOf(json), bytes: size })
    }
    return claimed
  }
  /** Several statements that belong together. Nobody else runs in between: they are one synchronous call. */
  const together = <A>(work: () => A): Effect.Effect<A, StoreFault> =>
    step(() => {
      database.exec("savepoint outbox")
      try {
        const answer = work()
        database.exec("release outbox")
        return answer
      } catch (cause) {
        database.exec("rollback to outbox; release outbox")
        throw cause
      }
    })

  const whileHeld = <A>(lease: Lease, work: Effect.Effect<A, StoreFault>): Effect.Effect<A, StoreFault | LeaseLost> =>
    Effect.suspend(
      (): Effect.Effect<A, StoreFault | LeaseLost> =>
        heldBy(lease) === undefined ? Effect.fail(leaseLost(lease)) : work,
    )

  return {
    register: (name) => step(() => void register(name)),
    unregister: (name) =>
      together(() => {
        for (const remove of unregister) remove(name)
        leases.delete(name)
        forget()
      }),
    lease: (name, owner, leaseMillis) =>
      Effect.flatMap(elapsedMillis, (now) => together(() => take(name, owner, now, leaseMillis))),
    renew: (lease, leaseMillis) =>
      Effect.flatMap(elapsedMillis, (now) => {
        const held = heldBy(lease)
        if (held === undefined) return Effect.fail(leaseLost(lease))
        held.until = now + leaseMillis
        return Effect.void
      }),
    release: (lease) => step(() => void (heldBy(lease) && leases.delete(lease.name))),
    claim: (lease, after, limit) =>
      whileHeld(
        lease,
        step(() => within(limit, claim(lease.name, numberOf(after), limit.events))),
      ),
    reread: (lease, positions, bytes) =>
      whileHeld(
        lease,
        step(() =>
          within(
            { events: positions.length, bytes },
            positions.flatMap((position) => waitingEvent(lease.name, numberOf(position))),
          ),
        ),
      ),
    acknowledge: (lease, positions) =>
      whileHeld(
        lease,
        together(() => {
          for (const position of positions) {
            settle(lease.name, numberOf(position))
            forgetOne(numberOf(position))
          }
        }),
      ),
    park: (lease, position, reason, now) =>
      whileHeld(
        lease,
        together(() => {
          if (settle(lease.name, numberOf(position)) === 0) return
          park(lease.name, numberOf(position), reason, now)
        }),
      ),
    parked: (name, after, limit) =>
      step(() =>
        parked(name, numberOf(after), limit).map(({ position, json, reason, parked_at }) => ({
          position: [Number(position)],
          event: eventOf(json),
          reason: String(reason),
          parkedAt: Number(parked_at),
        })),
      ),
    // It waits again behind all others: its owner has claimed past its old position.
    unpark: (name, position) =>
      together(() => {
        if (unpark(name, numberOf(position)) === 0) return false
        copy(numberOf(position))
        waitFor(name)
        forget()
        return true
      }),
    depth: (name) =>
      step(() => {
        const [found] = waiting(name)
        const [aside] = parkedCount(name)
        const oldest = found?.oldest == null ? undefined : eventAt(Number(found.oldest))[0]
        return {
          waiting: Number(found?.count ?? 0),
          parked: Number(aside?.count ?? 0),
          oldestAt: oldest === undefined ? undefined : eventOf(oldest.json).occurredAt,
        }
      }),
  }
}

const elapsedMillis = Effect.map(Clock.monotonicTimeNanos, (nanos) => Number(nanos / 1_000_000n))

const eventOf = (json: unknown): Claimed["event"] => JSON.parse(String(json))

const numberOf = (position: Position | undefined): number => Number(position?.[0] ?? 0)
