/**
 * The JavaScript heap: how much is held, and whether the limit is high enough.
 */
import { spawnSync } from "node:child_process"
import { getHeapStatistics, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
export const collectGarbage: () => void = runInNewContext("gc")

/** Bytes that are still in use after everything else was collected. */
export const heldBytes = (): number => {
  collectGarbage()
  return process.memoryUsage().heapUsed
}

/** Whether the heap may grow to so many megabytes. */
export const heapIsEnough = (megabytes: number): boolean => getHeapStatistics().heap_size_limit >= megabytes * 2 ** 20

/** Runs this program again with a higher limit and answers its exit code. */
export const runAgainWithHeap = (megabytes: number): number => {
  const flags = [...process.execArgv, `--max-old-space-size=${megabytes}`]
  const { status } = spawnSync(process.execPath, [...flags, ...process.argv.slice(1)], { stdio: "inherit" })
  return status ?? 1
}
