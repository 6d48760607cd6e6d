/**
 * Products and their stock movements.
 *
 * Locks: product rows, in the order of their ids, last of all row locks but the buckets: they are the hottest. Plans: as
 * for accounts.
 */
import type { Put, RecordOf, RowOf } from "@holdfast/core"
import { given, texts, unnested, values } from "../text.ts"
import { type Statement, statement } from "../wire.ts"
import { split } from "./split.ts"

type Product = RecordOf["product"]
type Movement = RowOf["movement"]

export type ProductRow = readonly [
  Product["productId"],
  Product["onHand"],
  number,
  string,
  Product["price"],
  boolean,
  string,
  Product["price"],
  Product["onHand"],
  number,
]
export const productRow = `json_build_array(r.product_id, r.on_hand, r.revision, r.name, r.price, r.retired, r.registered_name, r.registered_price, r.registered_on_hand, r.version)`
export const productOf = ([
  productId,
  onHand,
  revision,
  name,
  price,
  retired,
  registeredName,
  registeredPrice,
  registeredOnHand,
  version,
]: ProductRow): Product => ({
  productId,
  onHand,
  revision,
  name,
  price,
  retired,
  registered: { name: registeredName, price: registeredPrice, onHand: registeredOnHand },
  version,
})

export type MovementRow = readonly [
  Movement["productId"],
  number,
  Movement["type"],
  number,
  Movement["onHand"],
  Movement["orderId"] | null,
  string | null,
  Movement["commandId"],
  number,
]
export const movementRow = `json_build_array(r.product_id, r.revision, r.type, r.change, r.on_hand, r.order_id, r.reason, r.command_id, r.at)`
export const movementOf = ([
  productId,
  revision,
  type,
  change,
  onHand,
  orderId,
  reason,
  commandId,
  at,
]: MovementRow): Movement => ({
  productId,
  revision,
  type,
  change,
  onHand,
  orderId: given(orderId),
  reason: given(reason),
  commandId,
  at,
})

export const readProducts = (ids: string): string =>
  `select json_agg(${productRow}) from @.product r where r.product_id = any(${ids}::text[])`

export const lockProducts = `select json_agg(${productRow})::text from (
  select * from @.product where product_id = any($1::text[]) order by product_id for update
) r`

const insert = `insert into @.product (product_id, on_hand, revision, name, price, retired, registered_name, registered_price, registered_on_hand, version)
select * from ${unnested(1, "product_id text", "on_hand bigint", "revision bigint", "name text", "price bigint", "retired boolean", "registered_name text", "registered_price bigint", "registered_on_hand bigint", "version bigint")} x
order by x.product_id collate "C"`

/** As for accounts: counters move by addition, terms are set where the version is the one decided on. */
const move = `with x as (
  select * from ${unnested(1, "product_id text", "on_hand0 bigint", "on_hand1 bigint", "revision0 bigint", "revision1 bigint", "exact_revision bigint", "version0 bigint", "name text", "price bigint", "retired boolean", "version1 bigint")} x
  order by x.product_id collate "C"
), u as (
  update @.product r
  set on_hand = r.on_hand + (x.on_hand1 - x.on_hand0), revision = r.revision + (x.revision1 - x.revision0),
    name = x.name, price = x.price, retired = x.retired, version = x.version1
  from x
  where r.product_id = x.product_id and r.version = x.version0
    and (x.exact_revision is null or r.revision = x.exact_revision)
  returning r.product_id, r.revision - x.revision1 as revision_shift, r.on_hand - x.on_hand1 as on_hand_shift
), shifted as materialized (
  select * from u where u.revision_shift <> 0 or u.on_hand_shift <> 0
), i as (
  insert into @.movement (product_id, revision, type, change, on_hand, order_id, reason, command_id, at)
  select m.product_id, m.revision + coalesce(s.revision_shift, 0), m.type, m.change, m.on_hand + coalesce(s.on_hand_shift, 0),
    m.order_id, m.reason, m.command_id, m.at
  from ${unnested(12, "product_id text", "revision bigint", "type text", "change bigint", "on_hand bigint", "order_id text", "reason text", "command_id text", "at bigint")} m
    left join shifted s on s.product_id = m.product_id
)
select 1 / ((select count(*) from u) = $21::int)::int`

/** Inserts new products, then moves the others and writes all movements. */
export const productStatements = (
  puts: ReadonlyArray<Put<Product>>,
  movements: ReadonlyArray<Movement>,
): ReadonlyArray<Statement> => {
  const { fresh, moved } = split(puts)
  const statements: Array<Statement> = []
  if (fresh.length > 0) {
    statements.push(
      statement(
        insert,
        texts(fresh.map(({ productId }) => productId)),
        values(fresh.map(({ onHand }) => onHand)),
        values(fresh.map(({ revision }) => revision)),
        texts(fresh.map(({ name }) => name)),
        values(fresh.map(({ price }) => price)),
        values(fresh.map(({ retired }) => retired)),
        texts(fresh.map(({ registered }) => registered.name)),
        values(fresh.map(({ registered }) => registered.price)),
        values(fresh.map(({ registered }) => registered.onHand)),
        values(fresh.map(({ version }) => version)),
      ),
    )
  }
  if (moved.length === 0 && movements.length === 0) return statements
  statements.push(
    statement(
      move,
      texts(moved.map(({ after }) => after.productId)),
      values(moved.map(({ before }) => before.onHand)),
      values(moved.map(({ after }) => after.onHand)),
      values(moved.map(({ before }) => before.revision)),
      values(moved.map(({ after }) => after.revision)),
      values(moved.map(({ before, guard }) => (guard === "exact" ? before.revision : undefined))),
      values(moved.map(({ before }) => before.version)),
      texts(moved.map(({ after }) => after.name)),
      values(moved.map(({ after }) => after.price)),
      values(moved.map(({ after }) => after.retired)),
      values(moved.map(({ after }) => after.version)),
      texts(movements.map(({ productId }) => productId)),
      values(movements.map(({ revision }) => revision)),
      texts(movements.map(({ type }) => type)),
      values(movements.map(({ change }) => change)),
      values(movements.map(({ onHand }) => onHand)),
      texts(movements.map(({ orderId }) => orderId)),
      texts(movements.map(({ reason }) => reason)),
      texts(movements.map(({ commandId }) => commandId)),
      values(movements.map(({ at }) => at)),
      String(moved.length),
    ),
  )
  return statements
}
