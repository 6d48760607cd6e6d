/**
 * The floor under our batches: the very rows of a batch of orders, written by bare statements of as many rows, in one
 * transaction that is sent in one go. Nothing is read, guarded or answered, so no store that keeps these rows is faster.
 */

import type { BenchDatabase } from "./BenchDatabase.ts"
import { during, type Sample } from "./Comparison.ts"
import { type Ask, Connections } from "./Connections.ts"
import type { Acknowledged } from "./recount.ts"
import { hourOf, priced } from "./textbook/rows.ts"

/** Two, as a lane has two batches on their way: the next one leaves while the one before waits for the disk. */
const connections = 2
const price = 10

/** How many orders our batches had, on average. */
export const meanBatch = async ({ control, schema }: BenchDatabase): Promise<number> => {
  const [row] = await control.ask(
    `select count(*)::float8 / greatest(1, count(distinct xmin::text)) as size from ${schema}.orders where key like 'ours-%'`,
  )
  return Math.max(1, Math.round(Number(row?.size)))
}

/** Writes orders of one product that nobody else touches, by accounts `account0`, `account1`, … that nobody else has. */
export class BareRows {
  readonly #database: BenchDatabase
  readonly #acknowledged: Acknowledged
  readonly #productId: string
  readonly #accounts: ReadonlyArray<{ readonly accountId: string; balance: number; seq: number }>
  readonly #product: { onHand: number; revision: number }
  #count = 0

  private constructor(
    database: BenchDatabase,
    acknowledged: Acknowledged,
    productId: string,
    accounts: ReadonlyArray<{ readonly accountId: string; balance: number; seq: number }>,
    product: { onHand: number; revision: number },
  ) {
    this.#database = database
    this.#acknowledged = acknowledged
    this.#productId = productId
    this.#accounts = accounts
    this.#product = product
  }

  /** Reads once what the rows count on from. */
  static async from(
    database: BenchDatabase,
    acknowledged: Acknowledged,
    { productId, prefix }: { readonly productId: string; readonly prefix: string },
  ): Promise<BareRows> {
    const { control, schema } = database
    const [product] = await control.ask(
      `select on_hand::float8, revision::float8 from ${schema}.product where product_id = $1`,
      productId,
    )
    const accounts = await control.ask(
      `select account_id, balance::float8, seq::float8 from ${schema}.account where starts_with(account_id, $1)`,
      prefix,
    )
    return new BareRows(
      database,
      acknowledged,
      productId,
      accounts.map((row) => ({
        accountId: String(row.account_id),
        balance: Number(row.balance),
        seq: Number(row.seq),
      })),
      { onHand: Number(product?.on_hand), revision: Number(product?.revision) },
    )
  }

  /** One turn, in transactions of `size` orders. Latencies are those of the transactions. */
  async turn(millis: number, size: number): Promise<Sample> {
    const pool = await Connections.open(this.#database.url, connections)
    try {
      const batches = await during(this.#database, millis, connections, (n) =>
        pool.use(n, (ask) => this.#write(ask, size)),
      )
      const { perSecond, serverMicros } = batches
      return { ...batches, perSecond: perSecond * size, serverMicros: serverMicros && serverMicros / size }
    } finally {
      await pool.close()
    }
  }

  async #write(ask: Ask, size: number): Promise<void> {
    const schema = this.#database.schema
    const orders = Array.from({ length: size }, () => this.#next())
    const column = (of: (order: (typeof orders)[number]) => string | number): string =>
      `{${orders.map((order) => JSON.stringify(String(of(order)))).join(",")}}`
    const ids = column(({ orderId }) => orderId)
    const accounts = column(({ accountId }) => accountId)
    const at = orders[0]?.at ?? ""
    // One after the other without waiting for answers: the driver sends them together.
    await Promise.all([
      ask("begin"),
      ask(
        `update ${schema}.account r set balance = r.balance - x.n * ${price}, seq = r.seq + x.n
         from (select account_id, count(*) as n from unnest($1::text[]) account_id group by 1 order by 1) x
         where r.account_id = x.account_id`,
        accounts,
      ),
      ask(
        `insert into ${schema}.entry (account_id, seq, type, change, balance, order_id, command_id, at)
         select x.account_id, x.seq, 'spend', -${price}, x.balance, x.id, x.id, $5::bigint
         from (select unnest($1::text[]) as account_id, unnest($2::bigint[]) as seq, unnest($3::bigint[]) as balance, unnest($4::text[]) as id) x`,
        accounts,
        column(({ seq }) => seq),
        column(({ balance }) => balance),
        ids,
        at,
      ),
      ask(
        `insert into ${schema}.orders (order_id, account_id, lines, total, discount, paid, state, placed_at, version, scope, key, fingerprint)
         select x.id, x.account_id, x.lines::json, ${price}, 0, ${price}, 'placed', $5::bigint, 1, 'default', x.key, 'v1:bare'
         from (select unnest($1::text[]) as id, unnest($2::text[]) as account_id, unnest($3::text[]) as lines, unnest($4::text[]) as key) x`,
        ids,
        accounts,
        column(({ lines }) => lines),
        column(({ key }) => key),
        at,
      ),
      ask(
        `update ${schema}.product set on_hand = on_hand - $2::bigint, revision = revision + $2::bigint where product_id = $1`,
        this.#productId,
        String(size),
      ),
      ask(
        `insert into ${schema}.movement (product_id, revision, type, change, on_hand, order_id, command_id, at)
         select $1, x.revision, 'sale', -1, x.on_hand, x.id, x.id, $5::bigint
         from (select unnest($2::bigint[]) as revision, unnest($3::bigint[]) as on_hand, unnest($4::text[]) as id) x`,
        this.#productId,
        column(({ revision }) => revision),
        column(({ onHand }) => onHand),
        ids,
        at,
      ),
      ask(
        `insert into ${schema}.bucket as b (product_id, hour, sold) values ($1, $2::bigint, $3::bigint)
         on conflict (product_id, hour) do update set sold = b.sold + excluded.sold`,
        this.#productId,
        hourOf(at),
        String(size),
      ),
      ask("commit"),
    ])
    for (const { key, orderId } of orders) this.#acknowledged.orders.push([key, orderId])
  }

  #next() {
    const n = this.#count++
    const account = this.#accounts[n % this.#accounts.length]
    if (account === undefined) throw new Error("There are no accounts to write rows of.")
    const { accountId } = account
    const [orderId, key] = [`b${n}`, `bare-${n}`]
    const { lines, at } = priced({ orderId, key, accountId, lines: [{ productId: this.#productId, quantity: 1 }] })
    account.balance -= price
    account.seq++
    this.#product.onHand--
    this.#product.revision++
    return { orderId, key, lines, at, ...account, ...this.#product }
  }
}
