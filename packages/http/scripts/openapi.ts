/**
 * Writes `openapi.json` from the contract: `node --conditions=@holdfast/source packages/http/scripts/openapi.ts`.
 *
 * Biome formats it afterwards as it formats everything; a test says whether its content still matches.
 */
import { writeFileSync } from "node:fs"
import { resolve } from "node:path"
import { documentOf } from "@holdfast/http"

writeFileSync(resolve(import.meta.dirname, "../openapi.json"), `${JSON.stringify(documentOf(), null, 2)}\n`)
