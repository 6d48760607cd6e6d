import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { describe, expect, it } from "vitest"
import { published } from "../verify/packages.ts"
import { notReleasable } from "../verify/releasable.ts"

const whole = {
  name: "@holdfast/core",
  version: "1.0.0",
  repository: { type: "git", url: "git+https://git.example.com/holdfast.git", directory: "packages/core" },
  homepage: "https://holdfast.example.com/docs",
  scripts: { prepack: "npm run build" },
}

describe("a release", () => {
  it("given a package without an address, a version or a build before packing, refuses and says what is missing", () => {
    expect(notReleasable("packages/core", whole)).toEqual([])
    for (const [name, word] of [
      ["repository", "no repository"],
      ["homepage", "no homepage"],
      ["version", "no version"],
      ["scripts", "no prepack"],
    ] as const) {
      const { [name]: _, ...without } = whole
      expect(notReleasable("packages/core", without)).toEqual([expect.stringContaining(word)])
    }
    for (const homepage of ["", "TODO", "http://localhost", "https://example"]) {
      expect(notReleasable("packages/core", { ...whole, homepage })).toHaveLength(1)
    }
    expect(notReleasable("packages/core", { ...whole, version: "0.0.0" })).toHaveLength(1)
  })

  it("given the packages of today, builds each before it is packed, and names no address that does not exist", () => {
    const root = resolve(import.meta.dirname, "../..")
    const manifests = published(root).map(({ folder }) =>
      JSON.parse(readFileSync(resolve(root, folder, "package.json"), "utf8")),
    )
    expect(manifests.length).toBeGreaterThanOrEqual(3)
    for (const { scripts, repository, homepage } of manifests) {
      expect(scripts.prepack).toBe("npm run build --silent")
      // Until there is an address; then both, and the test says so.
      expect([repository, homepage]).toEqual([undefined, undefined])
    }
  })
})
