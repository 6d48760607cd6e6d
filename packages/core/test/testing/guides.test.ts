/** Runs the code blocks of the guides: each block of `ts` is a module that must end well. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs"
import { fileURLToPath } from "node:url"
import { afterAll, describe, expect, it } from "vitest"

const folder = fileURLToPath(new URL("./.blocks/", import.meta.url))
mkdirSync(folder, { recursive: true })
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const guides = ["write-an-adapter", "test-with-sim-and-lin", "test-your-shop"]

/** The blocks of a guide; those marked as `ts test` are suites of vitest, which run as part of this one. */
const blocksOf = (guide: string) => {
  const text = readFileSync(new URL(`../../../../docs/guides/${guide}.md`, import.meta.url), "utf8")
  return Array.from(text.matchAll(/```ts( test)?\n(.*?)```/gs), ([, suite, code = ""]) => ({ suite, code }))
}

const importBlock = async (name: string, code: string): Promise<unknown> => {
  const file = `${folder}${name}.ts`
  writeFileSync(file, code)
  return import(/* @vite-ignore */ file)
}

for (const guide of guides) {
  const blocks = blocksOf(guide)
  for (const [index, { suite, code }] of blocks.entries()) {
    if (suite !== undefined) await importBlock(`${guide}-${index}`, code)
  }
  describe(`the guide ${guide}`, () => {
    it("has code to run", () => expect(blocks.length).toBeGreaterThan(1))
    for (const [index, { suite, code }] of blocks.entries()) {
      if (suite === undefined) it(`block ${index + 1} ends well`, () => importBlock(`${guide}-${index}`, code))
    }
  })
}
