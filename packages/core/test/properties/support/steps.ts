/**
 * Random callers: every call of the API on a handful of accounts, products and campaigns, so that they collide.
 *
 * A step is plain data, so that a counterexample can be read. It becomes a command when its turn comes, because which
 * order a cancel names depends on what was placed before it.
 */
import { Effect } from "effect"
import fc from "fast-check"
import type { Command } from "../../../src/decision/Command.ts"
import type { Call, InputSchema } from "../../../src/decision/call.ts"
import * as couponCalls from "../../../src/decision/couponCalls.ts"
import * as orderCalls from "../../../src/decision/orderCalls.ts"
import * as pointsCalls from "../../../src/decision/pointsCalls.ts"
import * as stockCalls from "../../../src/decision/stockCalls.ts"
import type { StoreShape } from "../../../src/ports/index.ts"
import type { Refusal } from "../../../src/refusals.ts"
import { type commandMaker, testAt } from "../../../src/testing/suites/commands.ts"
import { OrderId } from "../../../src/values.ts"

export const hourMillis = 3_600_000

type AnyCall = Call<InputSchema, object, unknown, Refusal>

const isCall = (value: unknown): value is AnyCall => typeof value === "object" && value !== null && "decide" in value

/** Every call of the API by its name. */
export const calls: ReadonlyMap<string, AnyCall> = new Map(
  [pointsCalls, stockCalls, couponCalls, orderCalls]
    .flatMap((module) => Object.values<unknown>(module).filter(isCall))
    .map((call) => [call.name, call]),
)

/** One call, or the repeat of an earlier one. */
export interface Step {
  /** A call's name, or "repeat": the step `nth` once more, as a lost reply (`own`) or as another call of its key. */
  readonly call: string
  readonly input: Readonly<Record<string, unknown>>
  readonly key?: string | undefined
  /** Which of the earlier steps or orders is meant. */
  readonly nth: number
  readonly own: boolean
  /** Hours after the start of the test's time. Not in order: times never order anything. */
  readonly hour: number
  /** Its deadline was over before it was decided. */
  readonly late: boolean
}

const account = fc.constantFrom("ada", "ada", "bob", "bob", "\u{1f600}")
const product = fc.constantFrom("cup", "cup", "cup", "tea", "tea", "tea", "\uff5e")
const campaign = fc.constantFrom("spring", "spring", "fall")
const few = fc.integer({ min: 1, max: 5 })
const some = fc.integer({ min: 1, max: 80 })
const change = fc.oneof(some, some, fc.integer({ min: -80, max: -1 }))
const accountId = { accountId: account }
const productId = { productId: product }
const campaignId = { campaignId: campaign }

const discount = fc.oneof(
  fc.record(
    { type: fc.constant("flat"), amount: some, minTotal: few },
    { requiredKeys: ["type", "amount"], noNullPrototype: true },
  ),
  fc.record(
    { type: fc.constant("rate"), percent: fc.integer({ min: 1, max: 100 }), max: few, minTotal: some },
    { requiredKeys: ["type", "percent"], noNullPrototype: true },
  ),
)
const date = (hour: number) => fc.constant(new Date(testAt + hour * hourMillis))
const lines = fc.array(fc.record({ ...productId, quantity: few }), { minLength: 1, maxLength: 3 })

/** Nothing, or `one` in so many cases. */
const seldom = <T>(one: number, arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> =>
  fc.oneof({ weight: one - 1, arbitrary: fc.constant(undefined) }, arbitrary)

/** Fields with a `?` may be left out. */
const weighted = (weight: number, call: string, fields: Readonly<Record<string, fc.Arbitrary<unknown>>>) => {
  const names = Object.entries(fields).map(([name, arbitrary]) => [name.replace("?", ""), arbitrary] as const)
  const requiredKeys = Object.keys(fields).filter((name) => !name.endsWith("?"))
  return {
    weight,
    arbitrary: fc.record({
      call: fc.constant(call),
      input: fc.record(Object.fromEntries(names), { requiredKeys }),
      // A few keys for all, so that repeats and reuses happen; mostly none.
      key: seldom(5, fc.constantFrom("k1", "k2", "k3")),
      nth: fc.nat(99),
      own: fc.boolean(),
      hour: fc.constantFrom(0, 0, 1, 2, 3, 23, 24, 30),
      late: fc.integer({ min: 0, max: 19 }).map((drawn) => drawn === 7),
    }),
  }
}

/** Any call at all, the telling ones more often. */
export const anyStep: fc.Arbitrary<Step> = fc.oneof(
  weighted(2, "points.open", { ...accountId, "balanceLimit?": fc.constantFrom(100, 400) }),
  weighted(1, "points.suspend", accountId),
  weighted(4, "points.resume", accountId),
  weighted(2, "points.close", { accountId: fc.constantFrom("ada", "bob", "\u{1f600}", "\u{1f600}", "\u{1f600}") }),
  weighted(8, "points.charge", { ...accountId, amount: some }),
  weighted(3, "points.adjust", { ...accountId, change, "reason?": fc.constant("counted") }),
  weighted(3, "stock.register", {
    ...productId,
    name: fc.constant("P"),
    price: fc.constantFrom(3, 5),
    "onHand?": fc.constantFrom(9, 12),
  }),
  weighted(8, "stock.restock", { ...productId, quantity: few }),
  weighted(3, "stock.adjust", {
    ...productId,
    change: fc.constantFrom(-9, -2, -1, 1, 4),
    "reason?": fc.constant("counted"),
  }),
  weighted(2, "stock.changePrice", { ...productId, price: fc.integer({ min: 0, max: 6 }) }),
  weighted(1, "stock.rename", { ...productId, name: fc.constantFrom("P", "Q") }),
  weighted(1, "stock.retire", productId),
  weighted(2, "coupons.createCampaign", {
    ...campaignId,
    name: fc.constant("C"),
    discount,
    limit: few,
    "opensAt?": date(1),
    "closesAt?": date(24),
    "validDays?": fc.constant(1),
    "state?": fc.constantFrom("open", "paused"),
  }),
  weighted(3, "coupons.openCampaign", campaignId),
  weighted(1, "coupons.pauseCampaign", campaignId),
  weighted(1, "coupons.closeCampaign", campaignId),
  weighted(2, "coupons.changeLimit", { ...campaignId, limit: fc.constantFrom(1, 1, 2, 5) }),
  weighted(10, "coupons.issue", { ...campaignId, ...accountId }),
  weighted(2, "coupons.revoke", { ...campaignId, ...accountId }),
  weighted(25, "orders.place", {
    ...accountId,
    lines,
    "campaignId?": seldom(2, campaign),
    "expectedPaid?": seldom(6, some),
    "reference?": fc.constantFrom("r1", "r2"),
  }),
  weighted(3, "orders.complete", {}),
  weighted(9, "orders.cancel", { "accountId?": seldom(6, account), "restock?": fc.boolean() }),
  weighted(8, "repeat", {}),
)

const step = (call: string, input: Step["input"], hour = 0): Step => ({
  call,
  input,
  hour,
  key: undefined,
  nth: 0,
  own: false,
  late: false,
})

/** What there is before anybody comes. The third account and product and the second campaign are left to chance. */
export const furnishing: ReadonlyArray<Step> = [
  step("points.open", { accountId: "ada" }),
  step("points.open", { accountId: "bob", balanceLimit: 120 }),
  step("points.charge", { accountId: "ada", amount: 300 }),
  step("points.charge", { accountId: "bob", amount: 60 }),
  step("stock.register", { productId: "tea", name: "P", price: 5, onHand: 12 }),
  step("stock.register", { productId: "cup", name: "P", price: 3, onHand: 9 }),
  step("coupons.createCampaign", {
    campaignId: "spring",
    name: "C",
    discount: { type: "rate", percent: 30, minTotal: 9 },
    limit: 2,
    validDays: 1,
  }),
]

/** Turns a step into a command, seeing the commands before it and, for a cancel, the order that it names. */
export const commandOf = (
  { call, input, key, nth, own, hour, late }: Step,
  make: ReturnType<typeof commandMaker>,
  store: StoreShape,
  earlier: ReadonlyArray<Command>,
): Command => {
  const at = testAt + hour * hourMillis
  const stamp = { at, deadline: late ? testAt - 1 : testAt + 1_000 * hourMillis }
  const keyed = key === undefined ? {} : { key }
  if (call === "repeat") {
    // The id is drawn even where it is not used, so that leaving a repeat out changes no other command.
    const fresh = make(pointsCalls.suspendCall, { accountId: "nobody" }, stamp)
    const again = earlier[nth % Math.max(1, earlier.length)]
    return again === undefined ? fresh : own ? again : { ...again, id: fresh.id, deadline: stamp.deadline }
  }
  // Mostly an order that exists: a cancel of a refused one tells little.
  const asked = earlier.filter(({ operation }) => operation.name === "orders.place").map(({ id }) => OrderId.make(id))
  const placed = asked.filter((id) => Effect.runSync(store.reads.order(id)) !== undefined)
  const meant = placed.length === 0 || nth % 10 === 0 ? asked : placed
  const orderId = meant[nth % Math.max(1, meant.length)] ?? OrderId.make("none")
  if (call === "orders.complete") return make(orderCalls.completeCall, { orderId, ...keyed }, stamp)
  if (call === "orders.cancel") {
    const facts = Effect.runSync(store.reads.order(orderId))
    const owner = facts?.accountId ?? "ada"
    return make(
      orderCalls.cancelCall,
      { ...input, accountId: typeof input.accountId === "string" ? input.accountId : owner, orderId, ...keyed },
      { ...stamp, request: { facts } },
    )
  }
  const found = calls.get(call)
  if (found === undefined) throw new Error(`There is no call ${call}.`)
  return make(found, { ...input, ...keyed }, stamp)
}
