/**
 * Code of the host that only looks on: whatever it throws, everything else goes on.
 */
import { Tracer } from "effect"
import { afterEach, beforeEach, describe, expect, it } from "vitest"
import { createHoldfast, type TelemetryOption } from "../../src/index.ts"
import { furnishedShop } from "../support/shop.ts"

const broken = (): never => {
  throw new Error("the observer is broken")
}
const brokenAsync = async (): Promise<never> => broken()

const telemetry = (observe: TelemetryOption["observe"]): TelemetryOption => ({
  name: "test",
  tracer: Tracer.make({ span: (options) => new Tracer.NativeSpan(options) }),
  activeSpan: () => undefined,
  observe,
})

const strays: Array<unknown> = []
const heard = (reason: unknown) => void strays.push(reason)
beforeEach(() => void process.on("unhandledRejection", heard))
afterEach(async () => {
  // Node tells of rejections that nobody hears once the turn is over.
  await new Promise((resolve) => setImmediate(resolve))
  process.off("unhandledRejection", heard)
  expect(strays.splice(0)).toEqual([])
})

describe("an observer that throws", () => {
  it.each([
    ["cannot begin to read metrics", broken],
    ["cannot end reading them", () => broken],
    ["rejects where it ends reading them", () => brokenAsync],
  ])("and %s costs neither the start, nor a call, nor the stop", async (_, observe) => {
    const shop = createHoldfast({ telemetry: telemetry(observe) })
    await shop.start()
    expect(await shop.points.open({ accountId: "ada" })).toMatchObject({ accountId: "ada" })
    await shop.stop()
  })

  it("when it is told the age of an answer costs no read", async () => {
    const shop = await furnishedShop()
    for (const onAge of [broken, brokenAsync]) {
      expect(await shop.shop.stock.product("tea", { maxAgeMillis: 1_000, onAge })).toMatchObject({ productId: "tea" })
    }
    await shop.shop.stop()
  })

  it.each([
    ["at once", broken],
    ["later", brokenAsync],
  ])("when it is told of messages and parked events, %s, costs no event and no process", async (_, observer) => {
    const { shop } = await furnishedShop({}, { onEventError: observer, logger: observer })
    await shop.events.subscribe("mail", broken, { attempts: 1 })
    await shop.points.charge({ accountId: "ada", amount: 1, key: "a" })
    await shop.events.settled("mail")
    expect(await shop.events.parked({ name: "mail" })).toMatchObject({ items: [{ event: { key: "ada" } }] })
    await shop.stop()
  })
})
