/**
 * Handing a slice over until it is handled, pausing in between, and leaving when it was.
 */
import type { HandleSlice, KafkaSlice } from "./Transport.ts"

/** The pause after so many failures in a row: 100 ms doubling to at most 10 s. */
export const pauseMillis = (failures: number): number => Math.min(10_000, 100 * 2 ** Math.min(10, failures - 1))

/** Waits, or less where the signal aborts. */
export const pause = (millis: number, signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener("abort", end)
      resolve()
    }
    const timer = setTimeout(end, millis)
    signal.addEventListener("abort", end)
  })

/** Handles a slice until that succeeds. Answers false where the signal aborted first. */
export const untilHandled = async (
  slice: KafkaSlice,
  handle: HandleSlice,
  signal: AbortSignal,
  onTrouble: (trouble: unknown) => void,
): Promise<boolean> => {
  for (let failures = 1; !signal.aborted; failures++) {
    try {
      await handle(slice, signal)
      return true
    } catch (trouble) {
      if (signal.aborted) return false
      onTrouble(trouble)
    }
    await pause(pauseMillis(failures), signal)
  }
  return false
}

/** How long a member that leaves waits for brokers. Where they do not answer, its session ends by itself. */
const leavingMillis = 5_000

/** Knows which slices are in hand, so that a member that leaves waits for those, and no longer than a while for its brokers. */
export const leavable = (handle: HandleSlice) => {
  const inHand = new Set<Promise<void>>()
  return {
    handle: (slice: KafkaSlice, signal: AbortSignal): Promise<void> => {
      const handled = (async () => handle(slice, signal))()
      const end = () => inHand.delete(handled)
      inHand.add(handled)
      handled.then(end, end)
      return handled
    },
    /** Where it takes longer, the member goes on leaving. */
    untilLeft: async (left: Promise<void>): Promise<void> => {
      await Promise.allSettled(inHand)
      const waiting = new AbortController()
      await Promise.race([left, pause(leavingMillis, waiting.signal)])
      waiting.abort()
    },
  }
}
