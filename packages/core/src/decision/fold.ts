/**
 * The fold: decides the commands of a batch one after the other, each seeing what the ones before it changed.
 *
 * The result is exactly what deciding them one by one would have given, as one union of changes for one commit. A
 * refused command changes nothing, and a rule that throws is its own command's defect: neither touches its neighbours.
 */
import type { Campaign } from "../coupons/Campaign.ts"
import type { Coupon } from "../coupons/Coupon.ts"
import type { Event } from "../events/Event.ts"
import type { Order } from "../orders/Order.ts"
import type { Account, PointEntry } from "../points/Account.ts"
import type { SalesBucket } from "../popularity/SalesBucket.ts"
import type { Product, StockMovement } from "../stock/Product.ts"
import { type Key, keyText } from "../values.ts"
import type { ChangeSet, Put } from "./Changes.ts"
import type { Command, Decision } from "./Command.ts"
import { decide } from "./decide.ts"
import type { KindName } from "./kinds.ts"
import type { Receipt } from "./Receipt.ts"
import { type Keys, keysOf, type Records } from "./Records.ts"

/** What a store gets back from a decision. */
export interface Decided<A> {
  /** The last call's answer counts. */
  readonly answer: A
  /** What to make durable; undefined where there is nothing to commit. */
  readonly changes: ChangeSet | undefined
  /**
   * True where every command was accepted: then the guards of the changes verify all that the answer rests on, and a store
   * may decide on records that it did not read for this call. Anything else has to be decided on records of its own time.
   */
  readonly onlyAccepts?: boolean | undefined
  /**
   * For a store that decided on an unlocked read: the refusals that saw a record which this batch changes, to decide
   * again under locks after its commit. Undefined where every answer is final. Its answer covers the whole batch.
   */
  readonly again: () => Again<A> | undefined
}

export interface Again<A> {
  readonly keys: Keys
  readonly decide: (records: Records) => Decided<A>
}

/** The records that a batch of commands needs. */
export const keysOfCommands = (commands: ReadonlyArray<Command>): Keys =>
  keysOf((add) => {
    for (const command of commands) {
      command.operation.keys(command.request, add, command.at)
      add("receipt", [command.scope, command.operation.name, command.key])
    }
  })

/** Decides a batch against current records. Pure; `now` is compared with the commands' deadlines. */
export const fold = (
  commands: ReadonlyArray<Command>,
  records: Records,
  now: number,
): Decided<ReadonlyArray<Decision>> => {
  const view = new Overlay(records)
  const decisions: Array<Decision> = []
  let accepted = 0
  let refused = 0
  for (const command of commands) {
    const decision = decideSafely(view, command, now)
    if (decision._tag === "Accepted") {
      view.apply(decision)
      accepted++
    } else if (decision._tag === "Refused") refused++
    decisions.push(decision)
  }
  return {
    answer: decisions,
    changes: accepted === 0 ? undefined : view.changeSet(),
    onlyAccepts: accepted === commands.length,
    again: () => (accepted === 0 || refused === 0 ? undefined : againOf(commands, decisions, view, now)),
  }
}

// A defect must not fail the other commands of the batch, so this is the one place where a throw is caught.
const decideSafely = (records: Records, command: Command, now: number): Decision => {
  try {
    return decide(records, command, now)
  } catch (defect) {
    return { _tag: "Defective", defect }
  }
}

const againOf = (
  commands: ReadonlyArray<Command>,
  decisions: ReadonlyArray<Decision>,
  view: Overlay,
  now: number,
): Again<ReadonlyArray<Decision>> | undefined => {
  const uncertain = commands.flatMap((command, index) =>
    decisions[index]?._tag === "Refused" && touches(command, view) ? [{ command, index }] : [],
  )
  if (uncertain.length === 0) return undefined
  const again = uncertain.map(({ command }) => command)
  return {
    keys: keysOfCommands(again),
    decide: (records) => {
      const { answer, changes } = fold(again, records, now)
      const merged = Array.from(decisions)
      uncertain.forEach(({ index }, position) => {
        const decision = answer[position]
        if (decision !== undefined) merged[index] = decision
      })
      return { answer: merged, changes, again: () => undefined }
    },
  }
}

const touches = (command: Command, view: Overlay): boolean => {
  let touched = false
  command.operation.keys(
    command.request,
    (kind, key) => {
      touched ||= view.hasChanged(kind, key)
    },
    command.at,
  )
  return touched
}

interface OpenPut<R> {
  readonly before: R | undefined
  after: R
  guard: "exact" | "relative"
}

/** The records as the commands so far left them. */
class Overlay implements Records {
  readonly #base: Records
  readonly #accounts = new Map<string, OpenPut<Account>>()
  readonly #coupons = new Map<string, OpenPut<Coupon>>()
  readonly #campaigns = new Map<string, OpenPut<Campaign>>()
  readonly #orders = new Map<string, OpenPut<Order>>()
  readonly #products = new Map<string, OpenPut<Product>>()
  readonly #buckets = new Map<string, OpenPut<SalesBucket>>()
  readonly #receipts = new Map<string, Array<Receipt>>()
  readonly #receiptPuts: Array<Put<Receipt>> = []
  readonly #entries: Array<PointEntry> = []
  readonly #movements: Array<StockMovement> = []
  readonly #events: Array<Event> = []

  constructor(base: Records) {
    this.#base = base
  }

  account: Records["account"] = (accountId) => this.#accounts.get(accountId)?.after ?? this.#base.account(accountId)
  campaign: Records["campaign"] = (campaignId) =>
    this.#campaigns.get(campaignId)?.after ?? this.#base.campaign(campaignId)
  order: Records["order"] = (orderId) => this.#orders.get(orderId)?.after ?? this.#base.order(orderId)
  product: Records["product"] = (productId) => this.#products.get(productId)?.after ?? this.#base.product(productId)
  coupon: Records["coupon"] = (campaignId, accountId) =>
    this.#coupons.get(keyText([campaignId, accountId]))?.after ?? this.#base.coupon(campaignId, accountId)
  bucket: Records["bucket"] = (productId, hour) =>
    this.#buckets.get(keyText([productId, hour]))?.after ?? this.#base.bucket(productId, hour)
  receipt: Records["receipt"] = (scope, operation, key) =>
    this.#receipts.get(key)?.find((receipt) => receipt.scope === scope && receipt.operation === operation) ??
    this.#base.receipt(scope, operation, key)

  apply({ changes, receipt, event }: Extract<Decision, { readonly _tag: "Accepted" }>): void {
    const { account, coupon, campaign, order, products, buckets, entry, movements, exact } = changes
    const base = this.#base
    if (account !== undefined) {
      const { accountId } = account
      put(this.#accounts, accountId, base.account(accountId), account, exact === "account")
    }
    if (coupon !== undefined) {
      const { campaignId, accountId } = coupon
      put(this.#coupons, keyText([campaignId, accountId]), base.coupon(campaignId, accountId), coupon, false)
    }
    if (campaign !== undefined) {
      const { campaignId } = campaign
      put(this.#campaigns, campaignId, base.campaign(campaignId), campaign, exact === "campaign")
    }
    if (order !== undefined) {
      // The id of a new order is its command's own, so there is nothing to look up.
      const before = order.version === 1 ? undefined : base.order(order.orderId)
      put(this.#orders, order.orderId, before, order, false)
    }
    if (products !== undefined) {
      for (const product of products) {
        put(this.#products, product.productId, base.product(product.productId), product, false)
      }
    }
    if (buckets !== undefined) {
      for (const bucket of buckets) {
        const { productId, hour } = bucket
        put(this.#buckets, keyText([productId, hour]), base.bucket(productId, hour), bucket, false)
      }
    }
    if (entry !== undefined) this.#entries.push(entry)
    if (movements !== undefined) for (const movement of movements) this.#movements.push(movement)
    this.#events.push(event)
    this.#receiptPuts.push({ before: undefined, after: receipt, guard: "exact" })
    const sameKey = this.#receipts.get(receipt.key)
    if (sameKey === undefined) this.#receipts.set(receipt.key, [receipt])
    else sameKey.push(receipt)
  }

  changeSet(): ChangeSet {
    return {
      puts: {
        account: Array.from(this.#accounts.values()),
        coupon: Array.from(this.#coupons.values()),
        campaign: Array.from(this.#campaigns.values()),
        order: Array.from(this.#orders.values()),
        product: Array.from(this.#products.values()),
        bucket: Array.from(this.#buckets.values()),
        receipt: this.#receiptPuts,
      },
      appends: { entry: this.#entries, movement: this.#movements, event: this.#events },
    }
  }

  hasChanged(kind: KindName, key: Key): boolean {
    const change = this.#puts(kind)?.get(keyText(key))
    return change !== undefined && change.after !== change.before
  }

  #puts(kind: KindName): ReadonlyMap<string, Put<unknown>> | undefined {
    switch (kind) {
      case "account":
        return this.#accounts
      case "coupon":
        return this.#coupons
      case "campaign":
        return this.#campaigns
      case "order":
        return this.#orders
      case "product":
        return this.#products
      case "bucket":
        return this.#buckets
      case "receipt":
        return undefined
    }
  }
}

const put = <R>(puts: Map<string, OpenPut<R>>, key: string, before: R | undefined, after: R, exact: boolean): void => {
  const earlier = puts.get(key)
  if (earlier === undefined) puts.set(key, { before, after, guard: exact ? "exact" : "relative" })
  else {
    earlier.after = after
    if (exact) earlier.guard = "exact"
  }
}
