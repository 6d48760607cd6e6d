import { defineConfig } from "tsup"

// Declarations come from `tsc`: tsup's own step needs a compiler API that TypeScript 7 does not have.
export default defineConfig({
  entry: [
    "src/index.ts",
    "src/errors.ts",
    "src/ports/index.ts",
    "src/memory/index.ts",
    "src/testing/index.ts",
    "src/testing/vitest.ts",
  ],
  format: "esm",
  target: "node22",
  dts: false,
  sourcemap: true,
  splitting: true,
  clean: true,
})
