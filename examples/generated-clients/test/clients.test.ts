/**
 * Clients that others generate from the document know the numbers of every refusal: they are made here, compiled with the
 * compiler that their makers need, and used against a shop.
 */
import { execFile } from "node:child_process"
import { rmSync, writeFileSync } from "node:fs"
import { resolve } from "node:path"
import { promisify } from "node:util"
import { createHoldfast, HoldfastError } from "@holdfast/core"
import { type ShopHandler, shopHandler } from "@holdfast/http"
import { beforeAll, describe, expect, it } from "vitest"

const folder = resolve(import.meta.dirname, "..")
const run = (...args: ReadonlyArray<string>) => promisify(execFile)(process.execPath, args, { cwd: folder })
const compile = (project: string) =>
  run("node_modules/typescript/bin/tsc", "-p", project).then(
    () => "",
    ({ stdout }: { readonly stdout: string }) => stdout,
  )

type Buy = (
  fetch: ShopHandler["fetch"],
  order: { readonly userId: string; readonly productId: string; readonly quantity: number; readonly key: string },
) => Promise<string>

const buyers = ["heyApi", "openapiFetch"] as const

const buyerOf = async (name: (typeof buyers)[number]): Promise<Buy> => {
  const program: { readonly buy: Buy } = await import(resolve(folder, `src/${name}.ts`))
  return program.buy
}

beforeAll(async () => {
  rmSync(resolve(folder, ".generated"), { recursive: true, force: true })
  await run("src/generate.ts")
})

describe("generated clients", () => {
  it("compile, with the programs that use them and every declaration they bring", async () => {
    expect(await compile("tsconfig.clients.json")).toBe("")
  })

  it("given a field that a refusal does not have, do not compile", async () => {
    const [project, program] = [resolve(folder, ".generated/wrong.json"), resolve(folder, ".generated/wrong.ts")]
    writeFileSync(
      program,
      `import type { components } from "./openapiTypescript.ts"
import type { Problem422 } from "./heyApi/types.gen.ts"
export const one = ({ refusal }: components["schemas"]["Problem422"]) => refusal?._tag === "OutOfStock" && refusal.limit
export const two = ({ refusal }: Problem422) => refusal?._tag === "CouponsSoldOut" && refusal.lines
`,
    )
    writeFileSync(project, JSON.stringify({ extends: "../tsconfig.clients.json", include: ["wrong.ts"] }))
    const errors = await compile(project)
    rmSync(project)
    rmSync(program)
    expect(errors.match(/error TS2339/g)).toHaveLength(2)
  })

  it.each(buyers)("given a shop, buy by %s and tell what kept them from it by its numbers", async (name) => {
    const buy = await buyerOf(name)
    const shop = createHoldfast()
    await shop.stock.register({ productId: "tee", name: "Tee", price: 12_000, onHand: 3 })
    await shop.points.open({ accountId: "ann" })
    await shop.points.charge({ accountId: "ann", amount: 20_000, key: "1" })
    const { fetch } = shopHandler(shop, {
      resolveCaller: ({ headers }) => ({ id: headers.get("x-caller") ?? "" }),
    })
    const order = (quantity: number, key: string) => ({ userId: "ann", productId: "tee", quantity, key })
    expect(await buy(fetch, order(4, "1"))).toBe("4 of 3")
    expect(await buy(fetch, order(2, "2"))).toBe("4000 short")
    expect(await buy(fetch, order(1, "3"))).toBe("paid 12000")
    expect(await buy(fetch, { ...order(1, "4"), productId: "cap" })).toBe("PRODUCT_NOT_FOUND")
    const full = () =>
      Promise.reject(new HoldfastError({ _tag: "Overloaded", outcome: "nothing-happened", retryAfterMillis: 250 }))
    const busy = shopHandler(
      { ...shop, orders: { ...shop.orders, place: full } },
      { resolveCaller: () => ({ id: "ann" }) },
    )
    expect(await buy(busy.fetch, order(1, "5"))).toBe("again in 250 ms")
    await shop.stop()
  })
})
