/**
 * `resendDeadLetters({ … })`: dead letters, once more to the consumer that could not handle them.
 *
 * A group has one offset a partition, so a letter that stays is written once more at the end of its topic before the offset
 * passes it: one that was not chosen, and one that could not be sent. A call that dies in between leaves two of it, which have
 * one effect: see the inbox.
 */
import { createHash } from "node:crypto"
import { Options } from "@holdfast/core"
import { quietly } from "@holdfast/core/ports"
import { deadLetterHeaders as headers, letterPartition } from "./deadLetters.ts"
import { sizeOf } from "./envelope.ts"
import { oneByOne } from "./oneByOne.ts"
import { defaultBatchBytes, partsBySize } from "./parts.ts"
import { pause } from "./retrying.ts"
import { KafkaFault, type KafkaReceived, type KafkaRecord, type KafkaSlice, type KafkaTransport } from "./Transport.ts"
import { isTopic, longestTopic, topicCheck } from "./topicOptions.ts"

export interface ResendOptions {
  readonly kafka: KafkaTransport
  /** The topic of dead letters: as the consumer's `deadLetter`. */
  readonly deadLetter: string
  /** Sends those only whose reason has this text in it; the others stay for another call. All. */
  readonly reason?: string | undefined
  /** The most dead letters that are looked at in one call, 1 to 1,000,000. 10,000. */
  readonly most?: number | undefined
  /**
   * Told of each letter that could not be sent and stays: it is too large for its topic, or its topic or its partition is not
   * there. Default: a warning of the process.
   */
  readonly onLeft?: ((why: Error) => void) | undefined
}

const checks: Options.Checks<ResendOptions> = {
  kafka: Options.must("a transport", (value) => typeof value === "object" && value !== null && "publish" in value),
  deadLetter: topicCheck(longestTopic),
  reason: Options.must("text", (value) => typeof value === "string"),
  most: Options.wholeNumber(1, 1_000_000),
  onLeft: Options.aFunction,
}

/** The most letters of one slice. */
const maxSlice = 100
/** How often a slice may fail in one call. */
const mostFailures = 10
/** How often it is looked whether there is more. */
const lookMillis = 100
/**
 * How long a call waits for a slice. What a group is behind by may be no letters: transactions leave marks of their own in a
 * topic. And another call may have the letters.
 */
const idleMillis = 60_000

/**
 * Sends dead letters to the topics that they came from, once more for the consumer that could not handle them. Looks at those
 * that are there when it is called; what is left of them is at the end of the topic afterwards. Letters without a value, which
 * were too large for their topic, are passed over for good. Answers how many were sent.
 */
export const resendDeadLetters = async (options: ResendOptions): Promise<number> => {
  Options.check(options, checks, ["kafka", "deadLetter"])
  const { kafka, deadLetter } = options
  const group = `${deadLetter}.resend`
  const waiting = async () => {
    const lag = await kafka.lag(group, deadLetter)
    return Array.from(lag.values()).reduce((sum, each) => sum + Number(each), 0)
  }
  if ((await kafka.partitions(deadLetter)) === undefined) return 0
  // Those that are there now: what fails again while this goes on is for the next call, or this one might never end.
  const most = Math.min(options.most ?? 10_000, await waiting())
  if (most === 0) return 0
  const resending = new Resending(options, most)
  const { promise: failed, reject } = Promise.withResolvers<never>()
  let failures = 0
  const onTrouble = (trouble: unknown) => {
    failures += 1
    if (failures > mostFailures) reject(trouble)
  }
  const subscription = await kafka.subscribe(
    { topic: deadLetter, group, maxSlice: Math.min(maxSlice, most), onTrouble },
    resending.handle,
  )
  const ending = new AbortController()
  const untilEnd = async () => {
    while (!ending.signal.aborted && !resending.isOver() && !resending.isIdle() && (await waiting()) > 0) {
      await pause(lookMillis, ending.signal)
    }
  }
  try {
    await Promise.race([failed, untilEnd()])
  } finally {
    ending.abort()
    await subscription.close()
  }
  return resending.sent()
}

/** One call. */
class Resending {
  readonly #kafka: KafkaTransport
  readonly #deadLetter: string
  readonly #reason: string
  readonly #most: number
  readonly #onLeft: (why: Error) => void
  readonly #inTurn = oneByOne()
  #looked = 0
  #inHand = 0
  #idleSince = performance.now()
  /** Where the first letter is that was put back: from there on everything is for the next call. */
  #end: bigint | undefined
  /** The places of letters that were sent, so that a slice which comes again does not send them once more. */
  readonly #sent = new Set<string>()
  /** The places of letters of which the host was told. */
  readonly #told = new Set<string>()
  /** What was put back. Of letters that are the same, because a call died, one is enough. */
  readonly #kept = new Set<string>()
  /** How many partitions a topic has. */
  readonly #partitions = new Map<string, number>()

  constructor({ kafka, deadLetter, reason = "", onLeft = warn }: ResendOptions, most: number) {
    this.#kafka = kafka
    this.#deadLetter = deadLetter
    this.#reason = reason
    this.#most = most
    this.#onLeft = onLeft
  }

  readonly isOver = (): boolean => this.#looked >= this.#most
  readonly isIdle = (): boolean => this.#inHand === 0 && performance.now() - this.#idleSince > idleMillis
  readonly sent = (): number => this.#sent.size

  readonly handle = async (slice: KafkaSlice, signal: AbortSignal): Promise<void> => {
    this.#inHand += 1
    try {
      // What is here stays for the next call.
      if (!(await this.#inTurn(() => this.#take(slice)))) await untilAborted(signal)
    } finally {
      this.#inHand -= 1
      this.#idleSince = performance.now()
    }
  }

  /** Answers false where it is enough for this call, and the slice is left as it is. */
  async #take({ partition, records }: KafkaSlice): Promise<boolean> {
    const end = partition === letterPartition ? this.#end : undefined
    const now = records.slice(0, this.#most - this.#looked).filter(({ offset }) => end === undefined || offset < end)
    if (now.length === 0) {
      this.#looked = this.#most
      return false
    }
    const stay = new Map<string, KafkaReceived>()
    for (const record of now) {
      if (await this.#isDone(record, `${partition}.${record.offset}`)) continue
      if (!this.#kept.has(nameOf(record))) stay.set(nameOf(record), record)
    }
    // The offset passes the whole slice. What is behind the end may be the only one of its kind, whatever was put back.
    const behind = records.slice(now.length)
    await this.#putBack([...stay.values(), ...behind])
    this.#looked = behind.length > 0 ? this.#most : this.#looked + now.length
    return true
  }

  /** Sends a letter that is chosen. Answers false where it stays. */
  async #isDone(record: KafkaReceived, place: string): Promise<boolean> {
    const { [headers.topic]: topic, [headers.consumer]: consumer, [headers.bytes]: bytes } = record.headers
    // Nothing that could ever be sent.
    if (topic === undefined || consumer === undefined || bytes !== undefined) return true
    if (!(record.headers[headers.reason] ?? "").includes(this.#reason)) return false
    if (this.#sent.has(place)) return true
    const why = await this.#send(topic, recordAgain(record, `${consumer} ${place}`))
    if (why === undefined) this.#sent.add(place)
    else if (!this.#told.has(place)) {
      this.#told.add(place)
      const { ce_id: id = "without an id" } = record.headers
      quietly(() =>
        this.#onLeft(new Error(`The letter ${place} (event ${JSON.stringify(id)}) cannot be sent: ${why}.`)),
      )
    }
    return why === undefined
  }

  /** Answers why the topic can not have the record; undefined where it has. */
  async #send(topic: string, record: KafkaRecord): Promise<string | undefined> {
    const partitions = await this.#partitionsOf(topic)
    if (partitions === 0) return `there is no topic ${JSON.stringify(topic)}`
    const { partition } = record
    if (!Number.isInteger(partition) || partition < 0 || partition >= partitions) {
      return `the topic ${topic} has no such partition`
    }
    try {
      await this.#kafka.publish(topic, [record])
      return undefined
    } catch (error) {
      if (error instanceof KafkaFault && error.isTooLarge) return `it is too large for ${topic}`
      // The topic may have been removed meanwhile.
      this.#partitions.delete(topic)
      throw error
    }
  }

  /** None where there is no such topic, or can be none. */
  async #partitionsOf(topic: string): Promise<number> {
    const known = this.#partitions.get(topic)
    if (known !== undefined) return known
    const count = isTopic(topic) ? ((await this.#kafka.partitions(topic)) ?? 0) : 0
    this.#partitions.set(topic, count)
    return count
  }

  async #putBack(letters: ReadonlyArray<KafkaReceived>): Promise<void> {
    const parts = partsBySize(letters, (letter) => sizeOf(recordOf(letter)), defaultBatchBytes)
    for (const part of parts) {
      const [first] = await this.#kafka.publish(this.#deadLetter, part.map(recordOf))
      this.#end ??= first?.offset
      for (const letter of part) this.#kept.add(nameOf(letter))
    }
  }
}

/** The record as it was, for its consumer. It is no longer than it was by more than these headers, so that its topic takes it. */
const recordAgain = (letter: KafkaReceived, again: string): KafkaRecord => {
  const { [headers.topic]: _, [headers.consumer]: __, [headers.reason]: ___, ...more } = letter.headers
  const { [headers.attempts]: ____, ...others } = more
  return {
    ...recordOf(letter),
    // The events of its key that came after it are there.
    partition: Number(others[headers.partition] ?? "0"),
    headers: { ...others, [headers.again]: again },
  }
}

/** The letter once more. */
const recordOf = ({ key = "", value = new Uint8Array(), headers: given }: KafkaReceived): KafkaRecord => ({
  partition: letterPartition,
  key,
  value,
  headers: given,
})

/** What two letters have in common that are the same in everything. */
const nameOf = (letter: KafkaReceived): string => {
  const { key, headers: given, value } = recordOf(letter)
  return createHash("sha256")
    .update(JSON.stringify([key, given]))
    .update(value)
    .digest("base64")
}

const warn = (why: Error): void =>
  process.emitWarning(why.message, { type: "HoldfastWarning", code: "HOLDFAST_RESEND" })

const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((_, reject) => {
    const end = () => reject(new Error("It is left to the next call."))
    if (signal.aborted) end()
    else signal.addEventListener("abort", end)
  })
