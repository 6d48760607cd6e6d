/**
 * Stores that answer or keep one thing wrongly, which no trial of the laws looks at: each dies by one case of the suites, and
 * so shows that the case can fail.
 */
import { Clock, Effect } from "effect"
import type { ChangeSet } from "../../decision/Changes.ts"
import type { KindName, RecordOf } from "../../decision/kinds.ts"
import type { Reads, StoreShape } from "../../ports/index.ts"
import { maxAmount, Quantity } from "../../values.ts"
import { type Mutant, mutant, shifted } from "./Mutant.ts"

export interface SuiteMutant extends Mutant {
  /** The case that it fails: a part of its name. */
  readonly diesBy: string
}

const dyingBy = (diesBy: string, ...of: Parameters<typeof mutant>): SuiteMutant => ({ ...mutant(...of), diesBy })

const reading = (change: (reads: Reads, store: StoreShape) => Partial<Reads>) => ({
  wrap: (store: StoreShape): StoreShape => ({ ...store, reads: { ...store.reads, ...change(store.reads, store) } }),
})

const outbox = (change: (outbox: StoreShape["outbox"]) => Partial<StoreShape["outbox"]>) => ({
  wrap: (store: StoreShape): StoreShape => ({ ...store, outbox: { ...store.outbox, ...change(store.outbox) } }),
})

const committing = (commits: (changes: ChangeSet) => ChangeSet) => ({ loose: () => ({ commits }) })

/** Records of a kind are kept as something else. */
const keeping = <K extends KindName>(kind: K, change: (record: RecordOf[K]) => RecordOf[K]) =>
  committing((changes) => ({
    ...changes,
    puts: { ...changes.puts, [kind]: changes.puts[kind].map((put) => ({ ...put, after: change(put.after) })) },
  }))

const secondMillis = 1_000
const mostOfInt32 = 2 ** 31 - 1
const mostParameters = 64
const inSeconds = (millis: number): number => Math.floor(millis / secondMillis) * secondMillis
const all = 100_000

const pages = "gives each list whole"
const bytes = "tells keys, ids and references apart"
const seals = "takes no other key for a used one"
const sold = "says what was sold in an hour"
const clock = "says the time of its clock"
const depth = "says how much waits"
const kept = "keeps everything as it was given"

export const suiteMutants: ReadonlyArray<SuiteMutant> = [
  dyingBy(
    "answers orders by account",
    "more behind every page",
    "A page of orders always says that there is more.",
    reading((reads) => ({
      ordersOfAccount: (...asked) => Effect.map(reads.ordersOfAccount(...asked), (page) => ({ ...page, more: true })),
    })),
  ),
  dyingBy(
    pages,
    "coupons in one direction",
    "The coupons of an account come oldest first, whatever was asked.",
    reading((reads) => ({
      couponsOfAccount: (id, page) => reads.couponsOfAccount(id, { ...page, newestFirst: false }),
    })),
  ),
  dyingBy(
    pages,
    "cursor on two pages",
    "The last coupon of a page is the first of the next.",
    reading((reads) => ({
      couponsOfCampaign: (id, page) =>
        reads.couponsOfCampaign(id, {
          ...page,
          after: page.after === undefined ? undefined : page.after + (page.newestFirst ? 1 : -1),
        }),
    })),
  ),
  dyingBy(
    pages,
    "pages of any length",
    "The limit of a page is not looked at.",
    reading((reads) => ({ movements: (id, page) => reads.movements(id, { ...page, limit: all }) })),
  ),
  dyingBy(
    "answers hundreds of products",
    "first products only",
    "Of many products that are asked for together the last are left out.",
    reading((reads) => ({ products: (ids) => reads.products(ids.slice(0, mostParameters)) })),
  ),
  dyingBy(
    bytes,
    "receipt of another scope",
    "A key is looked up without its scope.",
    reading((_, store) => ({
      receipt: (_scope, operation, key) =>
        Effect.map(store.scan("receipt", undefined, all), (receipts) =>
          receipts.find((each) => each.operation === operation && each.key === key),
        ),
    })),
  ),
  dyingBy(
    bytes,
    "references without case",
    "Orders are found by a reference in other letters.",
    reading((reads) => ({ ordersByReference: (name, page) => reads.ordersByReference(name.toLowerCase(), page) })),
  ),
  dyingBy(
    seals,
    "keys of every operation",
    "A key counts as used that another operation has used, or another scope.",
    reading(({ standing }, store) => ({
      standing:
        standing &&
        ((asked) =>
          Effect.zipWith(standing(asked), store.scan("receipt", undefined, all), (found, receipts) => ({
            ...found,
            used: asked.keys.flatMap(([, key], index) => (receipts.some((each) => each.key === key) ? [index] : [])),
          }))),
    })),
  ),
  dyingBy(
    seals,
    "owners without the revoked",
    "A ticket whose coupon was revoked has no owner.",
    reading((reads) => ({
      owners: (campaignId, after, limit) =>
        Effect.map(reads.couponsOfCampaign(campaignId, { after, limit, newestFirst: false }), (coupons) =>
          coupons.filter(({ state }) => state !== "revoked").map(({ accountId }) => accountId),
        ),
    })),
  ),
  dyingBy(
    sold,
    "sums of 0 left out",
    "What was given back in an hour is not told of it.",
    reading(({ soldOf }) => ({
      soldOf: soldOf && ((...asked) => Effect.map(soldOf(...asked), (sales) => sales.filter((each) => each.sold > 0))),
    })),
  ),
  dyingBy(
    sold,
    "hour without its cursor",
    "Every page of an hour begins with its first product.",
    reading(({ soldIn }) => ({ soldIn: soldIn && ((hour, _after, limit) => soldIn(hour, undefined, limit)) })),
  ),
  dyingBy(clock, "clock in seconds", "The store tells its time in seconds.", {
    wrap: (store) => ({ ...store, now: Effect.map(Clock.currentTimeMillis, (millis) => millis / secondMillis) }),
  }),
  dyingBy(clock, "archived to the future", "What is yet to come is said to be archived.", {
    wrap: (store) => ({ ...store, archivedBefore: Effect.succeed(4_000_000_000_000) }),
  }),
  dyingBy(
    depth,
    "younger than it is",
    "The oldest waiting event is said to be younger than it is.",
    outbox(({ depth }) => ({
      depth: (name) =>
        Effect.map(depth(name), (found) => ({ ...found, oldestAt: found.oldestAt && found.oldestAt + 1 })),
    })),
  ),
  dyingBy(
    depth,
    "past before it is there",
    "A subscription is said to be past whatever is asked.",
    outbox(({ reach }) => ({
      reach: reach && ((...asked) => Effect.map(reach(...asked), (found) => ({ ...found, isPast: true }))),
    })),
  ),
  dyingBy(
    "keeps what follows a registering",
    "forgets in two steps",
    "What waits for a name is forgotten after the name, also where that is there again.",
    outbox(({ unregister, lease, claim, acknowledge, release }) => ({
      unregister: (name) =>
        Effect.gen(function* () {
          yield* unregister(name)
          yield* Effect.sleep(2)
          const late = yield* lease(name, "late", 1)
          if (late === undefined) return
          const left = yield* claim(late, undefined, { events: all, bytes: Number.MAX_SAFE_INTEGER })
          yield* acknowledge(
            late,
            left.map(({ position }) => position),
          )
          yield* release(late)
        }).pipe(Effect.catchTag("LeaseLost", () => Effect.void)),
    })),
  ),
  dyingBy(
    kept,
    "balance in 32 bits",
    "A balance above 2^31 is kept as the most there is room for.",
    keeping("account", (each) => ({ ...each, balance: shifted(Math.min(each.balance, mostOfInt32)) })),
  ),
  dyingBy(
    kept,
    "limit by float",
    "A limit is kept in a column of seven digits.",
    keeping("campaign", (each) => ({ ...each, limit: Quantity.make(Math.min(maxAmount, Math.fround(each.limit))) })),
  ),
  dyingBy(
    kept,
    "moments in seconds",
    "When a coupon runs out is kept without its milliseconds.",
    keeping("coupon", (each) => ({ ...each, expiresAt: inSeconds(each.expiresAt) })),
  ),
  dyingBy(
    kept,
    "name in another form",
    "A name is normalised, and its surrounding space cut off.",
    keeping("product", (each) => ({ ...each, name: each.name.normalize("NFC").trim() })),
  ),
  dyingBy(
    kept,
    "notes forgotten",
    "The host's own notes of an order are kept nowhere.",
    keeping("order", (each) => ({ ...each, metadata: undefined })),
  ),
  dyingBy(
    kept,
    "rows beyond a limit of parameters",
    "Of a large commit the first rows of a kind are written.",
    committing((changes) => ({
      ...changes,
      puts: { ...changes.puts, bucket: changes.puts.bucket.slice(0, mostParameters) },
    })),
  ),
  dyingBy(
    kept,
    "reason dropped",
    "A row of a ledger is kept without its reason.",
    committing((changes) => ({
      ...changes,
      appends: { ...changes.appends, entry: changes.appends.entry.map((each) => ({ ...each, reason: undefined })) },
    })),
  ),
  dyingBy(
    kept,
    "redeemed taken for issued",
    "A coupon that is looked up alone is always there to be used.",
    reading((reads) => ({
      coupon: (...asked) =>
        Effect.map(reads.coupon(...asked), (found) => found && { ...found, state: "issued" as const }),
    })),
  ),
  dyingBy(
    "ranks the products sold most",
    "ties without bytes",
    "Products that sold alike come in the order of their letters as JavaScript has it.",
    reading((reads) => ({
      top: ({ limit, ...window }) =>
        Effect.map(reads.top({ ...window, limit: all }), (sales) =>
          sales
            .toSorted((left, right) => right.sold - left.sold || (left.productId < right.productId ? -1 : 1))
            .slice(0, limit),
        ),
    })),
  ),
  dyingBy(
    "keeps its place through thousands",
    "first acknowledgements only",
    "Of many events that are acknowledged together the last are not.",
    outbox(({ acknowledge }) => ({
      acknowledge: (lease, positions) => acknowledge(lease, positions.slice(0, mostParameters * 2)),
    })),
  ),
  dyingBy(
    kept,
    "suspended taken for open",
    "An account that is looked up alone is always open.",
    reading((reads) => ({
      account: (id) => Effect.map(reads.account(id), (found) => found && { ...found, state: "open" as const }),
    })),
  ),
]
