/**
 * Makes both clients of the committed document, into `.generated/`.
 */
import { mkdirSync, writeFileSync } from "node:fs"
import { resolve } from "node:path"
import { createClient } from "@hey-api/openapi-ts"
import openapiTypescript, { astToString } from "openapi-typescript"

const folder = resolve(import.meta.dirname, "../.generated")
const document = new URL("../../../packages/http/openapi.json", import.meta.url)

mkdirSync(folder, { recursive: true })
writeFileSync(resolve(folder, "openapiTypescript.ts"), astToString(await openapiTypescript(document)))
await createClient({
  input: document.pathname,
  output: resolve(folder, "heyApi"),
  plugins: ["@hey-api/client-fetch", "@hey-api/typescript", "@hey-api/sdk"],
  logs: { level: "silent", file: false },
})
