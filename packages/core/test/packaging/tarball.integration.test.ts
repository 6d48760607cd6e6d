/**
 * What users get from npm: the packed package beside effect, in a host of its own, from ES modules and from CommonJS.
 */
import { readdirSync, readFileSync } from "node:fs"
import { join, resolve } from "node:path"
import { afterAll, beforeAll, describe, expect, it } from "vitest"
import { type Host, installHost } from "./host.ts"

let host: Host | undefined
beforeAll(async () => {
  host = await installHost()
})
afterAll(() => host?.remove())

/** A test that needs the host, and is skipped where it could not be installed. */
const onHost = (promise: string, test: (host: Host) => Promise<void> | void): void =>
  it(promise, async ({ skip }) => (host === undefined ? skip() : await test(host)))

/** The first program of the README, which is the first thing that a user tries. */
const quickstart = (): string => {
  const readme = readFileSync(resolve(import.meta.dirname, "../../../../README.md"), "utf8")
  const block = /```ts\n([^`]*createHoldfast[^`]*)```/.exec(readme)?.[1]
  if (block === undefined) throw new Error("README.md has no program that calls createHoldfast.")
  return block
}

describe("the packed package", () => {
  onHost("holds its build, its sources, its readme and its licence, and no tests", ({ packed }) => {
    for (const file of [
      "dist/index.js",
      "dist/index.d.ts",
      "dist/memory/index.js",
      "src/index.ts",
      "README.md",
      "LICENSE",
    ]) {
      expect(packed).toContain(file)
    }
    const folders = new Set(packed.map((file) => file.split("/")[0]))
    expect([...folders].sort()).toEqual(["LICENSE", "README.md", "dist", "package.json", "src"])
  })

  onHost("installs with effect and the one library for hashes, and nothing else", ({ folder }) => {
    const scoped = (name: string) => readdirSync(join(folder, "node_modules", name)).map((each) => `${name}/${each}`)
    const installed = readdirSync(join(folder, "node_modules")).filter((name) => !name.startsWith("."))
    const own = JSON.parse(readFileSync(join(folder, "node_modules/@holdfast/core/package.json"), "utf8"))
    expect(Object.keys(own.dependencies)).toEqual(["@noble/hashes"])
    for (const scope of ["@holdfast", "@noble"]) expect(installed).toContain(scope)
    expect([...scoped("@holdfast"), ...scoped("@noble")]).toEqual(["@holdfast/core", "@noble/hashes"])
  })

  onHost("runs the README's first program as an ES module", async ({ node }) => {
    const program = quickstart()
    const said = /console\.log\(.*\) \/\/ (.*)/.exec(program)?.[1]
    expect(said).toMatch(/\d/)
    expect((await node("quickstart.mjs", program)).trim()).toBe(said)
  })

  onHost("runs from CommonJS, by require", async ({ node }) => {
    const source = `
      const { createHoldfast, isHoldfastError } = require("@holdfast/core")
      const { memory } = require("@holdfast/core/memory")
      const main = async () => {
        const shop = createHoldfast({ store: memory() })
        await shop.stock.register({ productId: "tee", name: "Tee", price: 5, onHand: 1 })
        await shop.points.open({ accountId: "ann" })
        await shop.points.charge({ accountId: "ann", amount: 50, key: "top-up" })
        const place = (key) => shop.orders.place({ accountId: "ann", lines: [{ productId: "tee", quantity: 1 }], key })
        const order = await place("first")
        const refused = await place("second").catch((error) => error)
        console.log(order.paid, isHoldfastError(refused), refused.code, (await shop.audit.run()).ok)
        await shop.stop()
      }
      main()`
    expect((await node("host.cjs", source)).trim()).toBe("5 true OUT_OF_STOCK true")
  })

  onHost("is one package from both sides: an Effect program shares its copy of effect", async ({ node }) => {
    const source = `
      import { createRequire } from "node:module"
      import { Effect, Layer } from "effect"
      import { createHoldfast, Holdfast, Points, Store } from "@holdfast/core"
      import { MemoryStore } from "@holdfast/core/memory"
      const program = Effect.gen(function* () {
        const points = yield* Points
        yield* points.open({ accountId: "ann" })
        yield* points.charge({ accountId: "ann", amount: 7, key: "k" })
        return yield* points.balance("ann")
      })
      const shop = Holdfast.layer.pipe(Layer.provide(MemoryStore.layer))
      const required = createRequire(import.meta.url)("@holdfast/core")
      console.log(await Effect.runPromise(Effect.provide(program, shop)), required.createHoldfast === createHoldfast)`
    expect((await node("effects.mjs", source)).trim()).toBe("7 true")
  })

  onHost("loads no driver, no server and nothing that opens a file or a connection", async ({ node }) => {
    const source = `
      import { registerHooks } from "node:module"
      const loaded = []
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
      await import("@holdfast/core")
      await import("@holdfast/core/memory")
      console.log(JSON.stringify(loaded))`
    const loaded: ReadonlyArray<string> = JSON.parse(await node("loads.mjs", source))
    const packages = new Set(loaded.map((url) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? url))
    // Modules of Node's own (files, sockets, processes) would stand here by their names.
    expect([...packages].sort()).toEqual(["@holdfast/core", "@noble/hashes", "effect"])
    expect(loaded.length).toBeGreaterThan(10)
  })

  onHost("tells errors apart without the engine: its errors stand on nothing", async ({ node }) => {
    const source = `
      import { registerHooks } from "node:module"
      const loaded = []
      registerHooks({ load: (url, context, next) => (loaded.push(url), next(url, context)) })
      const { HoldfastError, isHoldfastError } = await import("@holdfast/core/errors")
      const names = loaded.map((url) => /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(url)?.[1])
      const whole = await import("@holdfast/core")
      const error = new HoldfastError({ _tag: "CouponsSoldOut", campaignId: "spring", limit: 3 })
      console.log([...new Set(names)].join(), whole.isHoldfastError(error), isHoldfastError(error), error.message)`
    const said = 'All 3 coupons of "spring" are issued.'
    expect((await node("errors.mjs", source)).trim()).toBe(`@holdfast/core true true ${said}`)
  })

  // Libraries are checked too. The types of effect name those of the web platform, which a host has from DOM or Node.
  const strict = {
    strict: true,
    exactOptionalPropertyTypes: true,
    target: "es2024",
    lib: ["es2024", "esnext.disposable", "dom", "dom.iterable"],
    types: [],
  }
  const resolutions = {
    nodenext: { module: "nodenext", moduleResolution: "nodenext" },
    bundler: { module: "esnext", moduleResolution: "bundler" },
  }
  onHost("has types for CommonJS under nodenext and not under node16, as the guide says", async ({ tsc }) => {
    const required = `
      import { createHoldfast } from "@holdfast/core"
      export const balance: Promise<number> = createHoldfast().points.balance("ann")`
    const { said } = await tsc("required.cts", required, { ...strict, ...resolutions.nodenext })
    expect(said).toBe("tsc --noEmit -p tsconfig.json\n")
    const node16 = { module: "node16", moduleResolution: "node16" }
    expect((await tsc("required.cts", required, { ...strict, ...node16 })).said).toContain("TS1479")
  })
  for (const [name, resolution] of Object.entries(resolutions)) {
    onHost(`has types that resolve under ${name}, and refuse what is not in them`, async ({ tsc }) => {
      const typed = `
        import { createHoldfast, type HoldfastError, type Order } from "@holdfast/core"
        import type { StoreShape } from "@holdfast/core/ports"
        import { memory } from "@holdfast/core/memory"
        const shop = createHoldfast({ store: memory() })
        const order: Order = await shop.orders.place({ accountId: "a", lines: [{ productId: "p", quantity: 1 }], key: "k" })
        export const paid: number = order.paid
        const placed = await shop.safe.orders.place({ accountId: "a", lines: [], key: "k" })
        export const code: HoldfastError["code"] | undefined = placed.ok ? undefined : placed.error.code
        export type Transact = StoreShape["transact"]
        // @ts-expect-error: an amount is a number, and nothing here is any
        export const text: string = order.paid
        // @ts-expect-error: a charge needs a key
        await shop.points.charge({ accountId: "a", amount: 1 })
        // @ts-expect-error: there is no such option
        createHoldfast({ colour: "red" })
        // @ts-expect-error: internals stay internal
        await import("@holdfast/core/src/index.ts")`
      const { said } = await tsc("typed.ts", typed, { ...strict, ...resolution })
      expect(said).toBe("tsc --noEmit -p tsconfig.json\n")
    })
  }
})
