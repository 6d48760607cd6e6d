/**
 * One trial of a bus: events are published as a relay does it, while a subscriber fails now and then; at the end what was
 * handled is compared with what was published.
 */
import { Clock, Effect, Exit, Option, type Scope } from "effect"
import type { Event } from "../../events/Event.ts"
import type { BusFault, EventBus } from "../../ports/index.ts"
import { type CommandId, SubscriptionName } from "../../values.ts"
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
): Effect.fn.Return<Broken, BusFault, Scope.Scope> {
  const draws = drawsOf(seed)
  const ground = `bus-${seed}-${yield* Clock.currentTimeMillis}`
  const published = eventsOf(draws)
  const handled: Array<Event> = []
  const open = adapter.open(ground)
  const first = yield* open
  const subscriber = yield* open
  yield* subscriber.subscribe(SubscriptionName.make("reader"), (events) =>
    Effect.suspend(() => {
      const fate = draws.real()
      if (fate < 0.1) return Effect.fail("this handler fails")
      const note = Effect.sync(() => void handled.push(...events))
      // The other partitions overtake.
      return fate < 0.4 ? Effect.andThen(Effect.sleep(draws.between(1, 5)), note) : note
    }),
  )
  const crashAt = withCrash ? draws.between(1, published.length) : undefined
  let bus = first
  for (let start = 0; start < published.length; ) {
    const batch = published.slice(start, start + draws.between(1, 20))
    if (!(yield* isTaken(bus, batch, settleMillis))) return { "BUS-01": untaken(settleMillis) }
    // The acknowledgement was lost on its way to the store, and the relay starts over.
    if (draws.chance(0.1) && !(yield* isTaken(bus, batch, settleMillis))) return { "BUS-01": untaken(settleMillis) }
    // Another process takes over.
    if (draws.chance(0.1)) bus = yield* open
    if (crashAt !== undefined && start < crashAt && start + batch.length >= crashAt) yield* adapter.crash ?? Effect.void
    start += batch.length
  }
  const ids = new Set<string>(published.map(({ id }) => id))
  const missing = () => {
    for (const { id } of handled) ids.delete(id)
    return ids.size
  }
  let before = missing()
  for (let waited = 0; before > 0 && waited < settleMillis; ) {
    yield* Effect.sleep(20)
    const now = missing()
    waited = now === before ? waited + 20 : 0
    before = now
  }
  return judge(published, handled, withCrash)
})

const pauseMillis = 50
/** How much longer a bus may be away, since whatever keeps its events may have to start again. */
const patienceMillis = 30_000

/** Publishes a batch until the bus takes it, for so long at most: one that takes nothing is not waited for. */
const isTaken = (bus: EventBus["Service"], batch: ReadonlyArray<Event>, mostMillis: number): Effect.Effect<boolean> => {
  const taken: Effect.Effect<void> = Effect.flatMap(Effect.exit(Effect.suspend(() => bus.publish(batch))), (exit) =>
    Exit.isSuccess(exit) ? Effect.void : Effect.andThen(Effect.sleep(pauseMillis), taken),
  )
  return Effect.map(Effect.timeoutOption(taken, mostMillis + patienceMillis), Option.isSome)
}

const untaken = (millis: number): string => `A batch was not taken within ${millis + patienceMillis} ms.`

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
