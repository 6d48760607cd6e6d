/**
 * What a consumer has handled, as rows in the database of its effects: the statements, each on a transaction of the host's.
 *
 * An event is one row for ever, whatever comes again. One that is a dead letter has no end in time: only a record that was
 * sent again takes it then, and one only, however many letters of it there are.
 */
import type { StoredEvent } from "@holdfast/core"

/** A connection inside a transaction, as `pg` has it. */
export interface InboxClient {
  readonly query: (
    text: string,
    values?: Array<unknown>,
  ) => Promise<{ readonly rows: ReadonlyArray<unknown>; readonly rowCount?: number | null; readonly command?: string }>
}

/** A pool of connections, as `pg` has it: `new pg.Pool()`. */
export interface InboxPool {
  readonly connect: () => Promise<InboxConnection>
  /** Hears that an idle connection broke, where the pool says so. */
  readonly on?: Listening | undefined
}

/** A connection that is lent until `release`; with `true` the pool destroys it. */
export interface InboxConnection extends InboxClient {
  readonly release: (destroy?: boolean) => void
  /** Hears that it broke while it is lent, when the pool does not listen. */
  readonly on?: Listening | undefined
  readonly removeListener?: Listening | undefined
}

type Listening = (event: "error", listener: () => void) => unknown

/** An event that waits for its key, and of its record what a dead letter of it needs. */
export interface KeptEvent extends StoredEvent {
  /** Absent where it was kept by an earlier version. */
  readonly record?: { readonly offset: string; readonly headers: Readonly<Record<string, string>> }
}

/** The database did not do what is ours to do there: nobody's event is to blame. */
export class DatabaseTrouble extends Error {
  override readonly name = "DatabaseTrouble"
}

/** The database has not answered in time, and may never. Its connection is of no more use. */
class NoAnswer extends DatabaseTrouble {
  constructor(afterMillis: number) {
    super(`The database has not answered within ${afterMillis} ms.`)
  }
}

/** A handler has not ended in time. Nobody knows what it still asks its session, so that is of no more use. */
export class HandlerTimedOut extends Error {
  override readonly name = "HandlerTimedOut"

  constructor(afterMillis: number) {
    super(`The handler has not ended within ${afterMillis} ms.`)
  }
}

/**
 * How many days an inbox remembers what it handled, unless it is told otherwise: one more than a broker keeps records by default.
 * It removes whole segments, seven days after the last record of one, which may be seven days younger than its first.
 */
export const defaultRetentionDays = 15

/** How long it may take to forget some thousands. */
export const forgettingMillis = 60_000

export class Inbox {
  readonly #schema: string
  readonly #consumer: string
  readonly #answerMillis: number

  constructor(schema: string, consumer: string, answerMillis: number) {
    this.#schema = schema
    this.#consumer = consumer
    this.#answerMillis = answerMillis
  }

  #ask(
    client: InboxClient,
    text: string,
    values: Array<unknown>,
    answerMillis = this.#answerMillis,
  ): ReturnType<InboxClient["query"]> {
    return inTime(client.query(text, values), answerMillis)
  }

  /**
   * Those of the keys that were not handled yet, which are handled when this transaction commits. Waits for another
   * transaction that is about to handle one of them. Sorted, so that two cannot wait for each other.
   */
  async take(client: InboxClient, keys: ReadonlyArray<string>): Promise<ReadonlySet<string>> {
    const { rows } = await this.#ask(
      client,
      `insert into ${this.#schema}.handled (consumer, event_id)
select $1, event_id from unnest($2::text[]) as given (event_id) order by event_id
on conflict do nothing returning event_id`,
      [this.#consumer, [...new Set(keys)]],
    )
    return new Set(rows.flatMap((row) => textIn(row, "event_id")))
  }

  /** Those of the ids that are dead letters, which are handled when this transaction commits. */
  async takeAgain(client: InboxClient, ids: ReadonlyArray<string>): Promise<ReadonlySet<string>> {
    if (ids.length === 0) return new Set()
    const { rows } = await this.#ask(
      client,
      `update ${this.#schema}.handled set handled_at = now()
where consumer = $1 and event_id = any($2::text[]) and handled_at = 'infinity' returning event_id`,
      [this.#consumer, ids],
    )
    return new Set(rows.flatMap((row) => textIn(row, "event_id")))
  }

  /** From now on it is handled when it is sent again, and not before. */
  async bury(client: InboxClient, id: string): Promise<void> {
    await this.#ask(
      client,
      `insert into ${this.#schema}.handled (consumer, event_id, handled_at) values ($1, $2, 'infinity')
on conflict (consumer, event_id) do update set handled_at = 'infinity'`,
      [this.#consumer, id],
    )
  }

  /** Those of the keys that are held. None of them is let go before this transaction has ended. */
  async held(client: InboxClient, keys: ReadonlyArray<string>): Promise<ReadonlySet<string>> {
    const { rows } = await this.#ask(
      client,
      `select event_key from ${this.#schema}.held_key where consumer = $1 and event_key = any($2::text[]) for key share`,
      [this.#consumer, [...new Set(keys)]],
    )
    return new Set(rows.flatMap((row) => textIn(row, "event_key")))
  }

  /** Holds a key from now on, because of an event of it. */
  async hold(client: InboxClient, { id, key }: StoredEvent, reason: string): Promise<void> {
    await this.#ask(
      client,
      `insert into ${this.#schema}.held_key (consumer, event_key, event_id, reason) values ($1, $2, $3, $4)
on conflict (consumer, event_key) do nothing`,
      [this.#consumer, key, id, reason],
    )
  }

  /** Keeps events of a held key. */
  async keep(client: InboxClient, events: ReadonlyArray<KeptEvent>): Promise<void> {
    await this.#ask(
      client,
      `insert into ${this.#schema}.held (consumer, event_key, event)
select $1, event_key, event from unnest($2::text[], $3::jsonb[]) with ordinality as given (event_key, event, n) order by n`,
      [this.#consumer, events.map(({ key }) => key), events.map((event) => JSON.stringify(event))],
    )
  }

  /**
   * Where this event held its key and is handled now: the next events that were kept of it, which are kept no more. The key
   * is let go with the last of them, so that what comes meanwhile is kept behind them.
   */
  async release(client: InboxClient, { id, key }: StoredEvent, most: number): Promise<ReadonlyArray<KeptEvent>> {
    // A statement of its own: what another transaction kept while this one waited for the key is seen by the next one only.
    const { rows } = await this.#ask(
      client,
      `select event_key from ${this.#schema}.held_key where consumer = $1 and event_key = $2 and event_id = $3 and not exists (
  select from ${this.#schema}.handled where consumer = $1 and event_id = $3 and handled_at = 'infinity') for update`,
      [this.#consumer, key, id],
    )
    if (rows.length === 0) return []
    const kept = await this.#ask(
      client,
      `with gone as (delete from ${this.#schema}.held where consumer = $1 and event_key = $2 and position in (
  select position from ${this.#schema}.held where consumer = $1 and event_key = $2 order by position limit $3)
returning position, event) select event from gone order by position`,
      [this.#consumer, key, most],
    )
    if (kept.rows.length === 0) {
      await this.#ask(client, `delete from ${this.#schema}.held_key where consumer = $1 and event_key = $2`, [
        this.#consumer,
        key,
      ])
    }
    return kept.rows.flatMap((row) =>
      // biome-ignore lint/plugin/casts: we wrote it there
      typeof row === "object" && row !== null && "event" in row ? [row.event as KeptEvent] : [],
    )
  }

  /** A key that is held already waits for this event of it instead. */
  async holdBy(client: InboxClient, { id, key }: StoredEvent, reason: string): Promise<void> {
    await this.#ask(
      client,
      `update ${this.#schema}.held_key set event_id = $3, reason = $4, held_at = now() where consumer = $1 and event_key = $2`,
      [this.#consumer, key, id, reason],
    )
  }

  /** Forgets what was handled more than so many days ago, some thousands at a time. Answers how many. */
  async forget(client: InboxClient, days: number): Promise<number> {
    const { rowCount } = await this.#ask(
      client,
      `delete from ${this.#schema}.handled where ctid = any(array(
  select ctid from ${this.#schema}.handled
  where consumer = $1 and handled_at < now() - make_interval(days => $2) limit 10000))`,
      [this.#consumer, days],
      answerMillisOf(forgettingMillis),
    )
    return rowCount ?? 0
  }
}

const textIn = (row: unknown, field: string): ReadonlyArray<string> => {
  const value = typeof row === "object" && row !== null ? new Map(Object.entries(row)).get(field) : undefined
  return typeof value === "string" ? [value] : []
}

/** How long a database is waited for that may take so long for a statement: one that says nothing may be cut off. */
export const answerMillisOf = (statementMillis: number): number => statementMillis + 5_000

/**
 * Uses a connection in a transaction. Whatever goes wrong outside of `use` is {@link DatabaseTrouble}, and so is what `use`
 * fails with where the connection does not answer afterwards. No statement takes longer than `statementMillis`, and none stays
 * behind for longer where the connection is given up: its locks keep others from the same events.
 */
export const inTransaction = async <A>(
  pool: InboxPool,
  use: (client: InboxClient) => Promise<A>,
  statementMillis: number,
): Promise<A> => {
  const answerMillis = answerMillisOf(statementMillis)
  const client = await connected(pool, answerMillis).catch(troubled)
  // The next statement fails where the server ended the session. The event without a listener would end the process.
  client.on?.("error", ignore)
  let isBroken = true
  try {
    await inTime(client.query(beginWithin(statementMillis)), answerMillis).catch(troubled)
    let answer: A
    try {
      answer = await use(client)
    } catch (error) {
      // Nothing is asked behind a statement that may take its time.
      if (error instanceof HandlerTimedOut || error instanceof NoAnswer) throw error
      await inTime(client.query("rollback"), answerMillis).catch(() => troubled(error))
      isBroken = isOfSession(error)
      throw isPassing(error) ? new DatabaseTrouble("The database may do it another time.", { cause: error }) : error
    }
    const { command } = await inTime(client.query("commit"), answerMillis).catch(troubled)
    isBroken = false
    // PostgreSQL answers a commit of a transaction in which a statement failed with a rollback, and with no error.
    if (command === "ROLLBACK") throw new Error("A statement failed, and the handler went on as if it had not.")
    return answer
  } finally {
    client.release(isBroken)
    client.removeListener?.("error", ignore)
  }
}

const connected = async (pool: InboxPool, answerMillis: number): Promise<InboxConnection> => {
  const connecting = pool.connect()
  try {
    return await inTime(connecting, answerMillis)
  } catch (error) {
    // What comes later goes back.
    connecting.then((late) => late.release(), ignore)
    throw error
  }
}

/** Waits so long for what was asked, and then fails. */
export const inTime = async <A>(
  asked: A | Promise<A>,
  afterMillis: number,
  late: (afterMillis: number) => Error = (millis) => new NoAnswer(millis),
): Promise<A> => {
  const { promise: over, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => reject(late(afterMillis)), afterMillis)
  try {
    return await Promise.race([asked, over])
  } finally {
    clearTimeout(timer)
  }
}

/** Without parameters several statements are one message. A limit of the host's that is lower stays. */
const beginWithin = (millis: number): string =>
  `begin; select set_config('statement_timeout', '${millis}', true)
where current_setting('statement_timeout')::interval not between '1 ms' and '${millis} ms'`

const ignore = (): void => {}

/** Pools that have a listener of ours: one, however many consumers use the pool, for as long as the pool is there. */
const heard = new WeakSet<InboxPool>()

/** An idle connection that breaks is replaced by the pool. The event without a listener would end the process. */
export const hear = (pool: InboxPool): void => {
  if (heard.has(pool)) return
  heard.add(pool)
  pool.on?.("error", ignore)
}

const troubled = (cause: unknown): never => {
  throw cause instanceof DatabaseTrouble ? cause : new DatabaseTrouble("The database is away.", { cause })
}

/** Connections, resources, an operator's stop; conflicts, deadlocks and locks that were not given. A limit that is set is not. */
const passing = /^(?:08|53(?!400)|57P|40001|40P01|55P03)/
/** Those of them that say nothing about the session: another transaction was in the way. */
const inTheWay = /^(?:40001|40P01|55P03)/

const isPassing = (error: unknown): boolean => passing.test(sqlStateOf(error))

/**
 * Whether another session may do what this one could not. A server that was the primary takes no writes once it is a standby,
 * and its sessions would stay in the pool for as long as they are used.
 */
const isOfSession = (error: unknown): boolean => {
  const cause = error instanceof DatabaseTrouble ? error.cause : isPassing(error) ? error : undefined
  return cause !== undefined && !inTheWay.test(sqlStateOf(cause))
}

/** What a database says went wrong, in five characters; nothing where an error is not a database's. */
export const sqlStateOf = (error: unknown): string => {
  if (typeof error !== "object" || error === null || !("code" in error)) return ""
  // A handler's own error may have a code, too, such as 535, which is the number of a mail server's reply.
  if (typeof error.code !== "string" || !/^[0-9A-Z]{5}$/.test(error.code)) return ""
  // `pg` says in words how severe it is.
  return "severity" in error && typeof error.severity !== "string" ? "" : error.code
}
