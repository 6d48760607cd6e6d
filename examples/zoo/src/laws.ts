/**
 * Writes `docs/laws.md` from the laws and the matrix of the zoo. With `--check` it only compares, and fails where the page
 * is not what the laws say.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { lawsMarkdown, Zoo } from "@holdfast/core/testing"

const page = new URL("../../../docs/laws.md", import.meta.url)
/** Rounds of all workloads: enough for every law to meet what it catches. */
const rounds = 4
const markdown = lawsMarkdown(Zoo.matrixOf(rounds))
if (!process.argv.includes("--check")) writeFileSync(page, markdown)
else if (readFileSync(page, "utf8") !== markdown) {
  console.error("docs/laws.md is not what the laws say: run npm run zoo -- --laws")
  process.exitCode = 1
}
