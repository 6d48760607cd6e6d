/**
 * Loads accounts, products and campaigns, once: a second start finds them and changes nothing.
 */
import { readFile } from "node:fs/promises"
import { isHoldfastError, type Shop } from "@holdfast/core"
import { Schema } from "effect"

const Id = Schema.Union([Schema.String, Schema.Int])

const Catalogue = Schema.Struct({
  accounts: Schema.Array(Schema.Struct({ accountId: Id, points: Schema.Int })),
  products: Schema.Array(Schema.Struct({ productId: Id, name: Schema.String, price: Schema.Int, onHand: Schema.Int })),
  campaigns: Schema.Array(
    Schema.Struct({
      campaignId: Id,
      name: Schema.String,
      discount: Schema.Union([
        Schema.Struct({ type: Schema.Literal("flat"), amount: Schema.Int }),
        Schema.Struct({ type: Schema.Literal("rate"), percent: Schema.Int }),
      ]),
      limit: Schema.Int,
      validDays: Schema.Int,
    }),
  ),
})
export type Catalogue = typeof Catalogue.Type

/** Reads a catalogue from a JSON file, or rejects with what is wrong with it. */
export const readCatalogue = async (file: string): Promise<Catalogue> =>
  Schema.decodeUnknownSync(Schema.fromJsonString(Catalogue), { onExcessProperty: "error" })(
    await readFile(file, "utf8"),
  )

/** A small shop to try the API with. */
export const sampleCatalogue: Catalogue = {
  accounts: Array.from({ length: 100 }, (_, index) => ({ accountId: index + 1, points: 100_000 })),
  products: [
    { productId: 1, name: "Holdfast tee", price: 12_000, onHand: 1_000 },
    { productId: 2, name: "Enamel mug", price: 9_000, onHand: 500 },
    { productId: 3, name: "Limited print", price: 30_000, onHand: 10 },
  ],
  campaigns: [
    { campaignId: 1, name: "Welcome", discount: { type: "rate", percent: 10 }, limit: 100, validDays: 30 },
    { campaignId: 2, name: "Flash", discount: { type: "flat", amount: 5_000 }, limit: 10, validDays: 7 },
  ],
}

/** How many calls are under way at once: enough to fill the engine's batches, far below its queue. */
const together = 1_000
/** Charges of the catalogue have keys of their own, so that a second start repeats them instead of charging again. */
const scope = "catalogue"

/** Loads a catalogue. Answers a sentence for everything that exists with another definition, and was left as it is. */
export const loadCatalogue = async (shop: Shop, catalogue: Catalogue): Promise<ReadonlyArray<string>> => {
  const kept: Array<string> = []
  const unlessChanged = async (name: string, call: Promise<unknown>): Promise<void> => {
    try {
      await call
    } catch (error) {
      if (!isHoldfastError(error) || !definedOtherwise.has(error.code)) throw error
      kept.push(`${name} exists with another definition and was left as it is`)
    }
  }
  await each(catalogue.accounts, async ({ accountId, points }) => {
    const id = String(accountId)
    await unlessChanged(`account ${id}`, shop.points.open({ accountId: id }))
    if (points === 0) return
    await unlessChanged(`account ${id}`, shop.points.charge({ accountId: id, amount: points, key: id, scope }))
  })
  await each(catalogue.products, ({ productId, ...rest }) =>
    unlessChanged(`product ${productId}`, shop.stock.register({ productId: String(productId), ...rest })),
  )
  await each(catalogue.campaigns, ({ campaignId, ...rest }) =>
    unlessChanged(`campaign ${campaignId}`, shop.coupons.createCampaign({ campaignId: String(campaignId), ...rest })),
  )
  return kept
}

const definedOtherwise: ReadonlySet<string> = new Set([
  "ACCOUNT_ALREADY_EXISTS",
  "IDEMPOTENCY_KEY_REUSED",
  "PRODUCT_ALREADY_EXISTS",
  "CAMPAIGN_ALREADY_EXISTS",
])

const each = async <Item>(items: ReadonlyArray<Item>, load: (item: Item) => Promise<void>): Promise<void> => {
  for (let start = 0; start < items.length; start += together) {
    await Promise.all(items.slice(start, start + together).map(load))
  }
}
