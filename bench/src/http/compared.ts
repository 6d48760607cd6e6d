/**
 * Two servers that are asked the same thing in turns, each as fast as it answers.
 */
import type { Context } from "../Scenario.ts"
import { median, quotientsOf, significant, spreadText } from "../statistics.ts"
import type { Stream } from "./generator.ts"
import type { Generating, Serving } from "./processes.ts"

export interface Compared {
  /** What the first one answers a second, over what the second one does: the median over the rounds. */
  readonly ratio: number
  /** What the first one answers. */
  readonly perSecond: number
}

/** How long each is asked before it counts, after others were. */
const warmMillis = 200

export const compared = async (
  kind: Stream["kind"],
  generator: Generating,
  [first, second]: readonly [Serving, Serving],
  { rounds, millis }: { readonly rounds: number; readonly millis: number },
  what: string,
  { progress }: Pick<Context, "progress">,
): Promise<Compared> => {
  const ask = async ({ port }: Serving, warm = warmMillis): Promise<number> => {
    const { heard } = await generator.run({ port, streams: [{ kind, connections: 64 }], warmMillis: warm, millis })
    return heard[0]?.perSecond ?? Number.NaN
  }
  for (const server of [first, second]) await ask(server, millis)
  const [over, under] = [[], []] as [Array<number>, Array<number>]
  for (let round = 0; round < rounds; round++) {
    over.push(await ask(first))
    under.push(await ask(second))
  }
  const quotients = quotientsOf(over, under)
  progress(`${what}: ${spreadText(quotients)}`)
  return { ratio: significant(median(quotients), 3), perSecond: Math.round(median(over)) }
}
