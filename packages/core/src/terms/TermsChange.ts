/**
 * A change of terms: what an account, a campaign or a product said before and after it, and where it took effect.
 *
 * Terms change rarely, and `version` counts their changes from 1. Each change leaves one row behind, which is never changed.
 * Its `counter` is how far the owner had counted by then: entries, tickets or movements. So whatever counts on the owner (an
 * entry's `seq`, a coupon's `ticket`, a movement's `revision`) happened under these terms where its number is greater, and
 * under those before otherwise. What was registered, created or opened is no change: the record says it for good.
 */
import type { Campaign } from "../coupons/Campaign.ts"
import type { Account } from "../points/Account.ts"
import type { Product } from "../stock/Product.ts"
import type { CommandId } from "../values.ts"

/** The kinds of record whose terms have a history. */
export type TermsOwner = "account" | "campaign" | "product"

/** Those terms of a record that calls can change, by name. */
export type Terms = { readonly [term: string]: string | number | boolean }

export interface TermsChange {
  /** The owner's id. */
  readonly id: string
  readonly of: TermsOwner
  /** The owner's version from this change on. */
  readonly version: number
  /** How far the owner had counted when the change took effect. */
  readonly counter: number
  /** Undefined in the row that a migration left for an owner whose earlier changes nobody wrote down. */
  readonly before: Terms | undefined
  readonly after: Terms
  /** Undefined in such a row too. */
  readonly commandId: CommandId | undefined
  /** Milliseconds since 1970. In such a row no earlier than anything that was decided before it. */
  readonly at: number
}

/** What there is to know of an owner's terms. */
export interface TermsOf {
  readonly id: string
  readonly of: TermsOwner
  readonly version: number
  readonly counter: number
  /** The terms of version 1. */
  readonly first: Terms
  readonly current: Terms
}

/** Suspended and closed accounts are not charged and buy nothing. The limit of a balance is set once. */
export const termsOfAccount = ({ accountId, version, seq, state }: Account): TermsOf => ({
  id: accountId,
  of: "account",
  version,
  counter: seq,
  first: { state: "open" },
  current: { state },
})

/** The other terms of a campaign are set once. */
export const termsOfCampaign = ({ campaignId, version, issued, limit, state, created }: Campaign): TermsOf => ({
  id: campaignId,
  of: "campaign",
  version,
  counter: issued,
  first: { limit: created.limit, state: created.state },
  current: { limit, state },
})

export const termsOfProduct = ({
  productId,
  version,
  revision,
  name,
  price,
  retired,
  registered,
}: Product): TermsOf => ({
  id: productId,
  of: "product",
  version,
  counter: revision,
  first: { name: registered.name, price: registered.price, retired: false },
  current: { name, price, retired },
})
