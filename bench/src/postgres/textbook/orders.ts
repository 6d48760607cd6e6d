/**
 * Placing an order the ways that textbooks know, one order per transaction. All leave the same rows behind.
 */
import { setTimeout as sleep } from "node:timers/promises"
import type { Ask } from "../Connections.ts"
import { priced, Rows, type TextbookOrder } from "./rows.ts"

/** Places an order on a connection that it has for itself. */
export type Place = (ask: Ask, order: TextbookOrder) => Promise<void>

/** The strategies on a schema. `functions` is the schema of {@link orderFunction}. */
export const textbookOrders = (schema: string, functions: string) => {
  const rowsOn = (ask: Ask): Rows => new Rows(ask, schema)
  return {
    /** Locks every row before it decides: `select … for update`, one statement after the other. */
    interactive: (ask, order) => inTransaction(rowsOn(ask), (rows) => decideBetween(rows, order, "for update")),
    /** Locks a name instead of the rows, before it reads them. */
    advisory: (ask, order) =>
      inTransaction(rowsOn(ask), async (rows) => {
        for (const { productId } of order.lines) {
          await rows.ask("select pg_advisory_xact_lock(hashtextextended($1, 0))", productId)
        }
        await rows.ask("select pg_advisory_xact_lock(hashtextextended($1, 1))", order.accountId)
        await decideBetween(rows, order, "")
      }),
    /** Reads without locks, writes where nothing has changed since, and tries again where it has. */
    optimistic: async (ask, order) => {
      const rows = rowsOn(ask)
      for (let attempt = 0; !(await tryOptimistic(rows, order)); attempt++) {
        await sleep(Math.random() * Math.min(50, 2 ** attempt))
      }
    },
    /** Decides in the `where` of its updates; the stock, which everybody wants, last. */
    conditional: (ask, order) => inTransaction(rowsOn(ask), (rows) => updateConditionally(rows, order)),
    /** One call, one round trip: a database function. */
    oneCall: async (ask, { orderId, key, accountId, lines: [line] }) => {
      if (line === undefined) throw new Error("The order has no line.")
      const facts = priced({ orderId, key, accountId, lines: [line] })
      await ask(
        `select ${functions}.place($1, $2, $3, $4, $5::bigint, $6::bigint, $7::json, $8::json, $9::bigint)`,
        orderId,
        key,
        accountId,
        line.productId,
        String(line.quantity),
        String(facts.total),
        facts.lines,
        facts.events,
        facts.at,
      )
    },
  } satisfies Record<string, Place>
}

const inTransaction = async (rows: Rows, work: (rows: Rows) => Promise<void>): Promise<void> => {
  await rows.ask("begin")
  try {
    await work(rows)
    await rows.ask("commit")
  } catch (error) {
    await rows.ask("rollback")
    throw error
  }
}

const decideBetween = async (rows: Rows, order: TextbookOrder, lock: "for update" | ""): Promise<void> => {
  const facts = priced(order)
  const { accountId, orderId, lines } = order
  await unrepeated(rows, order)
  const held = await rows.account(accountId, lock)
  const stocks: Array<{ readonly onHand: number; readonly revision: number }> = []
  for (const { productId } of lines) stocks.push(await rows.product(productId, lock))
  const balance = enough(held.balance - facts.total)
  await rows.setAccount(accountId, balance, held.seq + 1)
  await rows.entry(accountId, "spend", { seq: held.seq + 1, change: -facts.total, balance }, orderId, facts.at)
  await rows.order(order, facts)
  for (const [index, { productId, quantity }] of lines.entries()) {
    const stock = stocks[index]
    if (stock === undefined) throw new Error("There is no such product.")
    const onHand = enough(stock.onHand - quantity)
    await rows.setProduct(productId, onHand, stock.revision + 1)
    await rows.movement(productId, { revision: stock.revision + 1, change: -quantity, onHand }, orderId, facts.at)
    await rows.bucket(productId, quantity, facts.at)
  }
  await rows.outbox(facts.events)
}

const tryOptimistic = async (rows: Rows, order: TextbookOrder): Promise<boolean> => {
  const facts = priced(order)
  const { accountId, orderId, lines } = order
  await unrepeated(rows, order)
  const held = await rows.account(accountId, "")
  const stocks: Array<{ readonly onHand: number; readonly revision: number }> = []
  for (const { productId } of lines) stocks.push(await rows.product(productId, ""))
  const balance = enough(held.balance - facts.total)
  await rows.ask("begin")
  let unchanged = await rows.setAccount(accountId, balance, held.seq + 1, held.seq)
  for (const [index, { productId, quantity }] of lines.entries()) {
    const stock = stocks[index]
    if (!unchanged || stock === undefined) break
    const onHand = enough(stock.onHand - quantity)
    unchanged = await rows.setProduct(productId, onHand, stock.revision + 1, stock.revision)
    if (!unchanged) break
    await rows.movement(productId, { revision: stock.revision + 1, change: -quantity, onHand }, orderId, facts.at)
    await rows.bucket(productId, quantity, facts.at)
  }
  if (!unchanged) {
    await rows.ask("rollback")
    return false
  }
  await rows.entry(accountId, "spend", { seq: held.seq + 1, change: -facts.total, balance }, orderId, facts.at)
  await rows.order(order, facts)
  await rows.outbox(facts.events)
  await rows.ask("commit")
  return true
}

const updateConditionally = async (rows: Rows, order: TextbookOrder): Promise<void> => {
  const facts = priced(order)
  const { accountId, orderId, lines } = order
  await unrepeated(rows, order)
  const held = await rows.takePoints(accountId, facts.total)
  if (held === undefined) throw new Error("There are not enough points.")
  await rows.entry(accountId, "spend", { ...held, change: -facts.total }, orderId, facts.at)
  await rows.order(order, facts)
  await rows.outbox(facts.events)
  for (const { productId, quantity } of lines) {
    const stock = await rows.takeUnits(productId, quantity)
    if (stock === undefined) throw new Error("There is not enough stock.")
    await rows.movement(productId, { ...stock, change: -quantity }, orderId, facts.at)
    await rows.bucket(productId, quantity, facts.at)
  }
}

const unrepeated = async (rows: Rows, { key }: TextbookOrder): Promise<void> => {
  if ((await rows.withKey("orders", key)).length > 0) throw new Error(`The order ${key} was placed before.`)
}

const enough = (left: number): number => {
  if (!(left >= 0)) throw new Error("The bench ran out of points or stock.")
  return left
}

/** The function behind `oneCall`: everything else first, the hot stock last, so that its lock is held shortly. */
export const orderFunction = (schema: string, functions: string): string => `
create or replace function ${functions}.place(
  p_order text, p_key text, p_account text, p_product text, p_quantity bigint, p_total bigint,
  p_lines json, p_events json, p_at bigint
) returns void language plpgsql as $$
declare b bigint; s bigint; h bigint; r bigint;
begin
  update ${schema}.account set balance = balance - p_total, seq = seq + 1
    where account_id = p_account and balance >= p_total returning balance, seq into strict b, s;
  insert into ${schema}.entry (account_id, seq, type, change, balance, order_id, command_id, at)
    values (p_account, s, 'spend', -p_total, b, p_order, p_order, p_at);
  insert into ${schema}.orders (order_id, account_id, lines, total, discount, paid, state, placed_at, version, scope, key, fingerprint)
    values (p_order, p_account, p_lines, p_total, 0, p_total, 'placed', p_at, 1, 'default', p_key, 'v1:textbook');
  insert into ${schema}.outbox (events, size) select p_events, 1 where exists (select from ${schema}.subscription);
  update ${schema}.product set on_hand = on_hand - p_quantity, revision = revision + 1
    where product_id = p_product and on_hand >= p_quantity returning on_hand, revision into strict h, r;
  insert into ${schema}.movement (product_id, revision, type, change, on_hand, order_id, command_id, at)
    values (p_product, r, 'sale', -p_quantity, h, p_order, p_order, p_at);
  insert into ${schema}.bucket as b (product_id, hour, sold) values (p_product, p_at / 3600000, p_quantity)
    on conflict (product_id, hour) do update set sold = b.sold + excluded.sold;
end $$`
