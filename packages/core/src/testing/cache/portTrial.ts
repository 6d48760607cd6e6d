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
const largeBytes = 100_000

export const portTrial = (cache: SharedCacheShape, name: string, draws: Draws, book: KitBook) =>
  Effect.gen(function* () {
    yield* valueRunsOut(cache, name, draws, book)
    yield* leaseRunsOut(cache, name, book)
    yield* forgottenStaysAway(cache, name, draws, book)
    yield* keysStayApart(cache, name, book)
  })

/** Most are small. A page of a list may be large. */
const bytesOf = (draws: Draws): Uint8Array => {
  const length = draws.chance(0.2) ? largeBytes : draws.below(300)
  return Uint8Array.from({ length }, () => draws.below(256))
}

const valueRunsOut = Effect.fnUntraced(function* (cache: SharedCacheShape, name: string, draws: Draws, book: KitBook) {
  // Parts that would meet if they were joined, or mean something to a server.
  const key = [name, "value", "a:b %{c}", draws.below(1_000)] as const
  const askedAt = yield* monotonic
  const lease = yield* leased(cache, key, 60_000)
  if (lease === undefined) return book.broken("CACHE-04", "Nobody was given the lease of a key that nobody has.")
  yield* Effect.sleep(pollMillis)
  const meanwhile = yield* cache.get(key, 60_000)
  if (meanwhile._tag !== "Awaited")
    return book.broken("CACHE-04", `While a lease was held, another asker was answered ${meanwhile._tag}.`)
  const bytes = bytesOf(draws)
  // What the caller does with its own bytes afterwards is the caller's business.
  const given = bytes.slice()
  const isPut = yield* cache.put(key, lease, given, shortMillis)
  given.fill(0)
  if (!isPut) return book.broken("CACHE-05", "A put under a living lease was refused.")
  const held = yield* cache.get(key, 60_000)
  if (held._tag === "Value") {
    if (!(held.forMillis >= 0 && held.forMillis <= shortMillis)) {
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
  if (yield* cache.put(key, lease, new Uint8Array(1), 60_000))
    book.broken("CACHE-05", "A put was taken under a lease that an earlier put had ended.")
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

/** Keys that would be one if their parts were joined, folded or cut off are several. So are their leases. */
const keysStayApart = Effect.fnUntraced(function* (cache: SharedCacheShape, name: string, book: KitBook) {
  const long = "x".repeat(200)
  const keys = [["a:b", "c"], ["a", "b:c"], ["A", "b:c"], ["é"], ["e\u0301"], [`${long}1`], [`${long}2`]] as const
  const leases: Array<string | undefined> = []
  for (const key of keys) leases.push(yield* leased(cache, [name, ...key], 60_000))
  if (leases.includes(undefined))
    return book.broken("CACHE-04", "Of a key that nobody had asked for a lease was awaited.")
  const [first, second] = leases
  if (
    first !== undefined &&
    first !== second &&
    (yield* cache.put([name, ...keys[1]], first, new Uint8Array(1), 60_000))
  )
    book.broken("CACHE-05", "A put was taken under the lease of another key.")
  for (const [index, key] of keys.entries()) {
    yield* cache.put([name, ...key], leases[index] ?? "", Uint8Array.of(index), 60_000)
  }
  for (const [index, key] of keys.entries()) {
    const held = yield* cache.get([name, ...key], 1)
    if (held._tag === "Value" && !same(held.bytes, Uint8Array.of(index)))
      book.broken("CACHE-01", `Of ${JSON.stringify(key)} the value of another key was answered.`)
  }
  const [gone] = keys
  yield* cache.forget([name, ...gone])
  const again = yield* leased(cache, [name, ...gone], 60_000)
  if (again === undefined) return
  yield* cache.put([name, ...gone], again, new Uint8Array(1), 0)
  if ((yield* cache.get([name, ...gone], 1))._tag === "Value")
    book.broken("CACHE-01", "A value was answered that was put for no time at all.")
})

const leased = (cache: SharedCacheShape, key: Parameters<SharedCacheShape["get"]>[0], leaseMillis: number) =>
  Effect.map(cache.get(key, leaseMillis), (held) => (held._tag === "Yours" ? held.lease : undefined))

const same = (left: Uint8Array, right: Uint8Array): boolean =>
  left.length === right.length && left.every((byte, index) => byte === right[index])
