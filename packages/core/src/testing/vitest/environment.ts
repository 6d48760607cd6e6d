/// <reference types="node" />
/**
 * What the environment says about a conformance run, so that nobody edits a test file to replay a failure.
 */
import type { ConformanceOptions, Profile } from "../conformance/conformance.ts"

const profiles: ReadonlyArray<Profile> = ["quick", "standard", "soak"]

/** The options that environment variables set. Throws where one cannot be meant. */
export const fromEnvironment = (): ConformanceOptions => {
  const profile = read("PROFILE")
  const known = profiles.find((each) => each === profile)
  if (profile !== undefined && known === undefined) {
    throw new Error(`CONFORM_PROFILE must be ${profiles.join(", ")}, and is "${profile}".`)
  }
  const [seed, budgetMillis] = [numberOf("SEED"), numberOf("BUDGET")]
  const [laws, replay] = [read("LAWS"), read("REPLAY")]
  return {
    ...(known === undefined ? {} : { profile: known }),
    ...(seed === undefined ? {} : { seed }),
    ...(budgetMillis === undefined ? {} : { budgetMillis }),
    ...(laws === undefined ? {} : { laws }),
    ...(replay === undefined ? {} : { replay }),
  }
}

const read = (name: string): string | undefined => {
  // biome-ignore lint/style/noRestrictedGlobals: this part runs in vitest, and takes its options from outside
  const value = process.env[`CONFORM_${name}`]
  return value === "" ? undefined : value
}

const numberOf = (name: string): number | undefined => {
  const value = read(name)
  if (value === undefined) return undefined
  if (!/^\d{1,15}$/.test(value)) throw new Error(`CONFORM_${name} must be a whole number, and is "${value}".`)
  return Number(value)
}
