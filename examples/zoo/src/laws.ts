/**
 * Writes `docs/laws.md` from the laws and the matrix of the zoo. With `--check` it only compares, and fails where the page
 * is not what the laws say. Either way it fails where a law catches none of the mutants: such a law proves nothing.
 */
import { readFileSync, writeFileSync } from "node:fs"
import { laws, lawsMarkdown, Zoo } from "@holdfast/core/testing"

const page = new URL("../../../docs/laws.md", import.meta.url)
/** Rounds of all workloads: enough for every law to meet what it catches. */
const rounds = 4
const matrix = Zoo.matrixOf(rounds)
const toothless = laws.filter(({ id, level }) => level !== "UNTESTED" && (matrix.get(id)?.size ?? 0) === 0)
if (toothless.length > 0) {
  console.error(`These laws catch no mutant: ${toothless.map(({ id }) => id).join(", ")}`)
  process.exitCode = 1
}
const markdown = lawsMarkdown(matrix)
if (!process.argv.includes("--check")) writeFileSync(page, markdown)
else if (readFileSync(page, "utf8") !== markdown) {
  console.error("docs/laws.md is not what the laws say: run npm run zoo -- --laws")
  process.exitCode = 1
}
