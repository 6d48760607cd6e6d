/**
 * A shop in arrays: commands are decided by the real fold and kept in the plainest way there is, so that a test can
 * then break what is kept. It is the audit's source, and deliberately none of the stores.
 */
import { Effect } from "effect"
import type { AuditSource } from "../../../src/audit/walk.ts"
import type { ChangeSet } from "../../../src/decision/Changes.ts"
import type { Command, Decision } from "../../../src/decision/Command.ts"
import type { Call, InputSchema } from "../../../src/decision/call.ts"
import { createCampaignCall, issueCall, revokeCall } from "../../../src/decision/couponCalls.ts"
import { fold } from "../../../src/decision/fold.ts"
import {
  type KindName,
  kindNames,
  kinds,
  type LedgerName,
  ledgers,
  type RecordOf,
  type RowOf,
} from "../../../src/decision/kinds.ts"
import { cancelCall, completeCall, placeCall } from "../../../src/decision/orderCalls.ts"
import { adjustPointsCall, chargeCall, closeCall, openCall, suspendCall } from "../../../src/decision/pointsCalls.ts"
import type { Records } from "../../../src/decision/Records.ts"
import { adjustStockCall, registerCall, renameCall, restockCall, retireCall } from "../../../src/decision/stockCalls.ts"
import type { Refusal } from "../../../src/refusals.ts"
import { type CommandOptions, commandMaker, type Typed, testAt } from "../../../src/testing/suites/commands.ts"
import { compareKeys, type Key, keyText } from "../../../src/values.ts"

/** The rows of one kind or log, sorted when they are read. */
class Drawer<R> {
  readonly #keyOf: (row: R) => Key
  #rows: Array<R> = []
  #byKey = new Map<string, R>()
  #sorted = true

  constructor(keyOf: (row: R) => Key) {
    this.#keyOf = keyOf
  }

  get(...key: Key): R | undefined {
    return this.#byKey.get(keyText(key))
  }

  all(): ReadonlyArray<R> {
    return this.#rows
  }

  /** Inserts a row or puts it in the place of the one with its key. */
  put(row: R): void {
    const name = keyText(this.#keyOf(row))
    const before = this.#byKey.get(name)
    if (before === undefined) this.add(row)
    else {
      this.#rows[this.#rows.indexOf(before)] = row
      this.#byKey.set(name, row)
    }
  }

  /** Adds a row even where there is one with its key. */
  add(row: R): void {
    this.#rows.push(row)
    this.#byKey.set(keyText(this.#keyOf(row)), row)
    this.#sorted = false
  }

  /** Changes one row in place, which must exist. */
  alter(key: Key, change: (row: R) => Partial<R>): void {
    const row = this.take(key)
    this.add({ ...row, ...change(row) })
  }

  /** Takes one row away, which must exist. */
  take(key: Key): R {
    const row = this.get(...key)
    if (row === undefined) throw new Error(`there is no ${keyText(key)}`)
    this.#rows.splice(this.#rows.indexOf(row), 1)
    this.#byKey.delete(keyText(key))
    return row
  }

  page(after: Key | undefined, limit: number): ReadonlyArray<R> {
    if (!this.#sorted) this.#rows.sort((left, right) => compareKeys(this.#keyOf(left), this.#keyOf(right)))
    this.#sorted = true
    if (after === undefined) return this.#rows.slice(0, limit)
    let [low, high] = [0, this.#rows.length]
    while (low < high) {
      const middle = (low + high) >> 1
      const row = this.#rows[middle]
      if (row !== undefined && compareKeys(this.#keyOf(row), after) <= 0) low = middle + 1
      else high = middle
    }
    return this.#rows.slice(low, low + limit)
  }
}

export class Shop implements AuditSource<never> {
  readonly records = Object.fromEntries(kindNames.map((kind) => [kind, new Drawer(kinds[kind].keyOf as never)])) as {
    readonly [K in KindName]: Drawer<RecordOf[K]>
  }
  readonly rows: { readonly [L in LedgerName]: Drawer<RowOf[L]> } = {
    entry: new Drawer<RowOf["entry"]>(ledgers.entry.keyOf),
    movement: new Drawer<RowOf["movement"]>(ledgers.movement.keyOf),
  }
  /** Called before each page is read: what it commits is in the page. */
  beforePage: (name: KindName | LedgerName) => void = () => undefined
  /** How many pages were read, by kind. */
  readonly pages = new Map<string, number>()
  /** The admission time of the next command. */
  now = testAt
  readonly #make = commandMaker()

  scan: AuditSource<never>["scan"] = (kind, after, limit) => this.#page(kind, this.records[kind], after, limit)
  scanLog: AuditSource<never>["scanLog"] = (log, after, limit) => this.#page(log, this.rows[log], after, limit)

  #page<R>(name: KindName | LedgerName, drawer: Drawer<R>, after: Key | undefined, limit: number) {
    return Effect.sync(() => {
      this.beforePage(name)
      this.pages.set(name, (this.pages.get(name) ?? 0) + 1)
      return drawer.page(after, limit)
    })
  }

  /** Runs one command, a minute after the one before, and answers how it was decided. */
  try<S extends InputSchema, Request, Answer, R extends Refusal>(
    call: Call<S, Request, Answer, R>,
    input: Typed<S>,
    options: CommandOptions<Request> = {},
  ): Decision {
    const { at = this.now } = options
    const command = this.#make(call, input, { ...options, at })
    this.now = Math.max(this.now, at) + 60_000
    const [decision] = this.commit([command])
    if (decision === undefined) throw new Error("a command without a decision")
    return decision
  }

  /** Runs one command that must be accepted. */
  do<S extends InputSchema, Request, Answer, R extends Refusal>(
    call: Call<S, Request, Answer, R>,
    input: Typed<S>,
    options: CommandOptions<Request> = {},
  ): void {
    const decision = this.try(call, input, options)
    if (decision._tag !== "Accepted") throw new Error(`${call.name}: ${JSON.stringify(decision)}`)
  }

  /** Runs commands of one call as one batch, all of which must be accepted. */
  batch<S extends InputSchema, Request, Answer, R extends Refusal>(
    call: Call<S, Request, Answer, R>,
    inputs: ReadonlyArray<Typed<S>>,
  ): void {
    const decisions = this.commit(inputs.map((input) => this.#make(call, input, { at: this.now })))
    this.now += 60_000
    const other = decisions.find(({ _tag }) => _tag !== "Accepted")
    if (other !== undefined) throw new Error(`${call.name}: ${JSON.stringify(other)}`)
  }

  cancel(
    orderId: string,
    { restock = true, ...options }: { restock?: boolean; id?: string; at?: number } = {},
  ): Decision {
    const facts = this.records.order.get(orderId)
    const input = { accountId: facts?.accountId ?? "nobody", orderId, restock }
    return this.try(cancelCall, input, { ...options, request: { facts } })
  }

  commit(commands: ReadonlyArray<Command>): ReadonlyArray<Decision> {
    const { answer, changes } = fold(commands, this.#view, commands[0]?.at ?? this.now)
    if (changes !== undefined) this.#apply(changes)
    return answer
  }

  #apply({ puts, appends }: ChangeSet): void {
    const put = <K extends KindName>(kind: K) => {
      for (const { after } of puts[kind]) this.records[kind].put(after)
    }
    kindNames.forEach(put)
    for (const entry of appends.entry) this.rows.entry.add(entry)
    for (const movement of appends.movement) this.rows.movement.add(movement)
  }

  readonly #view: Records = {
    account: (accountId) => this.records.account.get(accountId),
    product: (productId) => this.records.product.get(productId),
    campaign: (campaignId) => this.records.campaign.get(campaignId),
    order: (orderId) => this.records.order.get(orderId),
    coupon: (campaignId, accountId) => this.records.coupon.get(campaignId, accountId),
    bucket: (productId, hour) => this.records.bucket.get(productId, hour),
    position: (log, partition) => this.records.position.get(log, partition),
    terms: (id, of, version) => this.records.terms.get(id, of, version),
    verdict: (requestId) => this.records.verdict.get(requestId),
    receipt: (scope, operation, key) => this.records.receipt.get(scope, operation, key),
  }
}

/**
 * A small shop in which everything happened once: accounts `ada` and `bob` opened on purpose, `cem` by a first charge,
 * products `pen` and `pot`, campaigns `half` (used up, revoked, restored) and `free`, orders that are live, completed,
 * cancelled with and without their units, and free of charge.
 */
export const healthyShop = (): Shop => {
  const shop = new Shop()
  const opens = { settings: { accounts: "open-on-first-charge" } } as const
  shop.do(openCall, { accountId: "ada" })
  shop.do(openCall, { accountId: "bob" })
  shop.do(openCall, { accountId: "dot" })
  shop.do(chargeCall, { accountId: "ada", amount: 10_000 }, { id: "charge-ada-1" })
  shop.do(chargeCall, { accountId: "bob", amount: 5_000 }, { id: "charge-bob-1" })
  shop.do(chargeCall, { accountId: "cem", amount: 700 }, { id: "charge-cem-1", ...opens })
  shop.do(chargeCall, { accountId: "ada", amount: 500 }, { id: "charge-ada-2" })
  shop.do(adjustPointsCall, { accountId: "ada", change: -100 }, { id: "adjust-ada-3" })
  shop.do(closeCall, { accountId: "dot" })
  shop.do(registerCall, { productId: "pen", name: "Pen", price: 100, onHand: 50 }, { id: "register-pen" })
  shop.do(registerCall, { productId: "pot", name: "Pot", price: 333 })
  shop.do(restockCall, { productId: "pot", quantity: 20 }, { id: "restock-pot" })
  shop.do(adjustStockCall, { productId: "pot", change: -2 }, { id: "adjust-pot" })
  shop.do(renameCall, { productId: "pot", name: "Big pot" })
  const half = { type: "rate", percent: 50 } as const
  shop.do(createCampaignCall, { campaignId: "half", name: "Half", discount: half, limit: 3 })
  const flat = { type: "flat", amount: 1_000 } as const
  shop.do(createCampaignCall, {
    campaignId: "free",
    name: "Free",
    discount: flat,
    limit: 10,
    opensAt: new Date(testAt),
  })
  for (const accountId of ["ada", "bob", "cem"]) {
    shop.do(issueCall, { campaignId: "half", accountId }, { id: `issue-half-${accountId}` })
  }
  for (const accountId of ["cem", "ada", "bob"]) {
    shop.do(issueCall, { campaignId: "free", accountId }, { id: `issue-free-${accountId}` })
  }
  const lines = [
    { productId: "pot", quantity: 3 },
    { productId: "pen", quantity: 2 },
  ]
  shop.do(placeCall, { accountId: "ada", lines, campaignId: "half" }, { id: "order-1" })
  shop.do(placeCall, { accountId: "bob", lines }, { id: "order-2" })
  shop.do(placeCall, { accountId: "bob", lines, campaignId: "half" }, { id: "order-3" })
  shop.cancel("order-3", { id: "cancel-3" })
  shop.do(placeCall, { accountId: "bob", lines, campaignId: "half" }, { id: "order-4" })
  shop.do(revokeCall, { campaignId: "half", accountId: "bob" })
  shop.do(
    placeCall,
    { accountId: "cem", lines: [{ productId: "pen", quantity: 4 }], campaignId: "free" },
    { id: "order-5" },
  )
  shop.do(completeCall, { orderId: "order-5" }, { id: "complete-5" })
  shop.do(placeCall, { accountId: "ada", lines, campaignId: "free" }, { id: "order-6" })
  shop.do(revokeCall, { campaignId: "free", accountId: "ada" })
  shop.cancel("order-6", { id: "cancel-6", restock: false })
  shop.do(revokeCall, { campaignId: "half", accountId: "cem" }, { id: "revoke-half-cem" })
  shop.do(suspendCall, { accountId: "bob" })
  shop.do(
    placeCall,
    { accountId: "ada", lines: [{ productId: "pen", quantity: 1 }] },
    { id: "order-7", at: testAt + 7_200_000 },
  )
  shop.do(retireCall, { productId: "pot" })
  return shop
}
