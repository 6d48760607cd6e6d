/**
 * Handles one slice of one partition: in one transaction where that works, and in halves where a handler fails, until one
 * event stands alone and is a dead letter. What the database does not do is no event's fault and is tried for ever.
 */
import type { Event, StoredEvent } from "@holdfast/core"
import { textOfThrown } from "@holdfast/core/ports"
import { againFor, type DeadLetter, deadLetterHeaders, deadLetterRecord } from "./deadLetters.ts"
import { eventIn } from "./envelope.ts"
import { DatabaseTrouble, type Inbox, type InboxClient, type InboxPool, inTransaction } from "./Inbox.ts"
import { pause } from "./retrying.ts"
import type { HandleSlice, KafkaReceived, KafkaRecord } from "./Transport.ts"

export interface SliceHandlerOptions {
  readonly inbox: Inbox
  readonly pool: InboxPool
  readonly handle: (events: ReadonlyArray<Event>, tx: InboxClient) => unknown
  readonly consumer: string
  readonly attempts: number
  readonly backoffMillis: number
  readonly holdsKeys: boolean
  readonly onTrouble: (trouble: unknown) => void
  readonly sendDeadLetter: (record: KafkaRecord) => Promise<void>
}

/** A record of this consumer, and under which key the inbox knows it. */
interface Mine {
  readonly record: KafkaReceived
  readonly key: string
  /** Undefined where it is none that can be handled. */
  readonly event: StoredEvent | undefined
  readonly isAgain: boolean
}

/** The longest pause between two attempts. */
const longestPauseMillis = 10_000
/** The most characters of a reason. */
const maxReasonLength = 500

export class SliceHandler {
  readonly counts = { handled: 0, repeats: 0, deadLetters: 0, held: 0 }
  lagMillis: number | undefined
  readonly #options: SliceHandlerOptions

  constructor(options: SliceHandlerOptions) {
    this.#options = options
  }

  readonly handle: HandleSlice = async ({ topic, partition, records }, signal) => {
    const mine = records.flatMap((record): ReadonlyArray<Mine> => {
      const again = againFor(record)
      if (again !== undefined && again !== this.#options.consumer) return []
      const event = eventIn(record)
      const id = record.headers.ce_id ?? `${topic}/${partition}/${record.offset}`
      const place = record.headers[deadLetterHeaders.again]?.split(" ")[1]
      return [{ record, event, key: place === undefined ? id : `${id}#${place}`, isAgain: again !== undefined }]
    })
    await this.#some(mine, topic, partition, signal)
  }

  async #some(mine: ReadonlyArray<Mine>, topic: string, partition: number, signal: AbortSignal): Promise<void> {
    const [first, ...others] = mine
    if (first === undefined) return
    const { attempts, backoffMillis } = this.#options
    // Those of many are tried again by halves, and one that stands alone as often as it may.
    for (let attempt = 1; ; attempt++) {
      signal.throwIfAborted()
      try {
        return await this.#together(mine)
      } catch (error) {
        if (error instanceof DatabaseTrouble || signal.aborted) throw error
        this.#options.onTrouble(error)
        if (others.length > 0 && attempt === 1) break
        if (attempt >= attempts) {
          const reason = textOfThrown(error).slice(0, maxReasonLength).toWellFormed()
          return this.#bury(first, { topic, partition, reason, attempts: attempt })
        }
      }
      await pause(Math.min(longestPauseMillis, backoffMillis * 2 ** (attempt - 1)), signal)
    }
    const middle = mine.length >> 1
    await this.#some(mine.slice(0, middle), topic, partition, signal)
    await this.#some(mine.slice(middle), topic, partition, signal)
  }

  /** One transaction: their ids, their effects. */
  async #together(mine: ReadonlyArray<Mine>): Promise<void> {
    const { inbox, pool, handle, holdsKeys } = this.#options
    const counted = await inTransaction(pool, async (client) => {
      const taken = new Set(
        await inbox
          .take(
            client,
            mine.map(({ key }) => key),
          )
          .catch((cause) => this.#ours(cause)),
      )
      const fresh = mine.filter(({ key }) => taken.delete(key))
      const stranger = fresh.find(({ event }) => event === undefined)
      if (stranger !== undefined) throw new Error(whyNoEvent(stranger.record))
      const { now, later } = holdsKeys ? await this.#apart(client, fresh) : { now: eventsOf(fresh), later: [] }
      if (later.length > 0) await inbox.keep(client, later).catch((cause) => this.#ours(cause))
      if (now.length > 0) await handle(now.map(shown), client)
      return { handled: now.length, held: later.length, repeats: mine.length - fresh.length, last: now.at(-1) }
    })
    this.counts.handled += counted.handled
    this.counts.held += counted.held
    this.counts.repeats += counted.repeats
    if (counted.last !== undefined) this.lagMillis = Math.max(0, Date.now() - counted.last.occurredAt)
  }

  /** What is handled now, and what waits for its key. A key that is let go gives what was kept of it. */
  async #apart(client: InboxClient, fresh: ReadonlyArray<Mine>) {
    const { inbox } = this.#options
    const now: Array<StoredEvent> = []
    const later: Array<StoredEvent> = []
    for (const { event, isAgain } of fresh) {
      if (event === undefined || !isAgain) continue
      now.push(event, ...(await inbox.release(client, event).catch((cause) => this.#ours(cause))))
    }
    const others = eventsOf(fresh.filter(({ isAgain }) => !isAgain))
    const held = await inbox
      .held(
        client,
        others.map(({ key }) => key),
      )
      .catch((cause) => this.#ours(cause))
    for (const event of others) (held.has(event.key) ? later : now).push(event)
    return { now, later }
  }

  /** The record is stored among the dead letters first, and then counts as handled. */
  async #bury(one: Mine, where: Pick<DeadLetter, "topic" | "partition" | "reason" | "attempts">): Promise<void> {
    const { inbox, pool, consumer, holdsKeys, sendDeadLetter } = this.#options
    await sendDeadLetter(deadLetterRecord({ ...where, consumer, record: one.record }))
    await inTransaction(pool, async (client) => {
      await inbox.take(client, [one.key])
      if (holdsKeys && one.event !== undefined) await inbox.hold(client, one.event, where.reason)
    }).catch((cause) => this.#ours(cause))
    this.counts.deadLetters += 1
  }

  /** Our own statements are nobody's poison: a table that is missing, a right that is. */
  #ours(cause: unknown): never {
    throw cause instanceof DatabaseTrouble ? cause : new DatabaseTrouble("The inbox cannot be used.", { cause })
  }
}

const eventsOf = (mine: ReadonlyArray<Mine>): ReadonlyArray<StoredEvent> =>
  mine.flatMap(({ event }) => (event === undefined ? [] : [event]))

const whyNoEvent = ({ headers }: KafkaReceived): string =>
  headers.ce_type?.endsWith(".toolarge")
    ? "No broker took the data of this event: read them in the shop."
    : "This is no event of a shop."

/** The event as handlers of a shop see it. */
const shown = ({ occurredAt, ...event }: StoredEvent): Event =>
  // biome-ignore lint/plugin/casts: the same fields, with the time as a Date
  ({ ...event, occurredAt: new Date(occurredAt) }) as Event
