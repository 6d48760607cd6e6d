/**
 * What random callers ask of a shop, for suites that compare two of them: few accounts, products, campaigns and keys, so
 * that callers meet, repeat themselves, and ask what must be refused.
 */
import { Effect } from "effect"
import type { Command } from "../../decision/Command.ts"
import {
  changeLimitCall,
  createCampaignCall,
  issueCall,
  openCampaignCall,
  pauseCampaignCall,
  revokeCall,
} from "../../decision/couponCalls.ts"
import { cancelCall, completeCall, placeCall } from "../../decision/orderCalls.ts"
import {
  adjustPointsCall,
  chargeCall,
  closeCall,
  openCall,
  resumeCall,
  suspendCall,
} from "../../decision/pointsCalls.ts"
import { adjustStockCall, changePriceCall, registerCall, restockCall, retireCall } from "../../decision/stockCalls.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import { OrderId } from "../../values.ts"
import type { Draws } from "../sim/draws.ts"
import { type MakeCommand, testAt } from "./commands.ts"

/** Makes a command when its turn comes: a cancel needs the facts of an order that may not exist before. */
export type Ask = (
  make: MakeCommand,
  store: StoreShape,
  asked: ReadonlyArray<Command>,
) => Effect.Effect<Command, StoreFault>

type DrawAsk = (draws: Draws) => Ask

/** Draws what is asked next. */
export const drawAsk: DrawAsk = (draws) => draws.oneOf(everything)(draws)

const account = (draws: Draws) => draws.oneOf(["ada", "bob", "\u{1f600}"])
const product = (draws: Draws) => draws.oneOf(["tea", "cup", "\uff5e"])
const campaign = (draws: Draws) => draws.oneOf(["spring", "fall"])
const few = (draws: Draws) => draws.between(1, 6)
const some = (draws: Draws) => draws.between(1, 60)
/** Half of the commands have one of a few keys, so that repeats and reuses happen. */
const withKey = (draws: Draws) => (draws.chance(0.5) ? { key: draws.oneOf(["k1", "k2", "k3"]) } : {})
const time = (draws: Draws) => ({ at: testAt + draws.below(4) * 3_600_000, deadline: testAt + 99 * 3_600_000 })

const plain =
  (build: (make: MakeCommand) => Command): Ask =>
  (make) =>
    Effect.sync(() => build(make))

const opens: DrawAsk = (draws) => {
  const accountId = account(draws)
  return plain((make) => make(openCall, { accountId, balanceLimit: 200 }))
}
const changesState: DrawAsk = (draws) => {
  const accountId = account(draws)
  const call = draws.oneOf([suspendCall, resumeCall, resumeCall, closeCall])
  return plain((make) => make(call, { accountId }))
}
const charges: DrawAsk = (draws) => {
  const input = { accountId: account(draws), amount: some(draws), ...withKey(draws) }
  return plain((make) => make(chargeCall, input))
}
const adjustsPoints: DrawAsk = (draws) => {
  const input = { accountId: account(draws), change: draws.chance(0.5) ? some(draws) : -some(draws) }
  return plain((make) => make(adjustPointsCall, input))
}
const registers: DrawAsk = (draws) => {
  const input = { productId: product(draws), name: "P", price: few(draws), onHand: 3 }
  return plain((make) => make(registerCall, input))
}
const restocks: DrawAsk = (draws) => {
  const input = { productId: product(draws), quantity: few(draws), ...withKey(draws) }
  return plain((make) => make(restockCall, input))
}
const adjustsStock: DrawAsk = (draws) => {
  const input = { productId: product(draws), change: -few(draws) }
  return plain((make) => make(adjustStockCall, input))
}
const changesPrice: DrawAsk = (draws) => {
  const input = { productId: product(draws), price: few(draws) }
  return plain((make) => make(changePriceCall, input))
}
const retires: DrawAsk = (draws) => {
  const productId = product(draws)
  return plain((make) => make(retireCall, { productId }))
}
const createsCampaign: DrawAsk = (draws) => {
  const discount = { type: "rate", percent: 30 } as const
  const input = { campaignId: campaign(draws), name: "C", discount, limit: few(draws), validDays: 1 }
  return plain((make) => make(createCampaignCall, input))
}
const opensCampaign: DrawAsk = (draws) => {
  const campaignId = campaign(draws)
  const call = draws.oneOf([openCampaignCall, openCampaignCall, pauseCampaignCall])
  return plain((make) => make(call, { campaignId }))
}
const changesLimit: DrawAsk = (draws) => {
  const input = { campaignId: campaign(draws), limit: few(draws) }
  return plain((make) => make(changeLimitCall, input))
}
const issues: DrawAsk = (draws) => {
  const input = { campaignId: campaign(draws), accountId: account(draws), ...withKey(draws) }
  return plain((make) => make(issueCall, input))
}
const revokes: DrawAsk = (draws) => {
  const input = { campaignId: campaign(draws), accountId: account(draws) }
  return plain((make) => make(revokeCall, input))
}
const places: DrawAsk = (draws) => {
  const lines = Array.from({ length: draws.between(1, 3) }, () => ({
    productId: product(draws),
    quantity: few(draws),
  }))
  const coupon = draws.chance(0.5) ? { campaignId: campaign(draws) } : {}
  const input = { accountId: account(draws), lines, ...coupon, ...withKey(draws) }
  const options = time(draws)
  return plain((make) => make(placeCall, input, options))
}
/** Completes or cancels an order that was placed before, or none. */
const closesOrder: DrawAsk = (draws) => {
  const [nth, accountId] = [draws.real(), account(draws)]
  const [restock, completes] = [draws.chance(0.5), draws.chance(0.5)]
  return (make, store, asked) =>
    Effect.gen(function* () {
      const placed = asked.filter(({ operation }) => operation.name === placeCall.name)
      const orderId = OrderId.make(oneAt(placed, nth)?.id ?? "none")
      if (completes) return make(completeCall, { orderId })
      const facts = yield* store.reads.order(orderId)
      return make(cancelCall, { accountId: facts?.accountId ?? accountId, orderId, restock }, { request: { facts } })
    })
}
/** A caller who repeats itself: the engine makes it a new command of the same key. */
const repeats: DrawAsk = (draws) => {
  const nth = draws.real()
  return (make, _store, asked) =>
    Effect.sync(() => {
      const fresh = make(openCall, { accountId: "ada", balanceLimit: 200 })
      const again = oneAt(asked, nth)
      return again === undefined ? fresh : { ...again, id: fresh.id }
    })
}

/** The item that stands at a part of the list's length, 0 to 1. */
const oneAt = <T>(items: ReadonlyArray<T>, part: number): T | undefined => items[Math.floor(part * items.length)]

const often = (times: number, draw: DrawAsk): ReadonlyArray<DrawAsk> => Array.from({ length: times }, () => draw)

const everything: readonly [DrawAsk, ...ReadonlyArray<DrawAsk>] = [
  opens,
  changesState,
  ...often(3, charges),
  adjustsPoints,
  registers,
  ...often(2, restocks),
  adjustsStock,
  changesPrice,
  retires,
  createsCampaign,
  opensCampaign,
  changesLimit,
  ...often(3, issues),
  revokes,
  ...often(5, places),
  ...often(3, closesOrder),
  ...often(4, repeats),
]
