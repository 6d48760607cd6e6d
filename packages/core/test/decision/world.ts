/**
 * A world of records without a store: commands are decided by the real fold and their changes are put into maps. No
 * effect runs here.
 */

import type { ChangeSet } from "../../src/decision/Changes.ts"
import type { Command, Decision } from "../../src/decision/Command.ts"
import type { Call, InputSchema } from "../../src/decision/call.ts"
import { createCampaignCall, issueCall } from "../../src/decision/couponCalls.ts"
import { fold } from "../../src/decision/fold.ts"
import { type KindName, kindNames, kinds, type RecordOf } from "../../src/decision/kinds.ts"
import { cancelCall, placeCall } from "../../src/decision/orderCalls.ts"
import { chargeCall, openCall } from "../../src/decision/pointsCalls.ts"
import { type Loaded, type Records, recordsOf } from "../../src/decision/Records.ts"
import { registerCall } from "../../src/decision/stockCalls.ts"
import type { Order } from "../../src/orders/Order.ts"
import type { PointEntry } from "../../src/points/Account.ts"
import type { Refusal } from "../../src/refusals.ts"
import type { StockMovement } from "../../src/stock/Product.ts"
import { type CommandOptions, commandMaker, type Typed, testAt } from "../../src/testing/suites/commands.ts"
import { type Key, keyText, type OrderId } from "../../src/values.ts"

export class World {
  readonly make = commandMaker()
  readonly #kinds = new Map<KindName, Map<string, unknown>>(kindNames.map((kind) => [kind, new Map()]))
  readonly entries: Array<PointEntry> = []
  readonly movements: Array<StockMovement> = []
  readonly events: Array<ChangeSet["appends"]["event"][number]> = []

  /** Decides commands as one batch and keeps what they change. */
  batch(commands: ReadonlyArray<Command>, now = testAt): ReadonlyArray<Decision> {
    const { answer, changes } = fold(commands, this.records, now)
    if (changes !== undefined) this.#apply(changes)
    return answer
  }

  /** Decides one command. */
  decide(command: Command, now = testAt): Decision {
    const [decision] = this.batch([command], now)
    if (decision === undefined) throw new Error("The fold answered nothing.")
    return decision
  }

  /** Makes a command of a call and decides it. */
  call<S extends InputSchema, Request, Answer, R extends Refusal>(
    call: Call<S, Request, Answer, R>,
    input: Typed<S>,
    options?: CommandOptions<Request>,
  ): Decision {
    return this.decide(this.make(call, input, options))
  }

  get records(): Records {
    return recordsOf(this.loaded)
  }

  get loaded(): Loaded {
    const loaded: object = Object.fromEntries(
      Array.from(this.#kinds, ([kind, records]) => [kind, Array.from(records.values())]),
    )
    return loaded as Loaded
  }

  get<K extends KindName>(kind: K, ...key: Key): RecordOf[K] | undefined {
    return this.#kinds.get(kind)?.get(keyText(key)) as RecordOf[K] | undefined
  }

  /** Changes a record in place, to bring it where no sequence of calls would soon get it. */
  alter<K extends KindName>(kind: K, key: Key, change: Partial<RecordOf[K]>): void {
    const record = this.get(kind, ...key)
    if (record === undefined) throw new Error(`There is no ${kind} ${keyText(key)}.`)
    this.#kinds.get(kind)?.set(keyText(key), { ...record, ...change })
  }

  /** Puts a record there. */
  put<K extends KindName>(kind: K, record: RecordOf[K]): void {
    this.#kinds.get(kind)?.set(keyText(kinds[kind].keyOf(record)), record)
  }

  /** A cancel with the facts of its order, as the service reads them. */
  cancel(
    accountId: string,
    orderId: string,
    options: { readonly restock?: boolean; readonly key?: string } = {},
  ): Command {
    const facts: Order | undefined = this.get("order", orderId)
    return this.make(cancelCall, { accountId, orderId, ...options }, { request: { facts } })
  }

  #apply({ puts, appends }: ChangeSet): void {
    for (const kind of kindNames) {
      for (const { after } of puts[kind]) this.#kinds.get(kind)?.set(this.#keyText(kind, after), after)
    }
    this.entries.push(...appends.entry)
    this.movements.push(...appends.movement)
    this.events.push(...appends.event)
  }

  #keyText(kind: KindName, record: unknown): string {
    return keyText((kinds[kind] as { readonly keyOf: (record: unknown) => Key }).keyOf(record))
  }
}

export type Furniture = {
  readonly points?: number
  readonly products?: Readonly<Record<string, readonly [price: number, onHand: number]>>
  readonly discount?: (typeof createCampaignCall.input.Encoded)["discount"]
}

/** A world with the account `ada`, products, and where a discount is given the campaign `spring` with her coupon. */
export const furnished = ({ points = 10_000, products = { tea: [100, 10] }, discount }: Furniture = {}): World => {
  const world = new World()
  const must = (decision: Decision): void => {
    if (decision._tag !== "Accepted") throw new Error(`The world could not be furnished: ${JSON.stringify(decision)}`)
  }
  must(world.call(openCall, { accountId: "ada" }))
  if (points > 0) must(world.call(chargeCall, { accountId: "ada", amount: points }))
  for (const [productId, [price, onHand]] of Object.entries(products)) {
    must(world.call(registerCall, { productId, name: productId, price, onHand }))
  }
  if (discount !== undefined) {
    must(world.call(createCampaignCall, { campaignId: "spring", name: "Spring", discount, limit: 9 }))
    must(world.call(issueCall, { campaignId: "spring", accountId: "ada" }))
  }
  return world
}

/** The refusal of a decision; a failure of the test where it was not refused. */
export const refusalOf = (decision: Decision): Refusal => {
  if (decision._tag !== "Refused") throw new Error(`Not refused: ${JSON.stringify(decision)}`)
  return decision.refusal
}

/** The answer of an accepted or repeated decision. */
export const answerOf = (decision: Decision): unknown => {
  if (decision._tag !== "Accepted" && decision._tag !== "Repeated")
    throw new Error(`Not so: ${JSON.stringify(decision)}`)
  return decision.answer
}

/** The order of an accepted decision. */
export const orderOf = (decision: Decision): Order => answerOf(decision) as Order

/** An order id that names nothing. */
export const noOrder = "01HF7YAT000000000000000000" as OrderId

export const line = (productId: string, quantity: number, unitPrice?: number) => ({
  productId,
  quantity,
  ...(unitPrice === undefined ? {} : { unitPrice }),
})

export const place = (
  world: World,
  lines: (typeof placeCall.input.Encoded)["lines"],
  more: Partial<typeof placeCall.input.Encoded> = {},
): Decision => world.call(placeCall, { accountId: "ada", lines, ...more })
