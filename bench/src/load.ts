/**
 * Load: callers who each wait for their answer before they call again (a closed loop), and rounds in turns.
 */
import { setImmediate as turn } from "node:timers/promises"
import { collectGarbage } from "./heap.ts"
import { spreadText } from "./statistics.ts"

/** How fast something was done. */
export interface Measured {
  readonly perSecond: number
  readonly seconds: number
}

/** Lets `callers` call 0 … count − 1 between them, each as soon as its last answer is there. */
export const closedLoop = async (
  callers: number,
  count: number,
  call: (index: number) => Promise<unknown>,
): Promise<Measured> => {
  let next = 0
  const caller = async (): Promise<void> => {
    while (next < count) await call(next++)
  }
  const began = performance.now()
  await Promise.all(Array.from({ length: Math.min(callers, count) }, caller))
  return rateOf(count, performance.now() - began)
}

/** Measures `count` things that are done synchronously. */
export const inOneGo = (count: number, work: () => void): Measured => {
  const began = performance.now()
  work()
  return rateOf(count, performance.now() - began)
}

export const rateOf = (count: number, millis: number): Measured => ({
  perSecond: (count * 1_000) / millis,
  seconds: millis / 1_000,
})

/**
 * Runs all sides round after round and answers the rates of each by round. So all of them meet the same weather.
 * The order turns from round to round, since whoever comes first may find a colder machine; the first round only warms up
 * and does not count.
 */
export const inTurns = async <Name extends string>(
  sides: Readonly<Record<Name, () => Promise<Measured> | Measured>>,
  rounds: number,
  progress: (text: string) => void,
): Promise<{ readonly [N in Name]: ReadonlyArray<number> }> => {
  const rates = new Map<Name, Array<number>>()
  const names = Object.keys(sides) as Array<Name>
  for (let round = 0; round <= rounds; round++) {
    progress(round === 0 ? "warming up" : `round ${round} of ${rounds}`)
    for (const name of round % 2 === 0 ? names : names.toReversed()) {
      // What the one before left to be done or to be collected is not this one's.
      await turn()
      collectGarbage()
      const { perSecond } = await sides[name]()
      if (round > 0) rates.set(name, [...(rates.get(name) ?? []), perSecond])
    }
  }
  for (const [name, perSecond] of rates) progress(`${name}: ${spreadText(perSecond)}`)
  return Object.fromEntries(rates) as unknown as { readonly [N in Name]: ReadonlyArray<number> }
}
