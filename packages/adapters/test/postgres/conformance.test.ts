/**
 * The laws of the Store port on a PostgreSQL server, through the entry point that everybody's adapter uses.
 */
import { Store } from "@holdfast/core"
import { describeAdapterConformance } from "@holdfast/core/testing/vitest"
import { Effect, Layer } from "effect"
import { afterAll, describe } from "vitest"
import { PostgresStore } from "../../src/postgres/index.ts"
import { anyServer } from "../support/postgres.ts"
import { storeOn } from "../support/stores.ts"

const server = await anyServer("conformance")
afterAll(() => server?.stop(), 60_000)

describe.skipIf(server === undefined)("on a server", () => {
  describeAdapterConformance(
    {
      name: "PostgreSQL",
      layer: Layer.effect(
        Store,
        Effect.suspend(() => storeOn(server?.url ?? "")),
      ),
      guarantees: PostgresStore.guarantees,
    },
    { profile: "standard" },
  )
})
