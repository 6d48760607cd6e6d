/**
 * Handing a slice over until it is handled, and pausing in between.
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
