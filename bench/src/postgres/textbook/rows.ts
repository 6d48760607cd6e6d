/**
 * The rows that a change leaves behind, written the plain way: the same rows in the same tables as the shop writes.
 *
 * This file and `orderFunction.ts` are where the textbook knows the shop's columns.
 */
import type { Ask, Row } from "../Connections.ts"

export interface TextbookOrder {
  readonly orderId: string
  readonly key: string
  readonly accountId: string
  /** Each product once, in the order of their ids: whoever locks in another order runs into deadlocks. */
  readonly lines: ReadonlyArray<{ readonly productId: string; readonly quantity: number }>
}

const price = 10

/** Everything about an order that is known before anything is read. */
export interface Priced {
  readonly at: string
  readonly total: number
  readonly lines: string
  readonly events: string
}

export const priced = ({ orderId, accountId, lines }: TextbookOrder): Priced => {
  const at = Date.now()
  const sold = lines.map(({ productId, quantity }, index) => {
    const paid = price * quantity
    return {
      lineId: `${orderId}-${index + 1}`,
      productId,
      name: "Thing",
      unitPrice: price,
      quantity,
      discount: 0,
      paid,
    }
  })
  const total = sold.reduce((sum, { paid }) => sum + paid, 0)
  const data = { orderId, accountId, lines: sold, total, discount: 0, paid: total }
  const events = eventOf("orders.placed", orderId, at, { type: "order", id: orderId }, accountId, data)
  return { at: String(at), total, lines: JSON.stringify(sold), events }
}

export const eventOf = (
  type: string,
  id: string,
  at: number,
  aggregate: { readonly type: string; readonly id: string },
  key: string,
  data: object,
): string => JSON.stringify([{ id, type, version: 1, occurredAt: at, aggregate, key, data }])

export const hourOf = (at: string): string => String(Math.floor(Number(at) / 3_600_000))

/** The statements of one transaction on one connection. */
export class Rows {
  readonly ask: Ask
  readonly #schema: string

  constructor(ask: Ask, schema: string) {
    this.ask = ask
    this.#schema = schema
  }

  /** The row that a key stands for: it is the receipt of what made it. */
  withKey(table: "orders" | "entry" | "coupon", key: string): Promise<ReadonlyArray<Row>> {
    return this.ask(`select 1 as found from ${this.#schema}.${table} where scope = 'default' and key = $1`, key)
  }

  async account(
    accountId: string,
    lock: "for update" | "",
  ): Promise<{ readonly balance: number; readonly seq: number }> {
    const [row] = await this.ask(
      `select balance::float8, seq::float8 from ${this.#schema}.account where account_id = $1 ${lock}`,
      accountId,
    )
    return { balance: Number(row?.balance), seq: Number(row?.seq) }
  }

  async product(
    productId: string,
    lock: "for update" | "",
  ): Promise<{ readonly onHand: number; readonly revision: number }> {
    const [row] = await this.ask(
      `select on_hand::float8, revision::float8 from ${this.#schema}.product where product_id = $1 ${lock}`,
      productId,
    )
    return { onHand: Number(row?.on_hand), revision: Number(row?.revision) }
  }

  /** Where `seq` is given, only if the account still has it; answers whether it had. */
  async setAccount(accountId: string, balance: number, seq: number, where?: number): Promise<boolean> {
    const set = `update ${this.#schema}.account set balance = $2::bigint, seq = $3::bigint where account_id = $1`
    const params = [accountId, String(balance), String(seq)]
    const rows =
      where === undefined
        ? await this.ask(`${set} returning 1`, ...params)
        : await this.ask(`${set} and seq = $4::bigint returning 1`, ...params, String(where))
    return rows.length === 1
  }

  async setProduct(productId: string, onHand: number, revision: number, where?: number): Promise<boolean> {
    const set = `update ${this.#schema}.product set on_hand = $2::bigint, revision = $3::bigint where product_id = $1`
    const params = [productId, String(onHand), String(revision)]
    const rows =
      where === undefined
        ? await this.ask(`${set} returning 1`, ...params)
        : await this.ask(`${set} and revision = $4::bigint returning 1`, ...params, String(where))
    return rows.length === 1
  }

  /** Takes points where there are enough; undefined where there are not. */
  async takePoints(accountId: string, amount: number) {
    const [row] = await this.ask(
      `update ${this.#schema}.account set balance = balance - $2::bigint, seq = seq + 1
       where account_id = $1 and balance >= $2::bigint returning balance::float8, seq::float8`,
      accountId,
      String(amount),
    )
    return row === undefined ? undefined : { balance: Number(row.balance), seq: Number(row.seq) }
  }

  /** Takes units where there are enough; undefined where there are not. */
  async takeUnits(productId: string, quantity: number) {
    const [row] = await this.ask(
      `update ${this.#schema}.product set on_hand = on_hand - $2::bigint, revision = revision + 1
       where product_id = $1 and on_hand >= $2::bigint returning on_hand::float8, revision::float8`,
      productId,
      String(quantity),
    )
    return row === undefined ? undefined : { onHand: Number(row.on_hand), revision: Number(row.revision) }
  }

  entry(
    accountId: string,
    type: "charge" | "spend",
    { seq, change, balance }: { readonly seq: number; readonly change: number; readonly balance: number },
    commandId: string,
    at: string,
    key = "",
  ) {
    return this.ask(
      `insert into ${this.#schema}.entry
         (account_id, seq, type, change, balance, order_id, command_id, at, scope, key, fingerprint)
       values ($1, $2::bigint, $3, $4::bigint, $5::bigint, case $3 when 'spend' then $6 end, $6, $7::bigint,
         case $3 when 'charge' then 'default' end, nullif($8, ''), case $3 when 'charge' then 'v1:textbook' end)`,
      accountId,
      String(seq),
      type,
      String(change),
      String(balance),
      commandId,
      at,
      key,
    )
  }

  movement(
    productId: string,
    { revision, change, onHand }: { readonly revision: number; readonly change: number; readonly onHand: number },
    orderId: string,
    at: string,
  ) {
    return this.ask(
      `insert into ${this.#schema}.movement (product_id, revision, type, change, on_hand, order_id, command_id, at)
       values ($1, $2::bigint, 'sale', $3::bigint, $4::bigint, $5, $5, $6::bigint)`,
      productId,
      String(revision),
      String(change),
      String(onHand),
      orderId,
      at,
    )
  }

  order({ orderId, accountId, key }: TextbookOrder, { lines, total, at }: Priced) {
    return this.ask(
      `insert into ${this.#schema}.orders
         (order_id, account_id, lines, total, discount, paid, state, placed_at, version, scope, key, fingerprint)
       values ($1, $2, $3::json, $4::bigint, 0, $4::bigint, 'placed', $5::bigint, 1, 'default', $6, 'v1:textbook')`,
      orderId,
      accountId,
      lines,
      String(total),
      at,
      key,
    )
  }

  bucket(productId: string, quantity: number, at: string) {
    return this.ask(
      `insert into ${this.#schema}.bucket as b (product_id, hour, sold) values ($1, $2::bigint, $3::bigint)
       on conflict (product_id, hour) do update set sold = b.sold + excluded.sold`,
      productId,
      hourOf(at),
      String(quantity),
    )
  }

  /** One row a change, as the shop writes one a batch: only where somebody is subscribed. */
  outbox(events: string) {
    return this.ask(
      `insert into ${this.#schema}.outbox (events, size)
       select $1::json, 1 where exists (select from ${this.#schema}.subscription)`,
      events,
    )
  }

  async campaign(campaignId: string) {
    const [row] = await this.ask(
      `select issued::float8, issue_limit::float8, valid_days::float8, discount from ${this.#schema}.campaign
       where campaign_id = $1 for update`,
      campaignId,
    )
    return {
      issued: Number(row?.issued),
      limit: Number(row?.issue_limit),
      validDays: Number(row?.valid_days),
      discount: row?.discount,
    }
  }

  hasCoupon(campaignId: string, accountId: string): Promise<ReadonlyArray<Row>> {
    return this.ask(
      `select ticket from ${this.#schema}.coupon where campaign_id = $1 and account_id = $2`,
      campaignId,
      accountId,
    )
  }

  countIssued(campaignId: string, ticket: number) {
    return this.ask(
      `update ${this.#schema}.campaign set issued = $2::bigint where campaign_id = $1`,
      campaignId,
      String(ticket),
    )
  }

  coupon(
    campaignId: string,
    accountId: string,
    {
      ticket,
      discount,
      issuedAt,
      expiresAt,
    }: { readonly [Name in "ticket" | "issuedAt" | "expiresAt"]: number } & {
      readonly discount: unknown
    },
    commandId: string,
  ) {
    return this.ask(
      `insert into ${this.#schema}.coupon
         (campaign_id, account_id, ticket, discount, issued_at, expires_at, state, changed_at, command_id, version,
          scope, key, fingerprint)
       values ($1, $2, $3::bigint, $4::json, $5::bigint, $6::bigint, 'issued', $5::bigint, $7, 1,
         'default', $7, 'v1:textbook')`,
      campaignId,
      accountId,
      String(ticket),
      JSON.stringify(discount),
      String(issuedAt),
      String(expiresAt),
      commandId,
    )
  }
}
