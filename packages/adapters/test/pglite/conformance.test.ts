/**
 * The laws of the Store port on PGlite, through the entry point that everybody's adapter uses.
 */
import { describeAdapterConformance } from "@holdfast/core/testing/vitest"
import { PgliteStore } from "../../src/pglite/index.ts"

describeAdapterConformance(
  { name: "PGlite", layer: PgliteStore.layer(), guarantees: { ...PgliteStore.guarantees, durability: "nothing" } },
  { profile: "standard" },
)
