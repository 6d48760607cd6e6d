/**
 * Handles one slice of one partition: in one transaction where that works, and in halves where a handler fails, until one
 * event stands alone and is a dead letter. What the database does not do is no event's fault and is tried for ever.
 */
import type { Event, StoredEvent } from "@holdfast/core"
import { textOfThrown } from "@holdfast/core/ports"
import { againFor, type DeadLetter, deadLetterRecord, originOf } from "./deadLetters.ts"
import { envelopeOf, eventIn, isName } from "./envelope.ts"
import {
  DatabaseTrouble,
  HandlerTimedOut,
  type Inbox,
  type InboxClient,
  type InboxPool,
  inTime,
  inTransaction,
  type KeptEvent,
  sqlStateOf,
} from "./Inbox.ts"
import { pause } from "./retrying.ts"
import type { HandleSlice, KafkaReceived, KafkaRecord } from "./Transport.ts"

export interface SliceHandlerOptions {
  readonly inbox: Inbox
  readonly pool: InboxPool
  readonly handle: (events: ReadonlyArray<Event>, tx: InboxClient) => unknown
  readonly consumer: string
  /** The most events of one transaction. */
  readonly batch: number
  readonly attempts: number
  readonly backoffMillis: number
  readonly handlerTimeoutMillis: number
  readonly holdsKeys: boolean
  readonly onTrouble: (trouble: unknown) => void
  /** Answers whether it was taken with its value, so that it can be sent again. */
  readonly sendDeadLetter: (record: KafkaRecord) => Promise<boolean>
}

/** A record of this consumer, and under which id the inbox knows it: the same one when it is sent again. */
interface Mine {
  readonly record: KafkaReceived
  readonly id: string
  /** Undefined where it is none that can be handled. */
  readonly event: StoredEvent | undefined
  readonly isAgain: boolean
}

type Where = Pick<DeadLetter, "topic" | "partition" | "reason" | "attempts">

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
      const from = originOf(record, partition)
      const { ce_id: id } = record.headers
      return [
        {
          record,
          event,
          id: isName(id) ? id : `${topic}/${from.partition}/${from.offset}`,
          isAgain: again !== undefined,
        },
      ]
    })
    await this.#some(mine, topic, partition, signal)
    for (const { event, isAgain } of mine)
      if (isAgain && event !== undefined) await this.#release(event, topic, partition, signal)
  }

  async #some(mine: ReadonlyArray<Mine>, topic: string, partition: number, signal: AbortSignal): Promise<void> {
    const [first, ...others] = mine
    if (first === undefined) return
    const { attempts } = this.#options
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
          return this.#bury(first, { topic, partition, reason: reasonOf(error), attempts: attempt })
        }
      }
      await this.#pause(attempt, signal)
    }
    const middle = mine.length >> 1
    await this.#some(mine.slice(0, middle), topic, partition, signal)
    await this.#some(mine.slice(middle), topic, partition, signal)
  }

  #pause(attempt: number, signal: AbortSignal): Promise<void> {
    return pause(Math.min(longestPauseMillis, this.#options.backoffMillis * 2 ** (attempt - 1)), signal)
  }

  /** One transaction: their ids, their effects. */
  async #together(mine: ReadonlyArray<Mine>): Promise<void> {
    const { inbox, holdsKeys } = this.#options
    const counted = await this.#inTransaction(async (client) => {
      const fresh = await this.#fresh(client, mine)
      const stranger = fresh.find(({ event }) => event === undefined)
      if (stranger !== undefined) throw new Error(whyNoEvent(stranger.record))
      const { now, later } = holdsKeys ? await this.#apart(client, fresh) : { now: eventsOf(fresh), later: [] }
      if (later.length > 0) await ours(inbox.keep(client, later))
      if (now.length > 0) await this.#handled(now, client)
      return { handled: now.length, held: later.length, repeats: mine.length - fresh.length, last: now.at(-1) }
    })
    this.counts.handled += counted.handled
    this.counts.held += counted.held
    this.counts.repeats += counted.repeats
    if (counted.last !== undefined) this.lagMillis = Math.max(0, Date.now() - counted.last.occurredAt)
  }

  #inTransaction<A>(use: (client: InboxClient) => Promise<A>): Promise<A> {
    return inTransaction(this.#options.pool, use, this.#options.handlerTimeoutMillis)
  }

  /** The handler's turn, which ends in time: a partition must not wait for ever, nor whoever closes the consumer. */
  async #handled(events: ReadonlyArray<KeptEvent>, client: InboxClient): Promise<void> {
    const { handle, handlerTimeoutMillis } = this.#options
    await inTime(handle(events.map(shown), client), handlerTimeoutMillis, (millis) => new HandlerTimedOut(millis))
  }

  /** Those whose effect is still to come, which counts as done when this transaction commits. */
  async #fresh(client: InboxClient, mine: ReadonlyArray<Mine>): Promise<ReadonlyArray<Mine>> {
    const { inbox } = this.#options
    const idsOf = (isAgain: boolean) => mine.filter((one) => one.isAgain === isAgain).map(({ id }) => id)
    const first = new Set(await ours(inbox.take(client, idsOf(false))))
    const again = new Set(await ours(inbox.takeAgain(client, idsOf(true))))
    return mine.filter(({ id, isAgain }) => (isAgain ? again : first).delete(id))
  }

  /** What is handled now, and what waits for its key. */
  async #apart(client: InboxClient, fresh: ReadonlyArray<Mine>) {
    const now: Array<StoredEvent> = []
    const later: Array<KeptEvent> = []
    const keys = eventsOf(fresh.filter(({ isAgain }) => !isAgain)).map(({ key }) => key)
    const held = await ours(this.#options.inbox.held(client, keys))
    for (const { event, isAgain, record } of fresh) {
      if (event === undefined) continue
      if (isAgain || !held.has(event.key)) now.push(event)
      else later.push({ ...event, record: { offset: `${record.offset}`, headers: record.headers } })
    }
    return { now, later }
  }

  /** One transaction, too: it is stored among the dead letters where its effect was still to come, and not otherwise. */
  async #bury(one: Mine, where: Where): Promise<void> {
    const { inbox, consumer, holdsKeys, sendDeadLetter } = this.#options
    const isFresh = await this.#inTransaction(async (client) => {
      if ((await this.#fresh(client, [one])).length === 0) return false
      if (await sendDeadLetter(deadLetterRecord({ ...where, consumer, record: one.record }))) {
        await ours(inbox.bury(client, one.id))
        if (holdsKeys && one.event !== undefined) await ours(inbox.hold(client, one.event, where.reason))
      }
      return true
    })
    this.counts[isFresh ? "deadLetters" : "repeats"] += 1
  }

  /** Once the event is handled that held a key: what was kept behind it, in order, until nothing is left or one of it fails. */
  async #release(holder: StoredEvent, topic: string, partition: number, signal: AbortSignal): Promise<void> {
    const { inbox, batch, attempts, onTrouble } = this.#options
    let most = batch
    for (let attempt = 1; ; ) {
      signal.throwIfAborted()
      let kept: ReadonlyArray<KeptEvent> = []
      try {
        await this.#inTransaction(async (client) => {
          kept = await ours(inbox.release(client, holder, most))
          if (kept.length > 0) await this.#handled(kept, client)
        })
        if (kept.length === 0) return
        this.counts.handled += kept.length
        attempt = 1
        most = Math.min(batch, most * 2)
        continue
      } catch (error) {
        if (error instanceof DatabaseTrouble || signal.aborted) throw error
        onTrouble(error)
        const [first, ...others] = kept
        if (others.length > 0) most = kept.length >> 1
        else if (first === undefined || attempt < attempts) attempt += 1
        else {
          const where = { topic, partition, reason: reasonOf(error), attempts: attempt }
          if (await this.#buryKept(holder, first, where)) return
          attempt = 1
        }
      }
      await this.#pause(attempt, signal)
    }
  }

  /** The first of those that are kept is a dead letter, for which the others wait. Answers whether they do. */
  async #buryKept(holder: StoredEvent, first: KeptEvent, where: Where): Promise<boolean> {
    const { inbox, consumer, sendDeadLetter } = this.#options
    const { headers, offset } = first.record ?? { ...envelopeOf(first, "/holdfast"), offset: "0" }
    const { key, value } = envelopeOf(first, "/holdfast")
    const record = { key, value, headers, offset: BigInt(offset) }
    const waits = await this.#inTransaction(async (client) => {
      const [kept] = await ours(inbox.release(client, holder, 1))
      if (kept?.id !== first.id) throw new DatabaseTrouble("Another member goes on with this key.")
      if (!(await sendDeadLetter(deadLetterRecord({ ...where, consumer, record })))) return false
      await ours(inbox.bury(client, first.id))
      await ours(inbox.holdBy(client, first, where.reason))
      return true
    })
    this.counts.deadLetters += 1
    return waits
  }
}

/** Our own statements are nobody's poison: a table that is missing, a right that is. What they do not take as data is. */
const ours = <A>(asked: Promise<A>): Promise<A> =>
  asked.catch((cause) => {
    if (cause instanceof DatabaseTrouble || /^(22|54)/.test(sqlStateOf(cause))) throw cause
    throw new DatabaseTrouble("The inbox cannot be used.", { cause })
  })

/** Why a handler failed, as text that any database keeps. */
const reasonOf = (thrown: unknown): string =>
  textOfThrown(thrown).replaceAll("\u0000", "\ufffd").slice(0, maxReasonLength).toWellFormed()

const eventsOf = (mine: ReadonlyArray<Mine>): ReadonlyArray<StoredEvent> =>
  mine.flatMap(({ event }) => (event === undefined ? [] : [event]))

const whyNoEvent = ({ headers }: KafkaReceived): string =>
  headers.ce_type?.endsWith(".toolarge")
    ? "No broker took the data of this event: read them in the shop."
    : "This is no event of a shop."

/** The event as handlers of a shop see it. */
const shown = ({ occurredAt, record: _, ...event }: KeptEvent): Event =>
  // biome-ignore lint/plugin/casts: the same fields, with the time as a Date
  ({ ...event, occurredAt: new Date(occurredAt) }) as Event
