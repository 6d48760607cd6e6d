/**
 * The recount: what was acknowledged is in the tables, and the tables agree with each other. Plain SQL, apart from the
 * shop's own audit, so that neither vouches for itself. Only this file and `backlog.ts` read the shop's tables.
 */
import type { Shop } from "@holdfast/core"
import type { Context } from "../Scenario.ts"
import type { BenchDatabase } from "./BenchDatabase.ts"

/** What callers were answered. */
export class Acknowledged {
  /** Of orders: key and order id. */
  readonly orders: Array<readonly [key: string, orderId: string]> = []
  /** Of charges: key, balance after it and its position. */
  readonly charges: Array<readonly [key: string, balance: string, seq: string]> = []
  /** Of claims: campaign, account and ticket. */
  readonly claims: Array<readonly [campaignId: string, accountId: string, ticket: string]> = []

  /** Adds what others were answered. One by one: there may be more than a call takes arguments. */
  add({ orders, charges, claims }: Pick<Acknowledged, "orders" | "charges" | "claims">): void {
    for (const order of orders) this.orders.push(order)
    for (const charge of charges) this.charges.push(charge)
    for (const claim of claims) this.claims.push(claim)
  }
}

/** True where everything adds up; says what does not. */
export const addsUp = async (
  database: BenchDatabase,
  shop: Shop,
  acknowledged: Acknowledged,
  { progress }: Pick<Context, "progress">,
): Promise<boolean> => {
  const began = performance.now()
  const complaints = await recount(database, acknowledged)
  for (const complaint of complaints) progress(`RECOUNT: ${complaint}`)
  const counted = performance.now()
  const { ok } = await shop.audit.run({ pageSize: 10_000 })
  const seconds = (millis: number): string => (millis / 1_000).toFixed(1)
  const { orders, charges, claims } = acknowledged
  progress(
    `recounted ${orders.length + charges.length + claims.length} answers in ${seconds(counted - began)} s, audited in ${seconds(performance.now() - counted)} s`,
  )
  return ok && complaints.length === 0
}

/** What does not add up, in sentences. */
export const recount = async (
  { control: { ask }, schema: s }: Pick<BenchDatabase, "control" | "schema">,
  acknowledged: Acknowledged,
): Promise<ReadonlyArray<string>> => {
  const complaints: Array<string> = []
  for (const [promise, sql] of Object.entries(promises(s))) {
    const [row] = await ask(`select count(*)::int as n from (${sql}) broken`)
    if (Number(row?.n) > 0) complaints.push(`${row?.n} × not so: ${promise}`)
  }
  for (const [what, sql, given] of [
    ["orders", orderFound(s), acknowledged.orders],
    ["charges", chargeFound(s), acknowledged.charges],
    ["claims", claimFound(s), acknowledged.claims],
  ] as const) {
    let found = 0
    for (let from = 0; from < given.length; from += 20_000) {
      const [row] = await ask(sql, JSON.stringify(given.slice(from, from + 20_000)))
      found += Number(row?.n)
    }
    if (found !== given.length) complaints.push(`of ${given.length} acknowledged ${what} ${found} are there`)
  }
  return complaints
}

/** Promises, each with a query for what breaks it. */
const promises = (s: string): Readonly<Record<string, string>> => ({
  "a product has on hand what its movements add up to": `
    select from ${s}.product p left join (
      select product_id, sum(change) as units, count(*) as rows, max(revision) as last from ${s}.movement group by 1
    ) m using (product_id)
    where (p.on_hand, p.revision) <> (coalesce(m.units, 0), coalesce(m.rows, 0)) or p.revision <> coalesce(m.last, 0)`,
  "the units of the orders are the units of the sales, product by product": `
    select from (
      select l ->> 'productId' as product_id, sum((l ->> 'quantity')::bigint) as units
      from ${s}.orders o cross join json_array_elements(o.lines) l group by 1
    ) o full join (
      select product_id, -sum(change) as units from ${s}.movement where type = 'sale' group by 1
    ) m using (product_id) where o.units is distinct from m.units`,
  "the buckets count what was sold": `
    select from (select product_id, sum(sold) as units from ${s}.bucket group by 1) b
    full join (
      select product_id, -sum(change) as units from ${s}.movement where type = 'sale' group by 1
    ) m using (product_id) where b.units is distinct from m.units`,
  "an account has what its entries add up to": `
    select from ${s}.account a left join (
      select account_id, sum(change) as points, count(*) as rows, max(seq) as last from ${s}.entry group by 1
    ) e using (account_id)
    where (a.balance, a.seq) <> (coalesce(e.points, 0), coalesce(e.rows, 0)) or a.seq <> coalesce(e.last, 0)`,
  "every order was paid once, with what it cost": `
    select from ${s}.orders o left join (
      select order_id, count(*) as rows, -sum(change) as points from ${s}.entry where type = 'spend' group by 1
    ) e using (order_id) where o.paid > 0 and (e.rows, e.points) is distinct from (1::bigint, o.paid::numeric)`,
  "an order has one receipt, and a receipt its order": `
    select from ${s}.orders o full join (
      select answer ->> 'orderId' as order_id, count(*) as rows from ${s}.receipts where operation = 'orders.place' group by 1
    ) r using (order_id) where o.order_id is null or r.rows is distinct from 1`,
  "a charge has one receipt with its numbers, and a receipt its charge": `
    select from (select * from ${s}.entry where type = 'charge') e full join (
      select * from ${s}.receipts where operation = 'points.charge'
    ) r using (command_id)
    where (e.account_id, e.change::text, e.balance::text, e.seq::text) is distinct from
      (r.answer ->> 'accountId', r.answer ->> 'amount', r.answer ->> 'balance', r.answer ->> 'seq')`,
  "a campaign has issued the tickets from 1 to its count": `
    select from ${s}.campaign c left join (
      select campaign_id, count(*) as rows, max(ticket) as last from ${s}.coupon group by 1
    ) k using (campaign_id)
    where c.issued <> coalesce(k.rows, 0) or c.issued <> coalesce(k.last, 0) or c.issued > c.issue_limit`,
  "a coupon has one receipt with its ticket, and a receipt its coupon": `
    select from ${s}.coupon k full join (
      select * from ${s}.receipts where operation = 'coupons.issue'
    ) r using (command_id)
    where (k.campaign_id, k.account_id, k.ticket::text) is distinct from
      (r.answer ->> 'campaignId', r.answer ->> 'accountId', r.answer ->> 'ticket')`,
})

// Distinct, so that an answer that was given twice is missed once.
const answers = (...names: ReadonlyArray<string>): string =>
  `(select distinct ${names.map((name, n) => `j ->> ${n} as ${name}`).join(", ")} from json_array_elements($1::json) j)`

const orderFound = (s: string): string => `select count(*)::int as n from ${answers("key", "order_id")} k
  join ${s}.receipts r on r.scope = 'default' and r.operation = 'orders.place' and r.key = k.key
  join ${s}.orders o on o.order_id = k.order_id where r.answer ->> 'orderId' = k.order_id`

const chargeFound = (s: string): string => `select count(*)::int as n from ${answers("key", "balance", "seq")} k
  join ${s}.receipts r on r.scope = 'default' and r.operation = 'points.charge' and r.key = k.key
  where (r.answer ->> 'balance', r.answer ->> 'seq') = (k.balance, k.seq)`

const claimFound = (s: string): string => `select count(*)::int as n
  from ${answers("campaign_id", "account_id", "ticket")} k
  join ${s}.coupon c on c.campaign_id = k.campaign_id and c.account_id = k.account_id
  where c.ticket::text = k.ticket`
