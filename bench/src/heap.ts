/**
 * The JavaScript heap: how much is held, and whether the limit is high enough.
 */
import { spawnSync } from "node:child_process"
import { getHeapStatistics, setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

setFlagsFromString("--expose-gc")
const collect: (options?: { readonly type: "minor" }) => void = runInNewContext("gc")

/** Collects everything, and makes the heap small again: what comes next pays for its growing. */
export const collectGarbage = (): void => collect()

/** Collects young objects alone, and costs what those come to that are still needed. */
export const collectYoungGarbage = (): void => collect({ type: "minor" })

/** As we advise hosts: a burst makes V8 take what waits for what stays, and from then on a call leaves its objects among the old ones. */
export const advisedFlag = "--no-allocation-site-pretenuring"

/** The same for this process, which runs already. */
export const keepYoungObjectsYoung = (): void => setFlagsFromString(advisedFlag)

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
