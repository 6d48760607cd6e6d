/**
 * What waits for the lanes: one shared queue, and one queue per lane for commands that position themselves on the same
 * hot counter (charges of one wallet, issues of one campaign).
 *
 * Bounded by admission: every check is made before anything is queued, and none does I/O.
 */

import type { Command } from "../decision/Command.ts"
import { type KindName, kinds } from "../decision/kinds.ts"
import { textOfKey } from "../transact/StoreFault.ts"
import type { Key } from "../values.ts"
import type { Pending, PendingList } from "./Pending.ts"

/** The most commands in one batch, unless the host says otherwise. */
const defaultBatchLimit = 128
/** Of the queue, the host's own commands keep at least this share to themselves. */
const reservedShare = 0.1
/** The most of the queue that the commands of one hot key may fill. */
const hotKeyShare = 0.5

export class LaneQueue {
  readonly #limit: number
  /** The most commands in one batch, whoever takes it. */
  readonly batchLimit: number
  readonly #shared = new Fifo()
  readonly #own: ReadonlyArray<Fifo>
  readonly #ownInFlight: Array<number>
  readonly #hotKeys = new HotKeys()
  #inFlight = 0

  constructor(lanes: number, limit: number, batchLimit = defaultBatchLimit) {
    this.#limit = limit
    this.batchLimit = batchLimit
    this.#own = Array.from({ length: lanes }, () => new Fifo())
    this.#ownInFlight = this.#own.map(() => 0)
  }

  /** How many commands wait. */
  get depth(): number {
    return this.#own.reduce((sum, own) => sum + own.length, this.#shared.length)
  }

  /** How many commands the lanes have taken and not finished. */
  get inFlight(): number {
    return this.#inFlight
  }

  /** The lane of a hot counter: the same one for every command on it. */
  laneOf(counter: string): number {
    let hash = 0
    for (let index = 0; index < counter.length; index++) hash = (hash * 31 + counter.charCodeAt(index)) | 0
    return Math.abs(hash) % this.#own.length
  }

  /**
   * Whether there is room for a command. `elsewhere` counts commands that wait outside of this queue, for another one of
   * their key or for a busy key; `live` holds everything admitted and not finished.
   */
  hasRoom(command: Command, elsewhere: number, live: PendingList): boolean {
    const depth = this.depth + elsewhere
    if (command.operation.operator) return depth < this.#limit
    if (depth >= Math.max(1, this.#limit - Math.ceil(this.#limit * reservedShare))) return false
    const hotLimit = Math.max(1, this.#limit * hotKeyShare)
    // No key can hold half of the queue while the queue is not half full, so normally nothing is counted.
    if (depth < hotLimit) {
      this.#hotKeys.forget()
      return true
    }
    this.#hotKeys.countAll(live)
    return this.#hotKeys.most(command) < hotLimit
  }

  /** Counts an admitted command that nobody has in hand, wherever it waits. */
  waits({ command }: Pending): void {
    this.#hotKeys.add(command, 1)
  }

  /** Counts it no more: it was taken outside of this queue, or dropped. */
  waitsNoMore({ command }: Pending): void {
    this.#hotKeys.add(command, -1)
  }

  push(pending: Pending): void {
    const { lane } = pending
    const queue = lane === undefined ? this.#shared : (this.#own[lane] ?? this.#shared)
    queue.push(pending)
  }

  /** Whether a lane has anything to take. */
  hasWork(lane: number): boolean {
    return this.#shared.length > 0 || (this.#own[lane]?.length ?? 0) > 0
  }

  /**
   * The next batch of a lane, in order of admission: all that only it may take, and its fair share of the rest, so that
   * one lane does not take everything while another idles. A lone caller's command leaves at once.
   *
   * Where batches of the lane overlap it takes half of its own, those on their way included, so that there are others to
   * decide while these are made durable.
   */
  take(lane: number, overlaps = false): Array<Pending> {
    const own = this.#own[lane] ?? new Fifo()
    const shared = this.#shared
    let fairShare = Math.ceil((shared.length + this.#inFlight) / this.#own.length)
    let ownShare = overlaps ? Math.ceil((own.length + (this.#ownInFlight[lane] ?? 0)) / 2) : own.length
    const batch: Array<Pending> = []
    while (batch.length < this.batchLimit) {
      const mine = ownShare > 0 ? own.first : undefined
      const anyone = fairShare > 0 ? shared.first : undefined
      const fromOwn = mine !== undefined && (anyone === undefined || mine.sequence < anyone.sequence)
      const next = fromOwn ? own.shift() : anyone === undefined ? undefined : shared.shift()
      if (next === undefined) break
      // Its caller has left or its deadline has passed: nothing happened to it and nothing will.
      if (next.state !== "queued") continue
      if (fromOwn) ownShare--
      else fairShare--
      next.state = "taken"
      this.waitsNoMore(next)
      this.#countInFlight(next, 1)
      batch.push(next)
    }
    return batch
  }

  /** Marks taken commands as finished. */
  finished(batch: ReadonlyArray<Pending>): void {
    for (const pending of batch) this.#countInFlight(pending, -1)
  }

  #countInFlight({ lane }: Pending, change: 1 | -1): void {
    this.#inFlight += change
    if (lane !== undefined) this.#ownInFlight[lane] = (this.#ownInFlight[lane] ?? 0) + change
  }

  /** Removes everything that waits. */
  clear(): void {
    this.#shared.clear()
    for (const own of this.#own) own.clear()
    this.#hotKeys.forget()
  }
}

/** First in, first out, in constant time. */
class Fifo {
  #items: Array<Pending | undefined> = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  get first(): Pending | undefined {
    return this.#items[this.#head]
  }

  push(pending: Pending): void {
    this.#items.push(pending)
  }

  shift(): Pending | undefined {
    const pending = this.#items[this.#head]
    if (pending === undefined) return undefined
    this.#items[this.#head++] = undefined
    // Moves the rest to the front only when half of the array is spent, so that shifting stays constant on average.
    if (this.#head > 1_024 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return pending
  }

  clear(): void {
    this.#items = []
    this.#head = 0
  }
}

/** Counts how many waiting commands touch each account, campaign or product, while that matters. */
class HotKeys {
  #counts: Map<string, number> | undefined

  countAll(live: PendingList): void {
    if (this.#counts !== undefined) return
    this.#counts = new Map()
    for (const { command, state } of live.toArray()) {
      if (state === "queued" || state === "waiting") this.add(command, 1)
    }
  }

  forget(): void {
    this.#counts = undefined
  }

  add(command: Command, change: 1 | -1): void {
    const counts = this.#counts
    if (counts === undefined) return
    forEachHotKey(command, (text) => {
      const count = (counts.get(text) ?? 0) + change
      if (count > 0) counts.set(text, count)
      else counts.delete(text)
    })
  }

  most(command: Command): number {
    let most = 0
    forEachHotKey(command, (text) => {
      most = Math.max(most, this.#counts?.get(text) ?? 0)
    })
    return most
  }
}

const forEachHotKey = (command: Command, visit: (text: string) => void): void =>
  command.operation.keys(
    command.request,
    (kind: KindName, key: Key) => {
      if (kinds[kind].hot) visit(textOfKey({ kind, key }))
    },
    command.at,
  )
