/**
 * Finding the keys that somebody holds, after a lock was not given in time.
 *
 * A lock that another lane holds is let go within milliseconds and is no reason to set anything aside. So the rows that
 * cannot be locked at this moment are only suspects, and each of them is waited for once more, alone and briefly.
 */

import { type Key, type KeyOf, type Keys, type KindName, keyText, kindNames } from "@holdfast/core"
import { Effect } from "effect"
import { lockAccounts } from "./statements/account.ts"
import { bucketKeys, lockBuckets } from "./statements/bucket.ts"
import { lockCampaigns } from "./statements/campaign.ts"
import { couponKeys, lockCoupons } from "./statements/coupon.ts"
import { lockOrders } from "./statements/order.ts"
import { lockProducts } from "./statements/product.ts"
import { rowsOf, texts } from "./text.ts"
import { begin, rollback, statement, type Wire } from "./wire.ts"

/** The most suspects that are waited for one by one. */
const maxSuspects = 8
/** How long each is waited for: many times what a batch holds its locks, far less than a host's forgotten transaction. */
const patience = statement("set local lock_timeout = '30ms'")

interface Lockable {
  readonly kind: KindName
  readonly table: string
  readonly columns: ReadonlyArray<string>
  readonly keys: string
  readonly lock: string
  readonly params: (keys: ReadonlyArray<Key>) => ReadonlyArray<string>
}

const ids = (keys: ReadonlyArray<Key>): ReadonlyArray<string> => [texts(keys.map(([id]) => String(id)))]
const oneColumn = (kind: KindName, table: string, column: string, lock: string): Lockable => ({
  kind,
  table,
  columns: [column],
  keys: "unnest($1::text[])",
  lock,
  params: ids,
})

const lockables: ReadonlyArray<Lockable> = [
  oneColumn("account", "account", "account_id", lockAccounts),
  {
    kind: "coupon",
    table: "coupon",
    columns: ["campaign_id", "account_id"],
    keys: "unnest($1::text[], $2::text[])",
    lock: lockCoupons,
    params: couponKeys,
  },
  oneColumn("campaign", "campaign", "campaign_id", lockCampaigns),
  oneColumn("order", "orders", "order_id", lockOrders),
  oneColumn("product", "product", "product_id", lockProducts),
  {
    kind: "bucket",
    table: "bucket",
    columns: ["product_id", "hour"],
    keys: "unnest($1::text[], $2::bigint[])",
    lock: lockBuckets,
    params: bucketKeys,
  },
]

/** The rows of some keys that cannot be locked right now. Waits for nothing; its own locks end with its transaction. */
const suspectsOf = ({ table, columns, keys }: Lockable): string => {
  const list = columns.join(", ")
  const matches = columns.map((column) => `r.${column} = k.${column}`).join(" and ")
  return `with k as materialized (select * from ${keys} k(${list})), free as materialized (
  select f.* from k cross join lateral (select ${columns.map((column) => `r.${column}`).join(", ")} from @.${table} r where ${matches} for update skip locked) f
)
select json_agg(json_build_array(${columns.map((column) => `r.${column}`).join(", ")}))::text
from k cross join lateral (select * from @.${table} r where ${matches} offset 0) r
where (${columns.map((column) => `r.${column}`).join(", ")}) not in (select ${list} from free)`
}

/** How many held keys are remembered. */
const maxRemembered = 1_024

/**
 * Keys that were held when they were last looked at. A batch that needs one of them asks for it first, alone: it would
 * otherwise wait for it with other rows locked, and hold up those who need these.
 */
export class HeldKeys {
  readonly #held = new Map<string, KeyOf>()

  remember(keys: ReadonlyArray<KeyOf>): void {
    for (const each of keys) {
      if (this.#held.size < maxRemembered) this.#held.set(textOf(each), each)
    }
  }

  forget(keys: Keys): void {
    for (const kind of kindNames) for (const key of keys.of(kind)) this.#held.delete(textOf({ kind, key }))
  }

  /** Those of a batch's keys that are remembered; undefined where none is. */
  among(keys: Keys): Keys | undefined {
    if (this.#held.size === 0) return undefined
    const isHeld = (kind: KindName) => (key: Key) => this.#held.has(textOf({ kind, key }))
    const some = kindNames.some((kind) => keys.of(kind).some(isHeld(kind)))
    return some ? { of: (kind) => keys.of(kind).filter(isHeld(kind)) } : undefined
  }
}

const textOf = ({ kind, key }: KeyOf): string => keyText([kind, ...key])

export const busyKeys = (wire: Wire, keys: Keys): Effect.Effect<ReadonlyArray<KeyOf>> =>
  Effect.gen(function* () {
    const asked = lockables.filter(({ kind }) => keys.of(kind).length > 0)
    const probes = asked.map((each) => statement(suspectsOf(each), ...each.params(keys.of(each.kind))))
    const { values, failed } = yield* wire.run([begin, ...probes, rollback])
    if (failed !== undefined) return []
    const suspects = asked.flatMap((lockable, index) =>
      rowsOf<Key>(values[index + 1]).map((key) => ({ lockable, key })),
    )
    if (suspects.length > maxSuspects) {
      // Too many to ask one by one: where all of them are given in turn, it was nothing but a crowd.
      const given = asked.map((lockable) => ({
        lockable,
        keys: suspects.filter((suspect) => suspect.lockable === lockable).map(({ key }) => key),
      }))
      const crowd = !(yield* isNotGiven(wire, given))
      return crowd ? [] : suspects.map(({ lockable, key }) => ({ kind: lockable.kind, key }))
    }
    const held: Array<KeyOf> = []
    for (const { lockable, key } of suspects) {
      if (yield* isNotGiven(wire, [{ lockable, keys: [key] }])) held.push({ kind: lockable.kind, key })
    }
    return held
  })

/** Whether a lock on any of these keys is not given in time. */
const isNotGiven = (
  wire: Wire,
  asked: ReadonlyArray<{ readonly lockable: Lockable; readonly keys: ReadonlyArray<Key> }>,
): Effect.Effect<boolean> => {
  const locks = asked
    .filter(({ keys }) => keys.length > 0)
    .map(({ lockable, keys }) => statement(lockable.lock, ...lockable.params(keys)))
  return Effect.map(wire.run([begin, patience, ...locks, rollback]), ({ failed }) => failed?.failure.code === "55P03")
}
