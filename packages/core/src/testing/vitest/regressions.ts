/// <reference types="node" />
/**
 * Tokens of failures as files: `<law>-<digest>.txt` in a folder that is committed with the tests, and beside it a page
 * with the timeline of each. Nothing is ever deleted here: whoever has fixed what is behind a token decides whether it
 * stays.
 */
// biome-ignore-start lint/plugin/testing-imports: this part runs in vitest, and vitest in Node
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs"
import { dirname, join, resolve } from "node:path"
// biome-ignore-end lint/plugin/testing-imports: see above
import type { Regressions } from "../conformance/bind.ts"

const extension = ".txt"

/** Keeps tokens in a folder, which comes into being with the first failure. */
export const regressionsIn = (folder: string): Regressions => ({
  read: () =>
    existsSync(folder)
      ? readdirSync(folder)
          .filter((file) => file.endsWith(extension))
          .sort()
          .map((file) => readFileSync(join(folder, file), "utf8").trim())
      : [],
  write: (found) => {
    if (found.length > 0) mkdirSync(folder, { recursive: true })
    for (const { law, token, html } of found) {
      const name = `${law}-${shortDigest(token)}`
      writeFileSync(join(folder, `${name}${extension}`), `${token}\n`)
      writeFileSync(join(folder, `${name}.html`), html)
    }
  },
})

/** `conformance/regressions` in the package of a test file: beside the nearest package.json above it. */
export const folderOf = (testFile: string): string => {
  for (let folder = dirname(resolve(testFile)); ; folder = dirname(folder)) {
    if (existsSync(join(folder, "package.json")) || folder === dirname(folder)) {
      return join(folder, "conformance", "regressions")
    }
  }
}

/** FNV-1a: tells the files of one law apart. */
const shortDigest = (text: string): string => {
  let hashed = 0x811c9dc5
  for (let index = 0; index < text.length; index++) hashed = Math.imul(hashed ^ text.charCodeAt(index), 0x01000193)
  return (hashed >>> 0).toString(16).padStart(8, "0")
}
