/**
 * Import this in every file with `fc.assert`: a failure names its seed and path, and both replay it.
 *
 * ```sh
 * HOLDFAST_SEED=-1234 HOLDFAST_PATH=7:2:0 npx vitest run packages/core/test/decision/values.test.ts -t "compareBytes"
 * ```
 */
import fc from "fast-check"

const { HOLDFAST_SEED: seed, HOLDFAST_PATH: path } = process.env

if (seed !== undefined) {
  fc.configureGlobal({ seed: Number(seed), ...(path === undefined ? {} : { path, endOnFailure: true }) })
}
