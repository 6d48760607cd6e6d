import { describe, expect, it } from "vitest"
import type { Command } from "../../src/decision/Command.ts"
import { calls } from "../../src/decision/calls.ts"
import {
  changeLimitCall,
  closeCampaignCall,
  createCampaignCall,
  issueCall,
  openCampaignCall,
  pauseCampaignCall,
  revokeCall,
} from "../../src/decision/couponCalls.ts"
import { fold, keysOfCommands } from "../../src/decision/fold.ts"
import { type KindName, kindNames } from "../../src/decision/kinds.ts"
import { completeCall, placeCall } from "../../src/decision/orderCalls.ts"
import {
  adjustPointsCall,
  chargeCall,
  closeCall,
  openCall,
  resumeCall,
  suspendCall,
} from "../../src/decision/pointsCalls.ts"
import {
  adjustStockCall,
  changePriceCall,
  registerCall,
  renameCall,
  restockCall,
  retireCall,
} from "../../src/decision/stockCalls.ts"
import { testAt } from "../../src/testing/suites/commands.ts"
import { type Key, keyText } from "../../src/values.ts"
import { furnished, line, orderOf, place, type World } from "./world.ts"

const discount = { type: "flat", amount: 5 } as const

/** A world in which every call below is accepted once, and an order to end. */
const world = (): World & { readonly orderId: string } => {
  const made = furnished({ discount, products: { tea: [100, 10], cup: [7, 3] } })
  made.call(openCall, { accountId: "bob" })
  made.call(openCall, { accountId: "sue" })
  made.call(suspendCall, { accountId: "sue" })
  made.call(createCampaignCall, { campaignId: "fall", name: "Fall", discount, limit: 5, state: "paused" })
  const { orderId } = orderOf(place(made, [line("tea", 1)], { campaignId: "spring" }))
  return Object.assign(made, { orderId })
}

/** Each call: how it is made, the event it leaves, and how the same again under another key ends. */
const operations: ReadonlyArray<
  readonly [name: string, make: (world: World & { readonly orderId: string }) => Command, event: string, again: string]
> = [
  ["points.open", (w) => w.make(openCall, { accountId: "new" }), "points.opened", "Repeated"],
  ["points.suspend", (w) => w.make(suspendCall, { accountId: "ada" }), "points.suspended", "Repeated"],
  ["points.resume", (w) => w.make(resumeCall, { accountId: "sue" }), "points.resumed", "Repeated"],
  ["points.close", (w) => w.make(closeCall, { accountId: "bob" }), "points.closed", "Repeated"],
  ["points.charge", (w) => w.make(chargeCall, { accountId: "ada", amount: 5 }), "points.charged", "Accepted"],
  ["points.adjust", (w) => w.make(adjustPointsCall, { accountId: "ada", change: -5 }), "points.adjusted", "Accepted"],
  [
    "stock.register",
    (w) => w.make(registerCall, { productId: "pot", name: "Pot", price: 5, onHand: 2 }),
    "stock.registered",
    "Repeated",
  ],
  ["stock.restock", (w) => w.make(restockCall, { productId: "tea", quantity: 5 }), "stock.restocked", "Accepted"],
  ["stock.adjust", (w) => w.make(adjustStockCall, { productId: "tea", change: -5 }), "stock.adjusted", "Refused"],
  [
    "stock.changePrice",
    (w) => w.make(changePriceCall, { productId: "tea", price: 5 }),
    "stock.priceChanged",
    "Repeated",
  ],
  ["stock.rename", (w) => w.make(renameCall, { productId: "tea", name: "Chai" }), "stock.renamed", "Repeated"],
  ["stock.retire", (w) => w.make(retireCall, { productId: "tea" }), "stock.retired", "Repeated"],
  [
    "coupons.createCampaign",
    (w) => w.make(createCampaignCall, { campaignId: "new", name: "New", discount, limit: 5 }),
    "coupons.campaignCreated",
    "Repeated",
  ],
  [
    "coupons.openCampaign",
    (w) => w.make(openCampaignCall, { campaignId: "fall" }),
    "coupons.campaignOpened",
    "Repeated",
  ],
  [
    "coupons.pauseCampaign",
    (w) => w.make(pauseCampaignCall, { campaignId: "spring" }),
    "coupons.campaignPaused",
    "Repeated",
  ],
  [
    "coupons.closeCampaign",
    (w) => w.make(closeCampaignCall, { campaignId: "spring" }),
    "coupons.campaignClosed",
    "Repeated",
  ],
  [
    "coupons.changeLimit",
    (w) => w.make(changeLimitCall, { campaignId: "spring", limit: 1 }),
    "coupons.limitChanged",
    "Repeated",
  ],
  ["coupons.issue", (w) => w.make(issueCall, { campaignId: "spring", accountId: "bob" }), "coupons.issued", "Refused"],
  [
    "coupons.revoke",
    (w) => w.make(revokeCall, { campaignId: "spring", accountId: "ada" }),
    "coupons.revoked",
    "Repeated",
  ],
  ["orders.place", (w) => w.make(placeCall, { accountId: "ada", lines: [line("tea", 5)] }), "orders.placed", "Refused"],
  ["orders.complete", (w) => w.make(completeCall, { orderId: w.orderId }), "orders.completed", "Repeated"],
  ["orders.cancel", (w) => w.cancel("ada", w.orderId), "orders.cancelled", "Repeated"],
]

describe("every operation", () => {
  it("stands in the table below", () => {
    expect(operations.map(([name]) => name)).toEqual(calls.map(({ name }) => name))
  })

  it.each(operations)(
    "%s is accepted with one receipt and one event, then repeated, refused or done again",
    (name, make, event, again) => {
      const w = world()
      const command = make(w)
      const events = w.events.length
      const first = w.decide(command)
      expect(first._tag).toBe("Accepted")
      expect(w.events.slice(events)).toMatchObject([{ id: command.id, type: event, version: 1, occurredAt: testAt }])
      expect(w.get("receipt", command.scope, name, command.key)).toMatchObject({
        commandId: command.id,
        fingerprint: command.fingerprint,
        at: testAt,
      })
      expect(w.decide({ ...make(w), key: "another" as never })._tag).toBe(again)
      // Nothing was repeated: only what was done again left another event.
      expect(w.events.length).toBe(events + (again === "Accepted" ? 2 : 1))
      // And the first command itself is recalled, never done twice.
      expect(w.decide(command)).toMatchObject({ _tag: "Recalled", own: true })
    },
  )

  it.each(operations)("%s looks at no record that it did not name", (name, make) => {
    const w = world()
    const command = make(w)
    const keys = keysOfCommands([command])
    const named = new Set(kindNames.flatMap((kind) => keys.of(kind).map((key) => keyText([kind, ...key]))))
    const look = <A>(kind: KindName, key: Key, found: A): A => {
      expect(named, `${name} looked at ${kind} ${key.join("/")}`).toContain(keyText([kind, ...key]))
      return found
    }
    const { records } = w
    const { changes } = fold(
      [command],
      {
        account: (id) => look("account", [id], records.account(id)),
        product: (id) => look("product", [id], records.product(id)),
        campaign: (id) => look("campaign", [id], records.campaign(id)),
        order: (id) => look("order", [id], records.order(id)),
        coupon: (campaignId, id) => look("coupon", [campaignId, id], records.coupon(campaignId, id)),
        bucket: (id, hour) => look("bucket", [id, hour], records.bucket(id, hour)),
        position: (log, partition) => look("position", [log, partition], records.position(log, partition)),
        terms: (id, of, version) => look("terms", [id, of, version], records.terms(id, of, version)),
        verdict: (id) => look("verdict", [id], records.verdict(id)),
        receipt: (scope, operation, key) =>
          look("receipt", [scope, operation, key], records.receipt(scope, operation, key)),
      },
      testAt,
    )
    // And it changes no other record, but for the order that it makes, and the row of a change of terms.
    for (const kind of kindNames) {
      for (const { before, after } of changes?.puts[kind] ?? []) {
        if ((kind === "order" || kind === "terms") && before === undefined) continue
        const key = kind === "receipt" ? [command.scope, name, command.key] : keyOf(kind, after)
        expect(named, `${name} changed ${kind} ${key.join("/")}`).toContain([kind, ...key].join("\u0000"))
      }
    }
  })

  it.each(operations)(
    "%s decides the same however often it is asked, and leaves the records as they were",
    (_, make) => {
      const w = world()
      const command = make(w)
      const frozen = structuredClone(w.loaded)
      const { records } = w
      const first = fold([command], records, testAt)
      const second = fold([command], records, testAt)
      expect(second.answer).toEqual(first.answer)
      expect(second.changes).toEqual(first.changes)
      expect(w.loaded).toEqual(frozen)
    },
  )
})

const keyOf = (kind: KindName, record: object): ReadonlyArray<unknown> => {
  const of = (name: string): unknown => Reflect.get(record, name)
  switch (kind) {
    case "account":
      return [of("accountId")]
    case "product":
      return [of("productId")]
    case "campaign":
      return [of("campaignId")]
    case "order":
      return [of("orderId")]
    case "coupon":
      return [of("campaignId"), of("accountId")]
    case "bucket":
      return [of("productId"), of("hour")]
    case "position":
      return [of("log"), of("partition")]
    case "terms":
      return [of("id"), of("of"), of("version")]
    case "verdict":
      return [of("requestId")]
    case "receipt":
      return [of("scope"), of("operation"), of("key")]
  }
}

describe("states", () => {
  it("of an account: suspended and resumed at will, closed for good and only when empty", () => {
    const w = world()
    const tag = (command: Command) => {
      const decision = w.decide(command)
      return decision._tag === "Refused" ? decision.refusal._tag : decision._tag
    }
    const close = () => w.make(closeCall, { accountId: "ada" })
    expect(tag(close())).toBe("AccountNotEmpty")
    expect(tag(w.make(suspendCall, { accountId: "ada" }))).toBe("Accepted")
    // An operator corrects a suspended account.
    expect(tag(w.make(adjustPointsCall, { accountId: "ada", change: -(w.get("account", "ada")?.balance ?? 0) }))).toBe(
      "Accepted",
    )
    expect(tag(close())).toBe("Accepted")
    for (const call of [suspendCall, resumeCall]) expect(tag(w.make(call, { accountId: "ada" }))).toBe("AccountNotOpen")
    expect(tag(w.make(openCall, { accountId: "ada" }))).toBe("Repeated")
    // Even a closed account is refunded.
    expect(tag(w.cancel("ada", w.orderId))).toBe("Accepted")
    expect(w.get("account", "ada")).toMatchObject({ state: "closed", balance: 95 })
  })

  it("of a coupon: restored by a cancel unless revoked or expired; revoking leaves the order alone", () => {
    const w = world()
    w.call(revokeCall, { campaignId: "spring", accountId: "ada" })
    expect(w.get("order", w.orderId)?.state).toBe("placed")
    w.decide(w.cancel("ada", w.orderId))
    expect(w.get("coupon", "spring", "ada")).toMatchObject({ state: "revoked", orderId: w.orderId })
    const other = world()
    other.decide(other.cancel("ada", other.orderId))
    expect(other.get("coupon", "spring", "ada")).toMatchObject({ state: "issued", orderId: undefined, ticket: 1 })
    expect(place(other, [line("tea", 1)], { campaignId: "spring" })._tag).toBe("Accepted")
  })

  it("of a campaign: a place is never returned, and a raised limit gives exactly that many more", () => {
    const w = furnished()
    for (const accountId of ["a", "b", "c", "d"]) w.call(openCall, { accountId })
    w.call(createCampaignCall, { campaignId: "one", name: "One", discount, limit: 1 })
    const issue = (accountId: string) => w.call(issueCall, { campaignId: "one", accountId })._tag
    expect(issue("a")).toBe("Accepted")
    w.call(revokeCall, { campaignId: "one", accountId: "a" })
    expect(issue("b")).toBe("Refused")
    w.call(changeLimitCall, { campaignId: "one", limit: 3 })
    expect([issue("b"), issue("c"), issue("d")]).toEqual(["Accepted", "Accepted", "Refused"])
    expect(w.get("campaign", "one")).toMatchObject({ issued: 3, limit: 3 })
  })

  it("of an order: ended once, one way or the other", () => {
    const w = world()
    w.decide(w.cancel("ada", w.orderId))
    expect(w.decide(w.cancel("ada", w.orderId))._tag).toBe("Repeated")
    expect(w.call(completeCall, { orderId: w.orderId })._tag).toBe("Refused")
    expect(w.entries.filter(({ type }) => type === "refund").length).toBe(1)
  })
})
