/**
 * How a name begins and ends, without a lock that a sale could stand behind.
 *
 * A batch writes its events for the names that it sees, and a transaction that is open meanwhile may have looked before the
 * name was there, or before it was gone. Whoever has looked holds a lock on the outbox until its transaction ends. So the
 * name is written and committed first; then those are listed who hold such a lock, and waited for until none of them does.
 * Every other transaction has taken its lock, and then its snapshot, after the list was made: it sees the name as it is now.
 *
 * What waits for a name that is not registered is left over from an earlier registration, and nothing else is. It is deleted
 * page by page, by whoever forgets the name and by whoever registers it next, and only while the name is not there: a lock of
 * the name, which no sale takes, lets no registration come between that look and the commit of the page. So a registration
 * begins with nothing, no page takes anything from it, and it does not matter who died between two pages.
 */
import type { StoreFault } from "@holdfast/core"
import { Clock, Effect } from "effect"
import { ask, type Connection } from "../session/Connection.ts"
import { rowsOf, texts, values } from "../session/text.ts"
import { transaction } from "../session/transaction.ts"
import { deleteDelivered, lockRows } from "../statements/leases.ts"
import * as sql from "../statements/outbox.ts"

type Writer = readonly [id: string, pid: number | null, application: string | null, seconds: number | null]

/** How long transactions that began before are waited for. A host's may be long, and whoever asks again goes on waiting. */
const longestWaitMillis = 5_000
const firstPauseMillis = 5
const longestPauseMillis = 250
/** The most rows that one transaction forgets. */
const forgottenAtOnce = 500

/** What the two need: a session that changes things, and one that asks. */
interface Connections {
  readonly settling: Connection
  readonly claiming: Connection
}

export const registerOn = Effect.fnUntraced(function* (
  connections: Connections,
  name: string,
): Effect.fn.Return<void, StoreFault> {
  const { settling, claiming } = connections
  let found = yield* standingOf(claiming, name)
  if (found === undefined) {
    yield* deleteLeftOver(connections, name)
    yield* transaction(settling, [sql.holdName(name), sql.register(name)])
    found = yield* standingOf(claiming, name)
  }
  // Where it is gone already, another process has forgotten it since.
  if (found === undefined || found.isReady) return
  const left = yield* olderWriters(claiming)
  if (left.length > 0) return yield* notYet(`"${name}" gets events from when this transaction ends`, left)
  // Only of the registration that was there before the list: of a later one there may be other writers.
  yield* transaction(settling, [sql.nowReady(name, String(found.fence))])
})

export const unregisterOn = Effect.fnUntraced(function* (
  connections: Connections,
  name: string,
): Effect.fn.Return<void, StoreFault> {
  const { settling, claiming } = connections
  yield* transaction(settling, [sql.unregister(name)])
  const left = yield* olderWriters(claiming)
  yield* deleteLeftOver(connections, name)
  if (left.length === 0) return
  // What they add is for the name as it was registered anew, if it was: asking again would forget that one.
  if ((yield* standingOf(claiming, name)) !== undefined) return
  return yield* notYet(`"${name}" is forgotten, but for what this transaction may add to it`, left)
})

/** Whether a name is ready, and the fence that tells its registration from others. Undefined where it is not registered. */
const standingOf = (
  connection: Connection,
  name: string,
): Effect.Effect<{ readonly isReady: boolean; readonly fence: number } | undefined, StoreFault> =>
  Effect.map(ask(connection, sql.standing(name)), (json) => {
    const [row] = rowsOf<readonly [isReady: boolean, fence: number]>(json)
    return row === undefined ? undefined : { isReady: row[0], fence: row[1] }
  })

/** Deletes what waits for a name and what is parked for it, for as long as the name is not registered. */
const deleteLeftOver = Effect.fnUntraced(function* (
  { settling, claiming }: Connections,
  name: string,
): Effect.fn.Return<void, StoreFault> {
  const limit = String(forgottenAtOnce)
  for (let after = -1; ; ) {
    const rows = rowsOf<number>(yield* ask(claiming, sql.leftOver(name, String(after), limit)))
    const last = rows.at(-1)
    if (last === undefined) break
    after = last
    const ids = values(rows)
    const deleting = [lockRows(ids), sql.forgetDeliveries(name, ids), deleteDelivered(ids)]
    yield* transaction(settling, [sql.holdName(name), ...deleting])
  }
  for (let some: string | null | undefined = "some"; some === "some"; ) {
    ;[, some] = yield* transaction(settling, [sql.holdName(name), sql.forgetParked(name, limit)])
  }
})

/** Waits for the transactions that have looked for names already. Answers those that did not end in time. */
const olderWriters = Effect.fnUntraced(function* (
  connection: Connection,
): Effect.fn.Return<ReadonlyArray<Writer>, StoreFault> {
  const began = yield* Clock.monotonicTimeNanos
  let left = rowsOf<Writer>(yield* ask(connection, sql.writers(null)))
  for (let pause = firstPauseMillis; left.length > 0; pause = Math.min(pause * 2, longestPauseMillis)) {
    const elapsed = Number((yield* Clock.monotonicTimeNanos) - began) / 1_000_000
    if (elapsed >= longestWaitMillis) break
    yield* Effect.sleep(Math.min(pause, longestWaitMillis - elapsed))
    left = rowsOf<Writer>(yield* ask(connection, sql.writers(texts(left.map(([id]) => id)))))
  }
  return left
})

const notYet = (what: string, [oldest]: ReadonlyArray<Writer>): Effect.Effect<never, StoreFault> => {
  const [, pid, application, seconds] = oldest ?? ["", null, null, null]
  const who = pid === null ? "a prepared one" : `process ${pid}${application ? `, ${application}` : ""}`
  const since = seconds === null ? "" : `, open for ${seconds} s`
  return Effect.fail({ _tag: "Lost", reason: `${what}: ${who}${since}. Ask again to go on waiting.` })
}
