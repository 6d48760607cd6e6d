/**
 * The small shop that a test begins with, given as data. What a test is about it sets up itself.
 */

export interface Furniture {
  /** The points of each account. */
  readonly accounts?: Readonly<Record<string, number>>
  /** Products and campaigns are named as their ids unless they have a name. */
  readonly products?: Readonly<Record<string, Product & { readonly name?: string }>>
  readonly campaigns?: Readonly<Record<string, Campaign & { readonly name?: string }>>
}

type Product = { readonly price: number; readonly onHand: number }
type Campaign = { readonly discount: Discount; readonly limit: number }
type Discount = { readonly type: "flat"; readonly amount: number } | { readonly type: "rate"; readonly percent: number }

type Call<Input> = (input: Readonly<Input>) => Promise<unknown>

/** As much of a shop as is furnished: its own type is core's, whose tests use this workspace. */
interface Furnishable {
  readonly points: {
    readonly open: Call<{ accountId: string }>
    readonly charge: Call<{ accountId: string; amount: number; key: string }>
  }
  readonly stock: { readonly register: Call<Product & { productId: string; name: string }> }
  readonly coupons: { readonly createCampaign: Call<Campaign & { campaignId: string; name: string }> }
}

/** Opens accounts that have points, registers products, makes campaigns: one sort after the other, each at once. */
export const furnish = async (
  { points, stock, coupons }: Furnishable,
  { accounts = {}, products = {}, campaigns = {} }: Furniture,
): Promise<void> => {
  await Promise.all(
    Object.entries(accounts).map(async ([accountId, amount]) => {
      await points.open({ accountId })
      if (amount > 0) await points.charge({ accountId, amount, key: `furnish-${accountId}` })
    }),
  )
  await Promise.all(
    Object.entries(products).map(([productId, product]) => stock.register({ productId, name: productId, ...product })),
  )
  await Promise.all(
    Object.entries(campaigns).map(([campaignId, campaign]) =>
      coupons.createCampaign({ campaignId, name: campaignId, ...campaign }),
    ),
  )
}

/** The same for each of some ids. */
export const each = <T>(ids: ReadonlyArray<string>, value: T): Readonly<Record<string, T>> =>
  Object.fromEntries(ids.map((id) => [id, value]))

/** `a0`, `a1`, … */
export const names = (prefix: string, count: number): ReadonlyArray<string> =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`)
