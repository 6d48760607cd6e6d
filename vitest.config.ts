import { availableParallelism } from "node:os"
import { defineConfig } from "vitest/config"
import { hangMillis } from "./packages/adapters/services/src/limits.ts"

// With this condition `@holdfast/core` means the TypeScript sources, so that tests need no build.
// Nothing else is named: Node's own conditions apply anyway, and "import" here would also hold for what CommonJS requires,
// which gives Express 5 a module object where it expects a function.
const conditions = ["@holdfast/source", "node"]

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    include: [
      "packages/{*,adapters/services}/test/**/*.test.ts",
      "examples/*/test/**/*.test.ts",
      "{bench,scripts}/test/**/*.test.ts",
    ],
    // Each test starts its own services and layers. Shared state between files would hide an order dependence.
    isolate: true,
    // One generous limit for all tests, and none of their own: see there.
    testTimeout: hangMillis,
    hookTimeout: hangMillis,
    expect: { poll: { timeout: hangMillis, interval: 10 } },
    // Many tests wait for a server rather than for a core: two at a time even where there are only two cores.
    maxWorkers: Math.max(2, availableParallelism() - 1),
    // `npm test` writes the numbers here and reads them for its last line.
    outputFile: { json: ".verify/vitest.json" },
  },
})
