/**
 * The outbox: an event waits for each subscription in a row of its own, and is forgotten when none waits for it.
 */
import type { DatabaseSync, SQLInputValue } from "node:sqlite"
import type { Claimed, Lease, Outbox, Position, StoreFault } from "@holdfast/core"
import type { Effect } from "effect"
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
  const take = run(
    "update subscription set owner = ?2, until = ?4 where name = ?1 and (owner is null or owner = ?2 or until <= ?3)",
  )
  const release = run("update subscription set owner = null where name = ? and owner = ?")
  const holder = rows("select 1 from subscription where name = ? and owner = ?")
  const claim = rows(
    "select position, json from waiting join event using (position) where name = ? and position > ? order by position limit ?",
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

  const held = ({ name, owner }: Lease): boolean => holder(name, owner).length > 0
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

  return {
    register: (name) => step(() => void register(name)),
    unregister: (name) =>
      together(() => {
        for (const remove of unregister) remove(name)
        forget()
      }),
    lease: ({ name, owner }, now, leaseMillis) => step(() => take(name, owner, now, now + leaseMillis) > 0),
    release: ({ name, owner }) => step(() => void release(name, owner)),
    claim: (lease, after, limit) =>
      step(() =>
        held(lease)
          ? claim(lease.name, numberOf(after), limit).map(({ position, json }) => ({
              position: [Number(position)],
              event: eventOf(json),
            }))
          : [],
      ),
    acknowledge: (lease, positions) =>
      together(() => {
        if (!held(lease)) return
        for (const position of positions) settle(lease.name, numberOf(position))
        forget()
      }),
    park: (lease, position, reason, now) =>
      together(() => {
        if (!held(lease) || settle(lease.name, numberOf(position)) === 0) return
        park(lease.name, numberOf(position), reason, now)
      }),
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
        if (unpark(name, numberOf(position)) === 0) return
        copy(numberOf(position))
        waitFor(name)
        forget()
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

const eventOf = (json: unknown): Claimed["event"] => JSON.parse(String(json))

const numberOf = (position: Position | undefined): number => Number(position?.[0] ?? 0)
