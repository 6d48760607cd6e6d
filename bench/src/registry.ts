/**
 * The scenarios: every file of `scenarios/`, found by looking. Nobody has to be told about a new one.
 */
import { readdir } from "node:fs/promises"
import { join } from "node:path"
import { pathToFileURL } from "node:url"
import type { Scenario } from "./Scenario.ts"

const folder = join(import.meta.dirname, "scenarios")

/** All scenarios by name. Throws where a file exports none, or two share a name. */
export const loadScenarios = async (): Promise<ReadonlyMap<string, Scenario>> => {
  const files = (await readdir(folder)).filter((file) => file.endsWith(".ts")).sort()
  const scenarios = new Map<string, Scenario>()
  for (const file of files) {
    const loaded: { readonly scenario?: Scenario } = await import(pathToFileURL(join(folder, file)).href)
    const { scenario } = loaded
    if (scenario === undefined) throw new Error(`scenarios/${file} exports no \`scenario\`.`)
    if (scenarios.has(scenario.name)) throw new Error(`Two scenarios are called "${scenario.name}".`)
    scenarios.set(scenario.name, scenario)
  }
  return scenarios
}
