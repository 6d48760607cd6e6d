/**
 * What a shop needs of the runtime, said before anything of it is missed: on Node 20 the first call would otherwise end with
 * "Promise.withResolvers is not a function", from deep inside.
 */

/** Throws a sentence where the runtime is too old. */
export const checkRuntime = (): void => {
  const missing = needed.find(([, isThere]) => !isThere())
  if (missing === undefined) return
  const [name] = missing
  throw new Error(`Holdfast needs Node 22.19 or later, or another runtime of ES2024: this one has no ${name}.`)
}

/** The youngest of ES2024, which stand for the rest of it. */
const needed: ReadonlyArray<readonly [name: string, isThere: () => boolean]> = [
  ["Promise.withResolvers", () => "withResolvers" in Promise],
  ["Map.groupBy", () => "groupBy" in Map],
]
