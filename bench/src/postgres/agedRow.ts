/**
 * A host's own reads of a product, without HTTP: those that may be half a second old against exact ones, which share a statement.
 */
import { postgres } from "@holdfast/adapters/postgres"
import { createHoldfast } from "@holdfast/core"
import type { Context } from "../Scenario.ts"
import { Comparison, during } from "./Comparison.ts"

const callers = 64
const elsewhere = { cpuMicros: () => undefined }

export const agedRow = async (
  url: string,
  schema: string,
  { rounds, millis }: { readonly rounds: number; readonly millis: number },
  context: Context,
): Promise<{ readonly ratio: number | null; readonly perSecond: number }> => {
  await using shop = createHoldfast({ store: postgres({ url, schema }), workers: false })
  const comparison = new Comparison(context)
  const read = (options: { readonly maxAgeMillis?: number }) =>
    during(elsewhere, millis, callers, (caller) => shop.stock.product(String(caller), options))
  await comparison.run(rounds, [
    async () => ({ aged: await read({ maxAgeMillis: 500 }) }),
    async () => ({ exact: await read({}) }),
  ])
  return { ratio: comparison.ratio("aged", "exact"), perSecond: Math.round(comparison.median("aged", "perSecond")) }
}
