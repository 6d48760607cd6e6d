/**
 * The words that plans are written in: calls with short names, steps, clients.
 */
import type { Draws } from "../sim/draws.ts"
import type { PlannedCall, Step } from "../trial/Plan.ts"

export const call = (name: string, input: PlannedCall["input"], key?: string): PlannedCall =>
  key === undefined ? { call: name, input } : { call: name, input, key }

export const open = (accountId: string): PlannedCall => call("points.open", { accountId })
export const charge = (accountId: string, amount: number, key?: string): PlannedCall =>
  call("points.charge", { accountId, amount }, key)
export const register = (productId: string, price: number, onHand: number): PlannedCall =>
  call("stock.register", { productId, name: productId, price, onHand })
export const campaign = (
  campaignId: string,
  limit: number,
  discount: object = { type: "flat", amount: 1 },
): PlannedCall => call("coupons.createCampaign", { campaignId, name: campaignId, discount, limit })
export const issue = (accountId: string, key?: string): PlannedCall =>
  call("coupons.issue", { campaignId: "sale", accountId }, key)
export const place = (
  accountId: string,
  lines: ReadonlyArray<readonly [product: string, quantity: number]>,
  options: { readonly coupon?: boolean; readonly key?: string } = {},
): PlannedCall =>
  call(
    "orders.place",
    {
      accountId,
      lines: lines.map(([productId, quantity]) => ({ productId, quantity })),
      ...(options.coupon === true ? { campaignId: "sale" } : {}),
    },
    options.key,
  )
export const restock = (productId: string, quantity: number): PlannedCall =>
  call("stock.restock", { productId, quantity })
export const cancel = (accountId: string, order: string, key?: string): PlannedCall => ({
  ...call("orders.cancel", { accountId }, key),
  order,
})

export const steps = (draws: Draws, least: number, most: number, step: (index: number) => Step): ReadonlyArray<Step> =>
  Array.from({ length: draws.between(least, most) }, (_, index) => step(index))

export const clients = (draws: Draws, least: number, most: number, of: (client: number) => ReadonlyArray<Step>) =>
  Array.from({ length: draws.between(least, most) }, (_, client) => of(client))

export const one = (planned: PlannedCall): Step => ({ do: "call", calls: [planned] })
export const batch = (...calls: ReadonlyArray<PlannedCall>): Step => ({ do: "call", calls })

export const atStore = { way: "store", faults: [] } as const
