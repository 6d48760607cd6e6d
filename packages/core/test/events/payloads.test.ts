/**
 * What events say is read by programs that were written against an earlier version of this one. `v1.json` has one event of
 * every type as it was on the first day, and is never changed: a payload of version 1 may only get more optional fields.
 */
import { readFileSync } from "node:fs"
import { resolve } from "node:path"
import { Schema } from "effect"
import { describe, expect, it } from "vitest"
import { createHoldfast, type Event, type EventType, eventPayloads } from "../../src/index.ts"

const first: Readonly<Record<EventType, Event>> = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "v1.json"), "utf8"),
)

const types = Object.keys(eventPayloads) as ReadonlyArray<EventType>

/** Reads a payload strictly: an unknown field is an error. */
const readData = (type: EventType, data: unknown): unknown => {
  const fields: Schema.Struct.Fields = eventPayloads[type].fields
  const codec = Schema.Struct(fields) as unknown as Schema.Codec<unknown, unknown>
  return Schema.decodeUnknownSync(codec, { onExcessProperty: "error" })(data)
}

/** One event of every type, in a shop whose time stands still and whose ids repeat. */
const everyEvent = async (): Promise<ReadonlyMap<EventType, Event>> => {
  let count = 0
  const at = Date.UTC(2026, 0, 1, 9)
  const shop = createHoldfast({ clock: () => at, random: () => (++count % 97) / 97 })
  const events = new Map<EventType, Event>()
  await shop.events.subscribe("all", (event) => {
    if (!events.has(event.type)) events.set(event.type, event)
  })
  const ann = { accountId: "ann" }
  await shop.points.open({ ...ann, balanceLimit: 1_000_000 })
  await shop.points.charge({ ...ann, amount: 100_000, key: "1" })
  await shop.points.adjust({ ...ann, change: -500, reason: "charged twice", key: "2" })
  await shop.points.suspend(ann)
  await shop.points.resume(ann)
  await shop.points.open({ accountId: "bob" })
  await shop.points.close({ accountId: "bob" })
  await shop.stock.register({ productId: "tee", name: "Tee", price: 12_000, onHand: 100 })
  await shop.stock.restock({ productId: "tee", quantity: 20, key: "3" })
  await shop.stock.adjust({ productId: "tee", change: -2, reason: "broken", key: "4" })
  await shop.stock.changePrice({ productId: "tee", price: 11_000 })
  await shop.stock.rename({ productId: "tee", name: "Tee, blue" })
  await shop.coupons.createCampaign({
    campaignId: "spring",
    name: "Spring sale",
    discount: { type: "rate", percent: 10, max: 5_000, minTotal: 1_000 },
    limit: 100,
    opensAt: new Date(at),
    closesAt: new Date(at + 86_400_000),
  })
  await shop.coupons.pauseCampaign({ campaignId: "spring" })
  await shop.coupons.openCampaign({ campaignId: "spring" })
  await shop.coupons.changeLimit({ campaignId: "spring", limit: 200 })
  await shop.coupons.issue({ campaignId: "spring", ...ann })
  const placed = await shop.orders.place({
    ...ann,
    lines: [{ productId: "tee", quantity: 2 }],
    campaignId: "spring",
    reference: "cart-42",
    metadata: { secret: 1 },
    key: "5",
  })
  await shop.orders.cancel({ ...ann, orderId: placed.orderId, key: "6" })
  const other = await shop.orders.place({ ...ann, lines: [{ productId: "tee", quantity: 1 }], key: "7" })
  await shop.orders.complete({ orderId: other.orderId })
  await shop.coupons.revoke({ campaignId: "spring", ...ann })
  await shop.coupons.closeCampaign({ campaignId: "spring" })
  await shop.stock.retire({ productId: "tee" })
  await shop.events.settled("all")
  await shop.stop()
  return events
}

const fieldsOf = (value: unknown, path = ""): ReadonlyArray<string> =>
  typeof value === "object" && value !== null
    ? Object.entries(value).flatMap(([name, inner]) => fieldsOf(inner, `${path}/${name}`))
    : [`${path}: ${typeof value}`]

describe("the payloads of events", () => {
  it("given every call, fit their row exactly, and no type is left out", async () => {
    const events = await everyEvent()
    expect([...events.keys()].sort()).toEqual([...types].sort())
    for (const [type, { data, version }] of events) {
      expect(readData(type, data), type).toEqual(data)
      expect(version, type).toBe(1)
    }
  })

  it("given the events of the first day, still fit, and say today all that they said", async () => {
    const events = await everyEvent()
    expect(Object.keys(first).sort()).toEqual([...types].sort())
    for (const type of types) {
      expect(readData(type, first[type].data), type).toEqual(first[type].data)
      const today = JSON.parse(JSON.stringify(events.get(type)))
      expect(fieldsOf(today), type).toEqual(expect.arrayContaining([...fieldsOf(first[type])]))
    }
  })

  it("given a charge or an adjustment, carry the exact balance; given an order, carry none", async () => {
    const events = await everyEvent()
    expect(events.get("points.charged")?.data).toMatchObject({ balance: 100_000, seq: 1 })
    expect(events.get("points.adjusted")?.data).toMatchObject({ balance: 99_500, seq: 2 })
    for (const type of ["orders.placed", "orders.completed", "orders.cancelled"] as const) {
      expect(JSON.stringify(events.get(type))).not.toMatch(/balance|onHand|secret/)
    }
  })
})
