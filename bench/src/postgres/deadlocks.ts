/**
 * Deadlocks, as the server counts them: over the whole database, so other people's count too.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { BenchDatabase } from "./BenchDatabase.ts"

/** Begins to count. The answer is how many there were since. */
export const deadlocksOn = async ({
  control: { ask },
}: Pick<BenchDatabase, "control">): Promise<() => Promise<number>> => {
  const total = async (): Promise<number> => {
    // Sessions report with a delay of up to a second.
    await sleep(1_100)
    const [row] = await ask("select deadlocks::int as n from pg_stat_database where datname = current_database()")
    return Number(row?.n)
  }
  const before = await total()
  return async () => (await total()) - before
}
