/**
 * How the properties of this folder are run: a failure names its seed and path, and both replay it.
 *
 * ```sh
 * HOLDFAST_SEED=-1234 HOLDFAST_PATH=7:2:0 npx vitest run packages/core/test/properties/sequences.test.ts
 * ```
 */
import fc from "fast-check"

/** Checks a property `numRuns` times, or replays what HOLDFAST_SEED and HOLDFAST_PATH name. */
export const check = async <Ts>(numRuns: number, property: fc.IRawProperty<Ts>): Promise<void> => {
  const { HOLDFAST_SEED: seed, HOLDFAST_PATH: path } = process.env
  await fc.assert(property, {
    numRuns,
    ...(seed === undefined ? {} : { seed: Number(seed) }),
    ...(path === undefined ? {} : { path, endOnFailure: true }),
  })
}
