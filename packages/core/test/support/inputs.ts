/**
 * Random valid input for every call that changes something, with odd ids and amounts at their limits.
 *
 * By hand: Effect's `Arbitrary.schema` draws text and numbers first and filters them afterwards, and hardly any number
 * that it draws is an amount.
 */
import fc from "fast-check"
import { maxAmount, maxPrice, ProductId } from "../../src/values.ts"

const isId = (text: string): boolean => {
  try {
    ProductId.make(text)
    return true
  } catch {
    return false
  }
}

const oddTexts = fc.constantFrom(
  "__proto__",
  "constructor",
  "toString",
  "a\u00a0b",
  "\uffee",
  "😀",
  "é",
  "e\u0301",
  "x".repeat(128),
  '"',
  "\\",
  "/~",
)
const anyId: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom("ada", "bob", "tea", "cup", "spring") },
  { weight: 1, arbitrary: oddTexts },
  { weight: 1, arbitrary: fc.string({ unit: "binary", minLength: 1, maxLength: 12 }).filter(isId) },
)
const label = fc.oneof(
  fc.constantFrom("Tea", "x".repeat(200), " spaced "),
  fc
    .string({ unit: "grapheme", minLength: 1, maxLength: 20 })
    .filter((text) => text.length <= 200 && !/\p{Cc}/u.test(text)),
)
const whole = (min: number, max: number) =>
  fc.oneof(fc.integer({ min, max: Math.min(max, min + 50) }), fc.constantFrom(min, max), fc.integer({ min, max }))
const amount = whole(0, maxAmount)
const positive = whole(1, maxAmount)
const change = fc
  .oneof(fc.integer({ min: -50, max: 50 }), fc.constantFrom(-maxAmount, maxAmount))
  .filter((by) => by !== 0)
const date = fc.date({ min: new Date(0), max: new Date(4 * 10 ** 12), noInvalidDate: true })
const discount = fc.oneof(
  fc.record({ type: fc.constant("flat"), amount: positive, minTotal: amount }, { requiredKeys: ["type", "amount"] }),
  fc.record(
    { minTotal: amount, max: positive, percent: whole(1, 100), type: fc.constant("rate") },
    { requiredKeys: ["type", "percent"] },
  ),
)
const keys = { key: anyId, scope: anyId }

const input = <T extends Record<string, fc.Arbitrary<unknown>>>(
  fields: T,
  optional: ReadonlyArray<string>,
): fc.Arbitrary<Record<string, unknown>> =>
  fc.record({ ...fields, ...keys } as Record<string, fc.Arbitrary<unknown>>, {
    requiredKeys: Object.keys(fields).filter((name) => !optional.includes(name)),
  })

const keyed = <T extends Record<string, fc.Arbitrary<unknown>>>(fields: T, optional: ReadonlyArray<string>) =>
  input({ ...fields, key: anyId }, optional)

const account = { accountId: anyId }
const product = { productId: anyId }
const campaign = { campaignId: anyId }
const lines = fc.array(
  fc.record(
    { productId: anyId, quantity: whole(1, 10_000), unitPrice: whole(0, maxPrice) },
    { requiredKeys: ["productId", "quantity"] },
  ),
  { minLength: 1, maxLength: 12 },
)

/** By the call's name. */
export const inputs: Readonly<Record<string, fc.Arbitrary<Record<string, unknown>>>> = {
  "points.open": input({ ...account, balanceLimit: amount }, ["balanceLimit"]),
  "points.suspend": input(account, []),
  "points.resume": input(account, []),
  "points.close": input(account, []),
  "points.charge": keyed({ ...account, amount: positive }, []),
  "points.adjust": keyed({ ...account, change, reason: label }, ["reason"]),
  "stock.register": input({ ...product, name: label, price: whole(0, maxPrice), onHand: amount }, ["onHand"]),
  "stock.restock": keyed({ ...product, quantity: positive }, []),
  "stock.adjust": keyed({ ...product, change, reason: label }, ["reason"]),
  "stock.changePrice": input({ ...product, price: whole(0, maxPrice) }, []),
  "stock.rename": input({ ...product, name: label }, []),
  "stock.retire": input(product, []),
  "coupons.createCampaign": input(
    {
      ...campaign,
      name: label,
      discount,
      limit: positive,
      opensAt: date,
      closesAt: date,
      validDays: whole(1, 36_500),
      state: fc.constantFrom("open", "paused"),
    },
    ["opensAt", "closesAt", "validDays", "state"],
  ),
  "coupons.openCampaign": input(campaign, []),
  "coupons.pauseCampaign": input(campaign, []),
  "coupons.closeCampaign": input(campaign, []),
  "coupons.changeLimit": input({ ...campaign, limit: positive }, []),
  "coupons.issue": input({ ...campaign, ...account }, []),
  "coupons.revoke": input({ ...campaign, ...account }, []),
  "orders.place": keyed(
    {
      ...account,
      lines,
      ...campaign,
      expectedPaid: amount,
      reference: label,
      metadata: fc.dictionary(fc.string({ maxLength: 5 }), fc.jsonValue({ maxDepth: 2 }), { maxKeys: 4 }),
    },
    ["campaignId", "expectedPaid", "reference", "metadata"],
  ),
  "orders.complete": input({ orderId: anyId }, []),
  "orders.cancel": keyed({ ...account, orderId: anyId, restock: fc.boolean() }, ["restock"]),
}
