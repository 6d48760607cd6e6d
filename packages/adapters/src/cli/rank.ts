/**
 * `holdfast rank rebuild`: the ranking is emptied. The process that feeds it finds out within a second or so, and fills it
 * again from the store; until then lists come from the store.
 */
import { Ranking } from "@holdfast/core/ports"
import { Context, Effect, Layer } from "effect"
import { redisRanking } from "../redis/index.ts"
import type { Options } from "./arguments.ts"
import { isInstalled } from "./connect.ts"

/** A person waits, so there is time. */
const timeoutMillis = 5_000

export const rebuildRanking = async ({ redis: url, prefix }: Options): Promise<boolean> => {
  if (!isInstalled("ioredis")) throw new Error("Install the client beside it: npm install ioredis.")
  const { layer } = redisRanking({ url, timeoutMillis, ...(prefix !== undefined && { prefix }) })
  const emptied = Effect.flatMap(Layer.build(layer), (context) => Context.get(context, Ranking).clear)
  const fault = await Effect.runPromise(
    Effect.scoped(Effect.match(emptied, { onSuccess: () => undefined, onFailure: ({ reason }) => reason })),
  )
  if (fault !== undefined) throw new Error(`Redis does not answer: ${fault}`)
  console.log("The ranking is empty. The process that feeds it fills it again; until then lists come from the store.")
  return true
}
