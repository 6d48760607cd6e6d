/**
 * What a change of terms makes durable: the record, and the row of its history.
 *
 * The row says how far the record had counted, so the change commits only where that is still so: its guard is exact. Whoever
 * sells, issues or charges relies on the terms alone, writes nothing for the history, and is compared with it afterwards.
 */
import type { Campaign } from "../coupons/Campaign.ts"
import type { Account } from "../points/Account.ts"
import type { Product } from "../stock/Product.ts"
import {
  type TermsChange,
  type TermsOf,
  termsOfAccount,
  termsOfCampaign,
  termsOfProduct,
} from "../terms/TermsChange.ts"
import type { Cause } from "../values.ts"
import type { Changes } from "./Changes.ts"

export const accountChanged = (before: Account, after: Account, cause: Cause): Changes => ({
  records: { account: [after], terms: [changeOf(termsOfAccount(before), termsOfAccount(after), cause)] },
  exact: "account",
})

export const campaignChanged = (before: Campaign, after: Campaign, cause: Cause): Changes => ({
  records: { campaign: [after], terms: [changeOf(termsOfCampaign(before), termsOfCampaign(after), cause)] },
  exact: "campaign",
})

export const productChanged = (before: Product, after: Product, cause: Cause): Changes => ({
  records: { product: [after], terms: [changeOf(termsOfProduct(before), termsOfProduct(after), cause)] },
  exact: "product",
})

const changeOf = (before: TermsOf, after: TermsOf, cause: Cause): TermsChange => ({
  id: after.id,
  of: after.of,
  version: after.version,
  counter: before.counter,
  before: before.current,
  after: after.current,
  commandId: cause.id,
  at: cause.at,
})
