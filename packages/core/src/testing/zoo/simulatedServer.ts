/**
 * A simulated server as an adapter under test: each process of a trial has connections and a memory of its own.
 */
import { Layer } from "effect"
import { Store } from "../../ports/index.ts"
import type { Adapter } from "../conformance/Adapter.ts"
import { guaranteesOf, makeSimulatedStore, processesOf, type Setting, usualSetting } from "../server/simulatedStore.ts"

export const simulatedServer = (name: string, change: Partial<Setting> = {}): Adapter => {
  const setting = { ...usualSetting, ...change }
  return {
    name,
    guarantees: guaranteesOf(setting),
    runs: "simulated",
    processes: processesOf,
    layer: Layer.effect(Store, makeSimulatedStore(setting)),
  }
}
