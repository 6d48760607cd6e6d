// The code in the documents is run as it stands there, and prints what its comments say.
import { execFileSync } from "node:child_process"
import { readFileSync } from "node:fs"
import { commandMillis } from "@holdfast/test-services"
import { describe, expect, it } from "vitest"

const root = new URL("../../", import.meta.url)

const blocksOf = (document: string): ReadonlyArray<string> =>
  Array.from(readFileSync(new URL(document, root), "utf8").matchAll(/^```ts\n(.*?)^```/gms), ([, code]) => code ?? "")

const run = (code: string): string =>
  execFileSync(
    process.execPath,
    ["--conditions=@holdfast/source", "--no-warnings", "--input-type=module-typescript", "--eval", code],
    { cwd: root, encoding: "utf8", timeout: commandMillis },
  )

/** What the comments behind `console.log` say that it prints. */
const promisedOutput = (code: string): ReadonlyArray<string> =>
  Array.from(code.matchAll(/console\.log\(.*\) \/\/ (.*)$/gm), ([, comment]) => comment ?? "")

describe("the README", () => {
  const [quickstart = ""] = blocksOf("README.md")

  it("runs its quickstart, twice on one store, to the output it states", () => {
    const [imported = "", ...rest] = quickstart.split("\n")
    expect(imported).toBe('import { createHoldfast } from "@holdfast/core"')
    const body = rest.join("\n").replace("createHoldfast()", "createHoldfast({ store })")
    expect(body).not.toBe(rest.join("\n"))
    const printed = run(`
      ${imported}
      import { Store } from "@holdfast/core"
      import { MemoryStore } from "@holdfast/core/memory"
      import { Effect, Layer } from "effect"
      const kept = Effect.runSync(MemoryStore.make)
      const store = { name: "kept", layer: Layer.succeed(Store, kept) }
      const quickstart = async () => {\n${body}\n}
      await quickstart()
      await quickstart()
    `)
    expect(printed.trim().split("\n")).toEqual([...promisedOutput(quickstart), ...promisedOutput(quickstart)])
    expect(promisedOutput(quickstart)).toEqual(["24000 26000"])
  })

  it("shows a quickstart of six lines", () => {
    const lines = quickstart.split("\n").filter((line) => line !== "" && !line.startsWith("import"))
    expect(lines).toHaveLength(6)
  })
})

describe("docs/start.md", () => {
  it("names every option of a shop", () => {
    const text = readFileSync(new URL("docs/start.md", root), "utf8")
    const named = Array.from(text.matchAll(/^\| ((?:`\w+`(?:, )?)+) \|/gm), ([, names = ""]) =>
      names.split(", "),
    ).flat()
    const refused = run(`
      import { createHoldfast } from "@holdfast/core"
      try { createHoldfast({ zzzzzzzzzzzz: 1 }) } catch (error) { console.log(error.refusal.issues[0].message) }
    `)
    const options = /there are (.*)\n/.exec(refused)?.[1]?.split(", ") ?? []
    expect(options.length).toBeGreaterThan(15)
    expect(named.sort()).toEqual(options.map((name) => `\`${name}\``).sort())
  })

  it("runs from top to bottom to the output it states", () => {
    const code = blocksOf("docs/start.md").join("\n")
    const promised = promisedOutput(code)
    expect(promised.length).toBeGreaterThanOrEqual(4)
    expect(
      run(code)
        .trim()
        .split("\n")
        .filter((line) => line !== "true"),
    ).toEqual(promised)
  })
})
