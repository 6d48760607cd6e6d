// Prints the list of floors into CONTRIBUTING.md; with --check it only says whether the committed list has drifted.
import { readFileSync, writeFileSync } from "node:fs"
import { printed } from "../verify/floors.ts"

const page = new URL("../../CONTRIBUTING.md", import.meta.url)
const committed = readFileSync(page, "utf8")
const text = committed.replace(/(?<=\n```\n)packages\/[^`]*(?=```\n)/, `${printed()}\n`)

if (!process.argv.includes("--check")) writeFileSync(page, text)
else if (!committed.includes(`\`\`\`\n${printed()}\n\`\`\``)) {
  console.error(
    "CONTRIBUTING.md does not print scripts/verify/floors.ts. Write it again with: node scripts/docs/floors.ts",
  )
  process.exit(1)
}
