/**
 * What can be asked of a cache alone: leases, values that run out, and what `forget` ends.
 */
import { Effect } from "effect"
import type { Held, SharedCacheShape } from "../../ports/index.ts"
import type { KitBook } from "../kit/KitReport.ts"
import { monotonic } from "../kit/monotonic.ts"
import type { Draws } from "../sim/draws.ts"

/** How long things last that are waited for. */
const shortMillis = 60
/** How long anything may take on a machine that is busy with other things. */
const patienceMillis = 2_000
const pollMillis = 5

export const portTrial = (cache: SharedCacheShape, name: string, draws: Draws, book: KitBook) =>
  Effect.gen(function* () {
    yield* valueRunsOut(cache, name, draws, book)
    yield* leaseRunsOut(cache, name, book)
    yield* forgottenStaysAway(cache, name, draws, book)
  })

const bytesOf = (draws: Draws): Uint8Array => Uint8Array.from({ length: draws.below(300) }, () => draws.below(256))

const valueRunsOut = Effect.fnUntraced(function* (cache: SharedCacheShape, name: string, draws: Draws, book: KitBook) {
  // Parts that would meet if they were joined, or mean something to a server.
  const key = [name, "value", "a:b %{c}", draws.below(1_000)] as const
  const askedAt = yield* monotonic
  const lease = yield* leased(cache, key, 60_000)
  if (lease === undefined) return book.broken("CACHE-04", "Nobody was given the lease of a key that nobody has.")
  const bytes = bytesOf(draws)
  if (!(yield* cache.put(key, lease, bytes, shortMillis))) {
    return book.broken("CACHE-05", "A put under a living lease was refused.")
  }
  const held = yield* cache.get(key, 60_000)
  if (held._tag === "Value") {
    if (held.forMillis > shortMillis) {
      book.broken(
        "CACHE-01",
        `A value that was put for ${shortMillis} ms was said to be good for ${held.forMillis} ms.`,
      )
    }
    if (!same(held.bytes, bytes)) book.broken("CACHE-01", "Other bytes were answered than were put.")
  } else if ((yield* monotonic) - askedAt < shortMillis - pollMillis) {
    // A cache may count the time since it gave the lease, to keep no value for longer than it was good.
    return book.broken("CACHE-04", `${held._tag} was answered of a value that had just been put.`)
  }
  // A server counts whole milliseconds, and a timer may end within one of its time.
  yield* Effect.sleep(shortMillis + pollMillis)
  const later = yield* cache.get(key, 60_000)
  if (later._tag === "Value") book.broken("CACHE-01", "A value was answered after its time was over.")
  else book.saw("a value ran out")
})

const leaseRunsOut = Effect.fnUntraced(function* (cache: SharedCacheShape, name: string, book: KitBook) {
  const key = [name, "lease"] as const
  const sentAt = yield* monotonic
  const first = yield* leased(cache, key, shortMillis)
  const second = yield* cache.get(key, shortMillis)
  const inTime = (yield* monotonic) - sentAt < shortMillis
  if (second._tag === "Awaited") book.saw("a lease was awaited")
  else if (inTime) return book.broken("CACHE-04", `While a lease was held, another asker was answered ${second._tag}.`)
  let held: Held = second
  while (held._tag === "Awaited" && (yield* monotonic) - sentAt < patienceMillis) {
    yield* Effect.sleep(pollMillis)
    held = yield* cache.get(key, shortMillis)
  }
  if (held._tag !== "Yours") return book.broken("CACHE-04", "A lease whose holder died did not run out.")
  book.saw("a lease ran out")
  if (first !== undefined && (yield* cache.put(key, first, new Uint8Array(1), 60_000))) {
    return book.broken("CACHE-05", "A put was taken whose lease had run out and was another asker's by then.")
  }
})

const forgottenStaysAway = Effect.fnUntraced(function* (
  cache: SharedCacheShape,
  name: string,
  draws: Draws,
  book: KitBook,
) {
  const key = [name, "forgotten"] as const
  const lease = yield* leased(cache, key, 60_000)
  yield* cache.forget(key)
  const isTakenOver = draws.chance(0.5)
  const next = isTakenOver ? yield* leased(cache, key, 60_000) : undefined
  if (isTakenOver && next === undefined) book.broken("CACHE-04", "What was forgotten was not given to the next asker.")
  if (lease !== undefined && (yield* cache.put(key, lease, new Uint8Array(1), 60_000))) {
    book.broken("CACHE-05", "A put was taken under a lease that forget had ended.")
  } else book.saw("a put was refused")
  if (next !== undefined) yield* cache.put(key, next, bytesOf(draws), 60_000)
  yield* cache.forget(key)
  const held = yield* cache.get(key, 1)
  if (held._tag === "Value") book.broken("CACHE-05", "A value was answered that had been forgotten.")
})

const leased = (cache: SharedCacheShape, key: Parameters<SharedCacheShape["get"]>[0], leaseMillis: number) =>
  Effect.map(cache.get(key, leaseMillis), (held) => (held._tag === "Yours" ? held.lease : undefined))

const same = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, index) => byte === right[index])
