import { afterEach, describe, expect, it, vi } from "vitest"
import { createHoldfast } from "../../src/index.ts"
import { memory } from "../../src/memory/index.ts"
import { endOf } from "../support/shop.ts"

// In a file of its own: what Effect reads from the environment it reads once in a process.
afterEach(() => vi.unstubAllEnvs())

describe("a shop", () => {
  it("in production needs a store that is named; memory() may be meant", async () => {
    vi.stubEnv("NODE_ENV", "production")
    const shop = createHoldfast()
    expect(await endOf(shop.start())).toMatchObject({ _tag: "InvalidInput", issues: [{ pointer: "/store" }] })
    expect(await endOf(shop.points.open({ accountId: "ada" }))).toMatchObject({ _tag: "InvalidInput" })
    const meant = createHoldfast({ store: memory() })
    await meant.start()
    expect(await meant.points.open({ accountId: "ada" })).toMatchObject({ replayed: false })
  })
})
