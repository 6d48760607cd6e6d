/**
 * An order ends once: whatever is called around it, and in whatever order or overlap, points, coupon and stock go back
 * exactly once or not at all.
 */
import { Effect, Exit } from "effect"
import fc from "fast-check"
import { describe, expect, it } from "vitest"
import type { Command } from "../../src/decision/Command.ts"
import { createCampaignCall, issueCall, revokeCall } from "../../src/decision/couponCalls.ts"
import { cancelCall, completeCall, placeCall } from "../../src/decision/orderCalls.ts"
import { chargeCall, openCall, suspendCall } from "../../src/decision/pointsCalls.ts"
import { registerCall, restockCall, retireCall } from "../../src/decision/stockCalls.ts"
import { InterleavingStore, MemoryStore } from "../../src/memory/index.ts"
import type { StoreShape } from "../../src/ports/index.ts"
import { commandMaker, transact } from "../../src/testing/suites/commands.ts"
import { OrderId } from "../../src/values.ts"
import { failureOf, runSeeded } from "../memory/world.ts"
import { check } from "./support/check.ts"
import { look, watch } from "./support/look.ts"
import { endOf } from "./support/play.ts"
import { broken } from "./support/recount.ts"

/** What happens around the order. */
const act = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant("cancel"), restock: fc.boolean(), key: keyArbitrary() }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("complete"), restock: fc.boolean(), key: keyArbitrary() }) },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("cancel for another", "revoke", "retire", "suspend", "restock", "charge"),
      restock: fc.boolean(),
      key: keyArbitrary(),
    }),
  },
)
type Act = typeof act extends fc.Arbitrary<infer A> ? A : never

function keyArbitrary() {
  return fc.oneof(fc.constant(undefined), fc.constantFrom("k1", "k2"))
}

/** A shop with one order of two products, paid with points and a coupon. */
const furnished = (store: StoreShape, make: ReturnType<typeof commandMaker>) =>
  Effect.gen(function* () {
    yield* watch(store)
    const discount = { type: "flat", amount: 7 } as const
    const lines = [
      { productId: "cup", quantity: 2 },
      { productId: "tea", quantity: 3 },
    ]
    const place = make(placeCall, { accountId: "ada", lines, campaignId: "spring" })
    yield* transact(store, [
      make(openCall, { accountId: "ada" }),
      make(chargeCall, { accountId: "ada", amount: 100 }),
      make(registerCall, { productId: "cup", name: "Cup", price: 4, onHand: 10 }),
      make(registerCall, { productId: "tea", name: "Tea", price: 5, onHand: 10 }),
      make(createCampaignCall, { campaignId: "spring", name: "Spring", discount, limit: 1 }),
      make(issueCall, { campaignId: "spring", accountId: "ada" }),
      place,
    ])
    const facts = yield* store.reads.order(OrderId.make(place.id))
    if (facts === undefined) return yield* Effect.die("the order of this test was refused")
    return facts
  })

const commandOf = (
  make: ReturnType<typeof commandMaker>,
  facts: Effect.Success<ReturnType<typeof furnished>>,
  { do: what, restock, key }: Act,
): Command => {
  const { orderId } = facts
  const keyed = key === undefined ? {} : { key }
  switch (what) {
    case "cancel":
      return make(cancelCall, { accountId: "ada", orderId, restock, ...keyed }, { request: { facts } })
    case "cancel for another":
      return make(cancelCall, { accountId: "bob", orderId }, { request: { facts } })
    case "complete":
      return make(completeCall, { orderId, ...keyed })
    case "revoke":
      return make(revokeCall, { campaignId: "spring", accountId: "ada" })
    case "retire":
      return make(retireCall, { productId: "tea" })
    case "suspend":
      return make(suspendCall, { accountId: "ada" })
    case "restock":
      return make(restockCall, { productId: "cup", quantity: 1 })
    default:
      return make(chargeCall, { accountId: "ada", amount: 1 })
  }
}

describe("an order is cancelled or completed exactly once", () => {
  it("the first cancel or complete wins, and every later one is answered by what the order became", async () => {
    await check(
      300,
      fc.property(fc.array(act, { minLength: 1, maxLength: 14 }), (acts) => {
        const store = Effect.runSync(MemoryStore.make)
        const make = commandMaker()
        const facts = Effect.runSync(furnished(store, make))
        let became: "placed" | "cancelled" | "completed" = "placed"
        let restocked: boolean | undefined
        const byKey = new Map<string, string>()
        for (const each of acts) {
          const command = commandOf(make, facts, each)
          const decision = Effect.runSync(transact(store, [command]))[0]
          if (decision === undefined) throw new Error("unanswered")
          if (each.do === "cancel for another") expect(endOf(decision)).toBe("OrderNotFound")
          if (each.do !== "cancel" && each.do !== "complete") continue
          const keyed = `${command.operation.name} ${command.key}`
          const known = byKey.get(keyed)
          if (known !== undefined) {
            expect(endOf(decision)).toBe(known === command.fingerprint ? "Recalled" : "IdempotencyKeyReused")
            continue
          }
          expect(endOf(decision)).toBe(expectedEnds[each.do][became])
          if (decision._tag !== "Accepted") continue
          became = each.do === "cancel" ? "cancelled" : "completed"
          restocked = each.do === "cancel" && each.restock
          byKey.set(keyed, command.fingerprint)
        }
        const seen = Effect.runSync(look(store))
        expect(seen.orders.map(({ state, closed }) => [state, closed?.restocked])).toEqual([[became, restocked]])
        expect(broken(seen)).toEqual([])
      }),
    )
  })

  for (const optimistic of [true, false]) {
    const how = optimistic ? "on snapshots" : "under locks"
    it(`of any number of cancels and completes at once, ${how}, one is accepted`, async () => {
      await check(
        120,
        fc.property(
          fc.array(fc.array(act, { maxLength: 4 }), { minLength: 2, maxLength: 5 }),
          fc.nat(),
          (callers, seed) => {
            const play = Effect.gen(function* () {
              const store = yield* InterleavingStore.make({ optimistic })
              const make = commandMaker()
              const facts = yield* furnished(store, make)
              const ends = yield* Effect.forEach(
                callers.map((acts) => acts.map((each) => commandOf(make, facts, each))),
                (commands) =>
                  Effect.gen(function* () {
                    const closing: Array<string> = []
                    for (const command of commands) {
                      const [decision] = yield* transact(store, [command])
                      if (decision !== undefined && isClosing(command)) closing.push(endOf(decision))
                    }
                    return closing
                  }),
                { concurrency: "unbounded" },
              )
              return { closing: ends.flat(), seen: yield* look(store) }
            })
            const exit = runSeeded(play, seed)
            if (!Exit.isSuccess(exit)) throw new Error(failureOf(exit))
            const { closing, seen } = exit.value
            const meant = callers.flat().some(({ do: what }) => what === "cancel" || what === "complete")
            expect(closing.filter((end) => end === "Accepted")).toHaveLength(meant ? 1 : 0)
            expect(seen.orders[0]?.state === "placed").toBe(!meant)
            expect(broken(seen)).toEqual([])
          },
        ),
      )
    })
  }
})

const expectedEnds = {
  cancel: { placed: "Accepted", cancelled: "Repeated", completed: "OrderAlreadyCompleted" },
  complete: { placed: "Accepted", cancelled: "OrderAlreadyCancelled", completed: "Repeated" },
} as const

const isClosing = ({ operation }: Command): boolean =>
  operation.name === cancelCall.name || operation.name === completeCall.name
