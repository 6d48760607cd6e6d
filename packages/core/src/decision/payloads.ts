/**
 * The one table of everything that happens: what the event of each type says in its `data`.
 *
 * The types of events and the events page of the docs come from here. What is written stays readable: a payload of version 1
 * may get more fields that are optional, and nothing else; a test holds it to what was written on its first day. Times are
 * milliseconds since 1970, and what is undefined is left out.
 */
import { Schema } from "effect"
import { Discount } from "../coupons/Discount.ts"
import type { EventData, EventType } from "../events/Event.ts"
import { AccountId, Amount, CampaignId, OrderId, Price, ProductId, Quantity } from "../values.ts"

interface PayloadRow<Fields extends Schema.Struct.Fields> {
  /** One sentence for the docs: what has happened. */
  readonly when: string
  readonly fields: Fields
}

const row = <const Fields extends Schema.Struct.Fields>(when: string, fields: Fields): PayloadRow<Fields> => ({
  when,
  fields,
})

// Every row is written out: a field that came by a spread would lose its comment in the declarations that hosts get.
const Line = Schema.Struct({
  /** `<orderId>-<n>`, n from 1 in the order of product ids. */
  lineId: Schema.String,
  /** The product. */
  productId: ProductId,
  /** The product's name when the order was placed. */
  name: Schema.String,
  /** The price of one unit when the order was placed. */
  unitPrice: Price,
  /** The units. */
  quantity: Quantity,
  /** This line's share of the order's discount. */
  discount: Amount,
  /** This line's share of the points that were spent. */
  paid: Amount,
})

export const eventPayloads = {
  "points.opened": row("An account was opened.", {
    /** The account. */
    accountId: AccountId,
    /** The most that it may hold. */
    balanceLimit: Amount,
  }),
  "points.suspended": row("An account was suspended.", {
    /** The account. */
    accountId: AccountId,
  }),
  "points.resumed": row("A suspended account is open again.", {
    /** The account. */
    accountId: AccountId,
  }),
  "points.closed": row("An account was closed for good.", {
    /** The account. */
    accountId: AccountId,
  }),
  "points.charged": row("Points were charged to an account.", {
    /** The account. */
    accountId: AccountId,
    /** The points charged. */
    amount: Amount,
    /** The balance right after. */
    balance: Amount,
    /** The entry's place in the account's ledger: 1, 2, 3 … without gaps. */
    seq: Schema.Number,
  }),
  "points.adjusted": row("The host corrected a balance.", {
    /** The account. */
    accountId: AccountId,
    /** Up or down. */
    change: Schema.Number,
    /** The balance right after. */
    balance: Amount,
    /** The entry's place in the account's ledger: 1, 2, 3 … without gaps. */
    seq: Schema.Number,
    /** What the host gave as the reason. */
    reason: Schema.optional(Schema.String),
  }),
  "stock.registered": row("A product was registered.", {
    /** The product. */
    productId: ProductId,
    /** What it is called. */
    name: Schema.String,
    /** The price of one unit. */
    price: Price,
    /** The units that it was registered with. */
    onHand: Quantity,
  }),
  "stock.restocked": row("Units of a product arrived.", {
    /** The product. */
    productId: ProductId,
    /** The units that arrived. */
    quantity: Quantity,
  }),
  "stock.adjusted": row("The host corrected the units of a product.", {
    /** The product. */
    productId: ProductId,
    /** Up or down. */
    change: Schema.Number,
    /** What the host gave as the reason. */
    reason: Schema.optional(Schema.String),
  }),
  "stock.priceChanged": row("The price of a product changed.", {
    /** The product. */
    productId: ProductId,
    /** The price from now on. */
    price: Price,
    /** The price until now. */
    previousPrice: Price,
  }),
  "stock.renamed": row("The name of a product changed.", {
    /** The product. */
    productId: ProductId,
    /** The name from now on. */
    name: Schema.String,
    /** The name until now. */
    previousName: Schema.String,
  }),
  "stock.retired": row("A product is no longer sold.", {
    /** The product. */
    productId: ProductId,
  }),
  "coupons.campaignCreated": row("A campaign was created.", {
    /** The campaign. */
    campaignId: CampaignId,
    /** What it is called. */
    name: Schema.String,
    /** What its coupons take off. */
    discount: Discount,
    /** The most coupons that it issues. */
    limit: Quantity,
    /** It issues from this moment on. */
    opensAt: Schema.optional(Schema.Number),
    /** It issues until before this moment. */
    closesAt: Schema.optional(Schema.Number),
    /** Whole days that a coupon is valid after its issue. */
    validDays: Schema.Number,
    /** Whether it issues at once. */
    state: Schema.Literals(["open", "paused"]),
  }),
  "coupons.campaignOpened": row("A paused campaign issues again.", {
    /** The campaign. */
    campaignId: CampaignId,
  }),
  "coupons.campaignPaused": row("A campaign stopped issuing until it is opened again.", {
    /** The campaign. */
    campaignId: CampaignId,
  }),
  "coupons.campaignClosed": row("A campaign stopped issuing for good.", {
    /** The campaign. */
    campaignId: CampaignId,
  }),
  "coupons.limitChanged": row("The number of coupons that a campaign issues changed.", {
    /** The campaign. */
    campaignId: CampaignId,
    /** The limit from now on. */
    limit: Quantity,
    /** The limit until now. */
    previousLimit: Quantity,
  }),
  "coupons.issued": row("An account got its coupon of a campaign.", {
    /** The campaign. */
    campaignId: CampaignId,
    /** The account. */
    accountId: AccountId,
    /** 1 … limit in the order of acceptance. */
    ticket: Schema.Number,
    /** What it takes off, as it was at issue. */
    discount: Discount,
    /** When the claim was admitted. */
    issuedAt: Schema.Number,
    /** Usable until before this moment. */
    expiresAt: Schema.Number,
  }),
  "coupons.revoked": row("A coupon was taken away for good.", {
    /** The campaign. */
    campaignId: CampaignId,
    /** The account. */
    accountId: AccountId,
    /** The coupon's ordinal, which is not given again. */
    ticket: Schema.Number,
  }),
  "orders.placed": row("An order was placed and paid.", {
    /** The order. */
    orderId: OrderId,
    /** The buyer. */
    accountId: AccountId,
    /** The points that were spent on it. */
    paid: Amount,
    /** One line per product, sorted by product id. */
    lines: Schema.Array(Line),
    /** Σ unit price × quantity. */
    total: Amount,
    /** What the coupon took off. */
    discount: Amount,
    /** The campaign whose coupon was redeemed. */
    campaignId: Schema.optional(CampaignId),
    /** The host's own name for it. */
    reference: Schema.optional(Schema.String),
  }),
  "orders.completed": row("An order was completed: it can no longer be cancelled.", {
    /** The order. */
    orderId: OrderId,
    /** The buyer. */
    accountId: AccountId,
    /** The points that were spent on it. */
    paid: Amount,
  }),
  "orders.cancelled": row("An order was cancelled: its points and its coupon were given back.", {
    /** The order. */
    orderId: OrderId,
    /** The buyer. */
    accountId: AccountId,
    /** The points that were spent on it. */
    paid: Amount,
    /** Whether its units were given back too. */
    restocked: Schema.Boolean,
  }),
} as const satisfies { readonly [Type in EventType]: PayloadRow<Schema.Struct.Fields> }

/** What an event of a type says. */
export type EventPayload<Type extends EventType = EventType> = {
  readonly [Each in Type]: Schema.Struct.Type<(typeof eventPayloads)[Each]["fields"]>
}[Type]

/** The same as the rules write it. */
export type Payload<Type extends EventType> = EventPayload<Type> & EventData
