/**
 * Broken stores: isolation, atomicity, order, staleness and delivery, each given up in one place that somebody has given up
 * before.
 */
import { Effect } from "effect"
import type { ChangeSet } from "../../decision/Changes.ts"
import type { Account } from "../../points/Account.ts"
import type { StoreShape } from "../../ports/Store.ts"
import type { Product } from "../../stock/Product.ts"
import { Quantity } from "../../values.ts"
import type { Looseness } from "./LooseStore.ts"
import { type Mutant, mutant, shifted } from "./Mutant.ts"

/** Guards of these kinds are not looked at. */
const unguarded =
  (...names: ReadonlyArray<string>): (() => Looseness) =>
  () => ({ guards: (kind) => !names.includes(kind) })

const withOutbox =
  (change: (outbox: StoreShape["outbox"]) => Partial<StoreShape["outbox"]>) => (store: StoreShape) => ({
    ...store,
    outbox: { ...store.outbox, ...change(store.outbox) },
  })

/** Remembers a value when it is first asked for, and again after it was asked for some times. */
const remember = <V>(times: number): ((key: string, current: V) => V) => {
  const remembered = new Map<string, { readonly value: V; left: number }>()
  return (key, current) => {
    const known = remembered.get(key)
    if (known === undefined || known.left <= 0) {
      remembered.set(key, { value: current, left: times })
      return current
    }
    known.left--
    return known.value
  }
}

export const storeMutants: ReadonlyArray<Mutant> = [
  mutant("lost update on stock", "Stock is written from what was read, without looking whether it moved.", {
    loose: unguarded("product"),
  }),
  mutant("lost update on points", "A balance is written from what was read.", { loose: unguarded("account") }),
  mutant("check-then-act coupon", "The number issued is checked in one step and written in another.", {
    loose: unguarded("campaign"),
  }),
  mutant("non-atomic everything", "No guard and no lock anywhere.", { loose: () => ({ locks: "none" }) }),
  mutant("guard of unchanged rows skipped", "A row that a decision only relies on is not checked at commit.", {
    loose: () => ({ guards: (_kind, { before, after }) => before !== after }),
  }),
  mutant("absent record overwritten", "An insert of a record that appeared meanwhile replaces it.", {
    loose: () => ({ guards: (kind, { before }) => before !== undefined || kind === "receipt" }),
  }),
  mutant("duplicate receipt accepted", "Two commits with one idempotency key at the same time both succeed.", {
    loose: unguarded("receipt"),
  }),
  mutant("cancel checks a stale order", "The state of the order is not guarded, so two cancels both give back.", {
    loose: unguarded("order"),
  }),
  mutant("coupon state not guarded", "One coupon is redeemed and revoked, or redeemed by two orders.", {
    loose: unguarded("coupon"),
  }),
  mutant("sales bucket overwritten", "The hour's count is written from what was read.", { loose: unguarded("bucket") }),
  mutant("acknowledged before commit", "The answer leaves before the changes are durable, and they may never be.", {
    loose: () => ({ answersBeforeCommit: true }),
  }),
  mutant("event before the commit", "The event is published although the commit then fails.", {
    loose: () => ({ events: "before" }),
  }),
  mutant(
    "event outside the commit",
    "The event follows in a transaction of its own, in whatever order they get there.",
    {
      loose: () => ({ events: "after" }),
    },
  ),
  mutant("receipt written after the effect", "A retry in between finds no receipt and does it again.", {
    loose: () => ({ receiptsAfter: true }),
  }),
  mutant("batch keeps going", "A batch whose guard fails commits what did hold, and is then run again.", {
    loose: () => ({ keepsGoing: true }),
  }),
  mutant("refusals of a mixed batch trusted", "What was refused on an unlocked read is not decided again.", {
    loose: () => ({ trustsRefusals: true }),
  }),
  mutant("unordered locks", "Row locks are taken in whatever order the caller named them.", {
    loose: () => ({ locks: "unordered" }),
  }),
  mutant("redeem lost in a shared batch", "A coupon issued and redeemed in one batch is inserted as issued.", {
    loose: () => ({ commits: insertAsIssued }),
  }),
  mutant(
    "sold-out from a cached counter",
    "The number issued comes from a cache, with the places of revoked coupons.",
    {
      loose: () => ({
        sees: (records) => ({
          ...records,
          campaign: (campaignId) => {
            const campaign = records.campaign(campaignId)
            // A cache that counted attempts says one more than there are.
            return campaign && campaign.issued === campaign.limit - 1
              ? { ...campaign, issued: Quantity.make(campaign.limit) }
              : campaign
          },
        }),
      }),
    },
  ),
  mutant("tickets with gaps", "A ticket of an attempt that failed is not given again.", {
    loose: () => ({ commits: skipTicket() }),
  }),
  mutant("stale read cached", "Reads of products and accounts are answered from a cache for a while.", {
    wrap: (store) => {
      const cachedProduct = remember<ReadonlyArray<Product>>(1)
      const cachedAccount = remember<Account | undefined>(1)
      const { reads } = store
      return {
        ...store,
        reads: {
          ...reads,
          products: (ids) => Effect.map(reads.products(ids), (found) => cachedProduct(ids.join(), found)),
          account: (id) => Effect.map(reads.account(id), (found) => cachedAccount(id, found)),
        },
      }
    },
  }),
  mutant("stale count of a campaign", "The number issued is read from a replica that lags.", {
    wrap: (store) => {
      const cached = remember<object | undefined>(2)
      const { reads } = store
      return {
        ...store,
        reads: {
          ...reads,
          campaign: (id) =>
            Effect.map(reads.campaign(id), (found) => {
              const stale = cached(id, found)
              return found && stale === found ? found : found && { ...found, issued: Quantity.make(0) }
            }),
        },
      }
    },
  }),
  mutant("list of popular products unsorted", "Ties and order come as the database likes.", {
    wrap: (store) => ({
      ...store,
      reads: { ...store.reads, top: (window) => Effect.map(store.reads.top(window), (top) => top.toReversed()) },
    }),
  }),
  mutant("amount rounded in storage", "What was paid is stored in a column that loses a unit.", {
    loose: () => ({ commits: loseAUnit }),
  }),
  mutant("ledger in the clients' order", "Entries and movements are sorted by a clock of the client's.", {
    wrap: (store) => ({
      ...store,
      scanLog: (log, after, limit) => Effect.map(store.scanLog(log, after, limit), swapNeighbours),
    }),
  }),
  mutant("relay acknowledges before publish", "Events count as delivered when they are claimed.", {
    wrap: withOutbox((outbox) => ({
      claim: (lease, after, limit) =>
        Effect.tap(outbox.claim(lease, after, limit), (claimed) =>
          outbox.acknowledge(
            lease,
            claimed.map(({ position }) => position),
          ),
        ),
    })),
  }),
  mutant("relay reorders per key", "Events are published side by side.", {
    wrap: withOutbox((outbox) => ({
      claim: (lease, after, limit) =>
        Effect.map(outbox.claim(lease, after, limit), (claimed) =>
          claimed.map((each, index) => ({
            position: each.position,
            event: claimed[claimed.length - 1 - index]?.event ?? each.event,
          })),
        ),
    })),
  }),
  mutant("event id made anew", "A redelivered event has another content.", {
    wrap: withOutbox((outbox) => {
      let claims = 0
      return {
        claim: (lease, after, limit) =>
          Effect.map(outbox.claim(lease, after, limit), (claimed) => {
            claims++
            return claimed.map(({ position, event }) => ({ position, event: { ...event, occurredAt: claims } }))
          }),
      }
    }),
  }),
  mutant("lease without an owner", "Whoever asks holds the lease.", {
    wrap: withOutbox(() => ({ lease: () => Effect.succeed(true) })),
  }),
]

function insertAsIssued(changes: ChangeSet): ChangeSet {
  const coupon = changes.puts.coupon.map((put) =>
    put.before === undefined && put.after.state === "redeemed"
      ? { ...put, after: { ...put.after, state: "issued" as const, orderId: undefined } }
      : put,
  )
  return { ...changes, puts: { ...changes.puts, coupon } }
}

function skipTicket(): (changes: ChangeSet) => ChangeSet {
  return (changes) => {
    const coupon = changes.puts.coupon.map((put) =>
      put.before === undefined && put.after.ticket >= 2
        ? { ...put, after: { ...put.after, ticket: put.after.ticket + 1 } }
        : put,
    )
    return { ...changes, puts: { ...changes.puts, coupon } }
  }
}

// Two rows that follow each other in one ledger name each other's commands.
function swapNeighbours<R extends { readonly commandId: string; readonly at: number }>(
  rows: ReadonlyArray<R>,
): ReadonlyArray<R> {
  return rows.map((row, index) => {
    const other = rows[index % 2 === 0 ? index + 1 : index - 1]
    return other === undefined ? row : { ...row, commandId: other.commandId }
  })
}

function loseAUnit(changes: ChangeSet): ChangeSet {
  const order = changes.puts.order.map((put) =>
    put.before === undefined && put.after.paid > 1
      ? { ...put, after: { ...put.after, paid: shifted(put.after.paid - 1) } }
      : put,
  )
  return { ...changes, puts: { ...changes.puts, order } }
}
