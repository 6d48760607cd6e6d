/**
 * One trial of a bus: events are published as a relay does it, while subscribers of two names fail now and then, and one of a
 * third name always; at the end what each of the two handled is compared with what was published.
 */
import { Clock, Effect, Exit, type Scope } from "effect"
import type { Event } from "../../events/Event.ts"
import type { BusFault, EventBus } from "../../ports/index.ts"
import { textOfCause } from "../../thrown.ts"
import { type CommandId, SubscriptionName } from "../../values.ts"
import { within } from "../kit/inTime.ts"
import { type Draws, drawsOf } from "../sim/draws.ts"
import type { BusAdapter } from "./BusAdapter.ts"
import type { BusLaw } from "./busLaws.ts"

/** How laws were broken in a trial. */
export type Broken = Partial<Record<BusLaw["id"], string>>

/** Runs the trial of a seed on a ground of its own. */
export const busTrial = Effect.fnUntraced(function* (
  adapter: BusAdapter,
  seed: number,
  withCrash: boolean,
  settleMillis: number,
): Effect.fn.Return<Broken, BusFault | GaveUp, Scope.Scope> {
  const mostMillis = settleMillis + patienceMillis
  const draws = drawsOf(seed)
  const ground = `bus-${seed}-${yield* Clock.currentTimeMillis}`
  const published = eventsOf(draws)
  const open = ended("Opening it", adapter.open(ground), mostMillis)
  const first = yield* open
  const subscribe = Effect.fnUntraced(function* (name: string, handler: Handler) {
    const bus = yield* open
    yield* ended("`subscribe`", bus.subscribe(SubscriptionName.make(name), handler), mostMillis)
  })
  const [handled, others]: [Array<Event>, Array<Event>] = [[], []]
  yield* subscribe("reader", restless(draws, handled))
  yield* subscribe("second reader", restless(drawsOf(seed, 1), others))
  yield* subscribe("no reader", () => Effect.fail("this handler always fails"))
  const crashAt = withCrash ? draws.between(1, published.length) : undefined
  let bus = first
  for (let start = 0; start < published.length; ) {
    const batch = published.slice(start, start + draws.between(1, 20))
    yield* publish(bus, batch, mostMillis)
    // The acknowledgement was lost on its way to the store, and the relay starts over.
    if (draws.chance(0.1)) yield* publish(bus, batch, mostMillis)
    // Another process takes over.
    if (draws.chance(0.1)) bus = yield* open
    if (crashAt !== undefined && start < crashAt && start + batch.length >= crashAt) {
      yield* ended("The crash", adapter.crash ?? Effect.void, mostMillis)
    }
    start += batch.length
    // What was published so far may be handled before more comes, or not.
    if (draws.chance(0.5)) yield* Effect.sleep(draws.between(1, 5))
  }
  const missing = new Missing(published, [handled, others])
  let before = missing.count()
  for (let waited = 0; before > 0 && waited < settleMillis; ) {
    yield* Effect.sleep(20)
    const now = missing.count()
    waited = now === before ? waited + 20 : 0
    before = now
  }
  const broken = judge(published, handled, withCrash)
  const beside = judge(published, others, withCrash)
  const unseen = beside["BUS-01"] ?? beside["BUS-02"]
  const ofNames = unseen === undefined ? {} : { "BUS-04": `By the second of two names: ${unseen}` }
  return { ...("BUS-03" in beside ? { "BUS-03": beside["BUS-03"] } : {}), ...broken, ...ofNames }
})

type Handler = (events: ReadonlyArray<Event>) => Effect.Effect<void, unknown>

/** A handler that fails now and then, and otherwise notes what it is given. */
const restless =
  (draws: Draws, handled: Array<Event>): Handler =>
  (events) =>
    Effect.suspend(() => {
      const fate = draws.real()
      if (fate < 0.1) return Effect.fail("this handler fails")
      const note = Effect.sync(() => void handled.push(...events))
      // The other partitions overtake.
      return fate < 0.4 ? Effect.andThen(Effect.sleep(draws.between(1, 5)), note) : note
    })

/** Of this bus nothing more is to be learnt: it hangs, or takes nothing. */
export interface GaveUp {
  readonly _tag: "GaveUp"
  readonly law: BusLaw["id"]
  readonly message: string
}

const gaveUp = (law: BusLaw["id"], message: string) => Effect.fail<GaveUp>({ _tag: "GaveUp", law, message })

const ended = <A, R>(what: string, call: Effect.Effect<A, BusFault, R>, mostMillis: number) =>
  Effect.flatMap(
    within(call, mostMillis),
    (exit): Effect.Effect<A, BusFault | GaveUp> =>
      exit ?? gaveUp("BUS-05", `${what} had not ended after ${mostMillis} ms.`),
  )

/** What is yet to be handled, of all names together. */
class Missing {
  readonly #names: ReadonlyArray<{ readonly ids: Set<string>; readonly handled: ReadonlyArray<Event> }>

  constructor(published: ReadonlyArray<Event>, names: ReadonlyArray<ReadonlyArray<Event>>) {
    this.#names = names.map((handled) => ({ ids: new Set(published.map(({ id }) => id)), handled }))
  }

  count(): number {
    let count = 0
    for (const { ids, handled } of this.#names) {
      for (const { id } of handled) ids.delete(id)
      count += ids.size
    }
    return count
  }
}

const pauseMillis = 50
/** How much longer a bus may be away, since whatever keeps its events may have to start again. */
const patienceMillis = 30_000

/** Publishes a batch until the bus takes it, for so long at most: one that takes nothing is not waited for. */
const publish = (bus: EventBus["Service"], batch: ReadonlyArray<Event>, mostMillis: number) => {
  let last: string | undefined
  const taken: Effect.Effect<void> = Effect.flatMap(Effect.exit(Effect.suspend(() => bus.publish(batch))), (exit) => {
    if (Exit.isSuccess(exit)) return Effect.void
    last = textOfCause(exit.cause)
    return Effect.andThen(Effect.sleep(pauseMillis), taken)
  })
  return Effect.flatMap(within(taken, mostMillis), (exit) => {
    if (exit !== undefined) return Effect.void
    return last === undefined
      ? gaveUp("BUS-05", `\`publish\` had not ended after ${mostMillis} ms.`)
      : gaveUp("BUS-01", `A batch was not taken within ${mostMillis} ms. ${last}`)
  })
}

const keys = ["ann", "주문-12", "🎟️ key", "a/b\n c", "x".repeat(64)] as const

const eventsOf = (draws: Draws): ReadonlyArray<Event> => {
  const count = draws.between(40, 160)
  const used = keys.slice(0, draws.between(1, keys.length))
  return Array.from({ length: count }, (_, index): Event => {
    const key = used[draws.below(used.length)] ?? "ann"
    return {
      // biome-ignore lint/plugin/casts: as long as an id, and ordered like one
      id: String(index + 1).padStart(26, "0") as CommandId,
      type: "points.charged",
      version: 1,
      occurredAt: 1_700_000_000_000 + draws.below(1_000_000),
      aggregate: { type: "account", id: key },
      key,
      data: {
        amount: draws.chance(0.1) ? Number.MAX_SAFE_INTEGER : index,
        note: draws.oneOf(["", "한글 메모", 'quote " and \\ and \u2028', "🎽"]),
        lines: [{ n: index, none: null, yes: true }],
      },
    }
  })
}

const judge = (published: ReadonlyArray<Event>, handled: ReadonlyArray<Event>, crashed: boolean): Broken => {
  const firsts = new Map<string, Event>()
  for (const event of handled) if (!firsts.has(event.id)) firsts.set(event.id, event)
  const broken: Broken = {}
  const lost = published.find(({ id }) => !firsts.has(id))
  if (lost !== undefined) {
    broken[crashed ? "BUS-02" : "BUS-01"] = `Event ${Number(lost.id)} of "${lost.key}" was taken and never handled.`
  }
  const order = Map.groupBy(firsts.values(), ({ id }) => published.find((each) => each.id === id)?.key ?? "")
  for (const [key, events] of order) {
    for (const [index, { id }] of events.entries()) {
      const before = events[index - 1]
      if (before !== undefined && before.id > id) {
        broken["BUS-01"] ??= `Of "${key}", event ${Number(before.id)} was handled before ${Number(id)}.`
      }
    }
  }
  const unknown = handled.find(({ id }) => !published.some((each) => each.id === id))
  if (unknown !== undefined) broken["BUS-03"] = `${textOf(unknown)} was handled, which nobody had published.`
  for (const event of published) {
    const found = firsts.get(event.id)
    if (found !== undefined && textOf(found) !== textOf(event)) {
      broken["BUS-03"] = `${textOf(event)} was published, ${textOf(found)} handled.`
    }
  }
  return broken
}

/** The same text for the same event, whatever order its fields are in. */
const textOf = (value: unknown): string =>
  JSON.stringify(value, (_, part: unknown) =>
    typeof part === "object" && part !== null && !Array.isArray(part)
      ? Object.fromEntries(Object.entries(part).sort(([left], [right]) => (left < right ? -1 : 1)))
      : part,
  )
