import { defineConfig } from "tsup"

// Declarations come from `tsc`: tsup's own step needs a compiler API that TypeScript 7 does not have.
export default defineConfig({
  entry: [
    "src/postgres/index.ts",
    "src/pglite/index.ts",
    "src/kafka/index.ts",
    "src/redis/index.ts",
    "src/opentelemetry/index.ts",
    "src/testing/index.ts",
    "src/cli/main.ts",
  ],
  format: "esm",
  target: "node22",
  dts: false,
  sourcemap: true,
  splitting: true,
  clean: true,
})
