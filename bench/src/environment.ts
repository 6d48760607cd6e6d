/**
 * What the numbers were measured on. Figures without it mean nothing.
 */
import { availableParallelism, cpus, loadavg, totalmem } from "node:os"

export interface Environment {
  readonly cpu: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly node: string
  /** Processes that wanted to run in the last minute, on average: above the number of cores others were in the way. */
  readonly loadAverage: number
  readonly at: string
}

export const environmentNow = (): Environment => ({
  cpu: cpus()[0]?.model.trim() ?? "unknown",
  cores: availableParallelism(),
  memoryGigabytes: Math.round(totalmem() / 2 ** 30),
  node: process.version,
  loadAverage: Math.round((loadavg()[0] ?? 0) * 100) / 100,
  at: new Date().toISOString(),
})

/** On one line. */
export const environmentText = ({ cpu, cores, memoryGigabytes, node, loadAverage, at }: Environment): string =>
  `${cpu}, ${cores} cores, ${memoryGigabytes} GB, Node ${node}, load average ${loadAverage}, ${at}`
