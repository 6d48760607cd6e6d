// Publishes the packages: `npm run release`. Refuses where something that only a release needs is missing.
//
// `repository` and `homepage` stay absent until there is an address: an invented one would be worse than none, and npm signs
// where a package came from only if it says so.

import { spawnSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { published } from "./verify/packages.ts"
import { notReleasable } from "./verify/releasable.ts"

process.chdir(resolve(import.meta.dirname, ".."))

const missing = published().flatMap(({ folder }) =>
  notReleasable(folder, JSON.parse(readFileSync(`${folder}/package.json`, "utf8"))),
)
for (const sentence of missing) console.error(sentence)
process.exitCode = missing.length > 0 ? 1 : (spawnSync("changeset", ["publish"], { stdio: "inherit" }).status ?? 1)
