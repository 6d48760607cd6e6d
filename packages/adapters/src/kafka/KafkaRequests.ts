/**
 * `kafkaRequests({ … })`: a topic as the log of coupon requests. Claims are accepted while the shop's database is away.
 *
 * A claim is accepted when all replicas that are in sync have it. Its campaign is its key, so that a campaign's claims are
 * decided in the order of the log by the member that has the partition. Two members may hold one partition for a moment, and
 * a slice may come again: the store's position lets one through. The offset that the group commits afterwards is for the
 * consumer's start and for the lag, and nothing rests on it.
 */
import { Options } from "@holdfast/core"
import {
  type Claim,
  type LogFull,
  type LogGuarantees,
  placeOf,
  RequestLog,
  type RequestLogShape,
  requestIdOf,
  type Slice,
  type StoreFault,
  sliceLimit,
  textOfThrown,
} from "@holdfast/core/ports"
import { Effect, Layer, Schedule } from "effect"
import { claimIn, isLogName, recordOf } from "./claims.ts"
import { letGo } from "./letGo.ts"
import { once } from "./once.ts"
import { openTopic, topicSpec } from "./openTopic.ts"
import type { KafkaSlice, KafkaTransport } from "./Transport.ts"
import { topicCheck, whyNotCopies } from "./topicOptions.ts"

export interface KafkaRequestsOptions {
  /** The client: `kafkajs({ brokers })`, `platformatic({ brokers })`, or one of your own. */
  readonly kafka: KafkaTransport
  /** The topic of the requests, and of nothing else. */
  readonly topic: string
  /** The consumer group of those who decide. Default: `<topic>.decided`. */
  readonly group?: string | undefined
  /** Of a topic that does not exist yet. 12. Never changed later, for that would tear campaigns apart. */
  readonly partitions?: number | undefined
  /** How many brokers keep a topic that does not exist yet. 3. */
  readonly replication?: number | undefined
  /** How many of these have to have a claim before it is accepted. 2, or 1 where `replication` is 1. */
  readonly minInSync?: number | undefined
  /** The most requests that may wait. Above it they are answered `Overloaded`. 100,000. Counted once a second. */
  readonly maxWaiting?: number | undefined
}

const named = Options.must(
  "1 to 200 of the characters a-z, A-Z, 0-9, ., _ and -",
  (value) => typeof value === "string" && isLogName(value),
)

const checks: Options.Checks<KafkaRequestsOptions> = {
  kafka: Options.must(
    "a transport, such as kafkajs({ brokers })",
    (value) => typeof value === "object" && value !== null && "publish" in value,
  ),
  topic: topicCheck(200),
  group: named,
  partitions: Options.wholeNumber(1, 10_000),
  replication: Options.wholeNumber(1, 100),
  minInSync: Options.wholeNumber(1, 100),
  maxWaiting: Options.wholeNumber(1, 10_000_000),
}

const guarantees: LogGuarantees = { name: "kafka", durability: "power loss", scope: "many machines" }

/** How long a count of what waits is good for. */
const countMillis = 1_000
const retryAfterMillis = 1_000

/** A topic as the log of coupon requests: `createHoldfast({ requests: kafkaRequests({ kafka, topic: "shop.requests" }) })`. */
export const kafkaRequests = (
  options: KafkaRequestsOptions,
): { readonly name: string; readonly layer: Layer.Layer<RequestLog> } => {
  Options.check(options, checks, ["kafka", "topic"])
  Options.refuse(whyNotCopies(options))
  const { kafka } = options
  return {
    name: `kafka (${kafka.name})`,
    layer: Layer.effect(
      RequestLog,
      Effect.acquireRelease(
        Effect.sync(() => logOn(options)),
        () => letGo(kafka),
      ),
    ),
  }
}

/** The topic, once it is there. */
interface Topic {
  readonly log: string
  readonly partitions: number
}

const logOn = (options: KafkaRequestsOptions): RequestLogShape => {
  const { kafka, topic, group = `${topic}.decided`, maxWaiting = 100_000 } = options
  const opened = once(() => open(options))
  const waiting = counted(async () => {
    await opened.get()
    const lag = await kafka.lag(group, topic)
    return Number(Array.from(lag.values()).reduce((sum, behind) => sum + behind, 0n))
  })
  return {
    guarantees,
    append: (claims) =>
      Effect.gen(function* () {
        if ((yield* asked(waiting.get)) + claims.length > maxWaiting) {
          return yield* Effect.fail<LogFull>({ _tag: "LogFull", retryAfterMillis })
        }
        return yield* asked(async () => {
          const { log, partitions } = await opened.get()
          const records = claims.map((claim) => recordOf(claim, log, partitions))
          const places = await kafka.publish(topic, records).catch(async (error) => {
            // The topic may have been made anew, with other numbers.
            await opened.drop()
            throw error
          })
          waiting.add(claims.length)
          return places.map(({ partition, offset }, index) =>
            requestIdOf({ log, partition, offset: Number(offset) }, commandIdOf(claims, index)),
          )
        })
      }),
    serve: (decide) =>
      Effect.scoped(
        Effect.gen(function* () {
          const run = Effect.runPromiseWith(yield* Effect.context<never>())
          const trouble = (thrown: unknown) =>
            Effect.logWarning(`The requests of ${topic} are tried again. ${textOfThrown(thrown)}`)
          const to = { topic, group, maxSlice: sliceLimit, onTrouble: (thrown: unknown) => void run(trouble(thrown)) }
          const subscribe = Effect.tryPromise(async (stopping) => {
            const { log } = await opened.get()
            // The shop may have stopped meanwhile: what is joined after that nobody would leave.
            stopping.throwIfAborted()
            const joined = await kafka.subscribe(to, async (slice, signal) => {
              for (const one of slicesOf(log, slice)) await run(decide(one), { signal })
            })
            if (stopping.aborted) await joined.close()
            return joined
          }).pipe(
            Effect.tapError(({ cause }) => trouble(cause)),
            Effect.retry(Schedule.spaced(retryAfterMillis)),
            Effect.orDie,
          )
          yield* Effect.acquireRelease(subscribe, (subscription) => Effect.promise(subscription.close), {
            interruptible: true,
          })
          return yield* Effect.never
        }),
      ),
    // Whether it is decided the store has said before: a place that nobody has reached waits.
    holds: (requestId) =>
      Effect.map(
        asked(() => opened.get()),
        ({ log, partitions }) => {
          const place = placeOf(requestId)
          return place !== undefined && place.partition < partitions && mayBe(place.log, topic, log)
        },
      ),
    waiting: asked(waiting.get),
  }
}

const idOfTopic = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/

/**
 * Whether a log may be this topic: clients that know its id go by that, others by its name, and one fleet may have both. Who
 * knows no id cannot tell whose an id is.
 */
const mayBe = (named: string, topic: string, log: string): boolean =>
  named === log || named === topic || (log === topic && idOfTopic.test(named))

const open = async (options: KafkaRequestsOptions): Promise<Topic> => {
  const { kafka, topic, partitions = 12 } = options
  const count = await openTopic(kafka, topicSpec(topic, partitions, options, "a week"))
  return { log: (await kafka.topicId?.(topic)) ?? topic, partitions: count }
}

/** A number that is asked for at most once in a while, with what has come since the question. */
const counted = (count: () => Promise<number>) => {
  let known = 0
  let added = 0
  let goodUntil = Number.NEGATIVE_INFINITY
  return {
    add: (more: number): void => {
      added += more
    },
    get: async (): Promise<number> => {
      if (performance.now() >= goodUntil) {
        // What comes while the answer is on its way may not be counted in it.
        const before = added
        known = (await count()) - before
        goodUntil = performance.now() + countMillis
      }
      return known + added
    },
  }
}

const asked = <A>(call: () => Promise<A>): Effect.Effect<A, StoreFault> =>
  Effect.tryPromise({ try: call, catch: (cause): StoreFault => ({ _tag: "Lost", reason: textOfThrown(cause), cause }) })

const commandIdOf = (claims: ReadonlyArray<Claim>, index: number): Claim["commandId"] => {
  const claim = claims[index]
  if (claim === undefined) throw new Error("The transport answered more places than there were records.")
  return claim.commandId
}

/** The claims of a slice by the log that they were accepted into: one slice, but where processes with other clients accept too. */
const slicesOf = (own: string, { partition, records }: KafkaSlice): ReadonlyArray<Slice> => {
  const slices: Array<Slice> = []
  let log = own
  let requests: Array<Slice["requests"][number]> = []
  const endAt = (end: number): void => {
    if (requests.length > 0) slices.push({ log, partition, requests, end })
    requests = []
  }
  for (const record of records) {
    const found = claimIn(record, own)
    // What is no claim is passed over: nobody was told an id for it.
    if (found === undefined) continue
    const offset = Number(record.offset)
    if (found.log !== log) endAt(offset)
    log = found.log
    requests.push({ offset, claim: found.claim })
  }
  endAt(Number(records.at(-1)?.offset ?? -1n) + 1)
  return slices
}
