/**
 * Broken stores: isolation, atomicity, order, staleness and delivery, each given up in one place that somebody has given up
 * before.
 */
import { Effect } from "effect"
import type { Campaign } from "../../coupons/Campaign.ts"
import type { ChangeSet } from "../../decision/Changes.ts"
import type { Records } from "../../decision/Records.ts"
import type { Event } from "../../events/Event.ts"
import type { Account } from "../../points/Account.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import type { Product } from "../../stock/Product.ts"
import type { CommandId } from "../../values.ts"
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

/** Events that change with the number of the claim that brings them. */
const withClaimCount = (change: (event: Event, claims: number) => Event) =>
  withOutbox((outbox) => {
    let claims = 0
    return {
      claim: (lease, after, limit) =>
        Effect.map(outbox.claim(lease, after, limit), (claimed) => {
          claims++
          return claimed.map(({ position, event }) => ({ position, event: change(event, claims) }))
        }),
    }
  })

/** The reply of each fifth call of `transact` is told as a fault. */
const everyFifth =
  (fault: StoreFault) =>
  (store: StoreShape): StoreShape => {
    let calls = 0
    return {
      ...store,
      transact: (...asked) =>
        Effect.flatMap(store.transact(...asked), (answer) =>
          ++calls % 5 === 0 ? Effect.fail(fault) : Effect.succeed(answer),
        ),
    }
  }

// biome-ignore lint/plugin/casts: an id that is wrong on purpose
const commandId = (id: string): CommandId => id as CommandId

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
  mutant("no guard and no lock", "What was read is written back, whatever happened in between.", {
    loose: () => ({ locks: "none" }),
  }),
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
  mutant("written after the answer", "A commit is answered when it is in memory, and written with the next one.", {
    loose: () => ({ writesLate: true }),
    reopens: true,
  }),
  mutant(
    "replay from a row that no standby has",
    "A repeat is answered from what is there to be read on this server.",
    {
      loose: () => ({ standby: "forgotten" }),
      reopens: true,
    },
  ),
  mutant("commit told as busy", "A reply that comes late is told as a row that somebody else holds.", {
    wrap: everyFifth({ _tag: "Busy", keys: [] }),
  }),
  mutant("commit told as nothing", "A connection that broke behind the commit is told as one that broke before it.", {
    wrap: everyFifth({ _tag: "Lost", reason: "the connection was cut", attempt: "nothing" }),
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
  mutant("event of the balance before", "A charge's event tells the balance that was read, and not the one it left.", {
    loose: () => ({ commits: tellBefore }),
  }),
  mutant("receipt written after the effect", "A retry in between finds no receipt and does it again.", {
    loose: () => ({ receiptsAfter: true }),
  }),
  mutant("batch keeps going", "A row whose guard fails is left out, and the rest of the batch is committed.", {
    loose: () => ({ leavesOut: "always" }),
  }),
  mutant(
    "guard on nothing",
    "The guard is counted over the rows that were written, so a lone refused row is not looked at.",
    { loose: () => ({ leavesOut: "alone" }) },
  ),
  mutant("duplicate issue on retry", "A retry asks a replica that has seen neither the coupon nor its receipt yet.", {
    loose: () => ({ guards: (kind) => kind !== "coupon" && kind !== "receipt", sees: issuesUnseenOnce() }),
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
  mutant("sold-out from a cached counter", "A counter in front of the campaign counts attempts instead of coupons.", {
    loose: () => ({ sees: attemptsCounted() }),
  }),
  mutant("tickets with gaps", "Tickets come from a sequence, and what a failed attempt drew is not given again.", {
    loose: () => ({ commits: ticketsDrawn() }),
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
      const lagging = remember<Campaign | undefined>(2)
      const { reads } = store
      return {
        ...store,
        reads: { ...reads, campaign: (id) => Effect.map(reads.campaign(id), (found) => lagging(id, found)) },
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
  mutant("neighbours in the ledger exchanged", "Two rows that follow each other name each other's commands.", {
    wrap: (store) => ({
      ...store,
      scanLog: (log, after, limit) => Effect.map(store.scanLog(log, after, limit), swapNeighbours),
    }),
  }),
  mutant("acknowledged when claimed", "The outbox counts events as handled when it hands them out.", {
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
  mutant("claims out of order", "The outbox hands out a page in whatever order the database finds it.", {
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
  mutant("event id made anew", "A redelivered event has another id.", {
    wrap: withClaimCount((event, claims) => ({ ...event, id: commandId(`${event.id.slice(0, -4)}~${claims}`) })),
  }),
  mutant("event made anew", "A redelivered event is built again out of what is true by then.", {
    wrap: withClaimCount((event, claims) => ({ ...event, occurredAt: claims })),
  }),
  mutant("lease without an owner", "Whoever asks holds the lease.", {
    wrap: withOutbox((outbox) => ({
      lease: (name, owner, leaseMillis) =>
        Effect.map(outbox.lease(name, "anybody", leaseMillis), (lease) => lease && { ...lease, owner }),
    })),
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

// Each attempt draws, whether its commit then succeeds or not.
function ticketsDrawn(): (changes: ChangeSet) => ChangeSet {
  const drawn = new Map<string, number>()
  return (changes) => {
    const coupon = changes.puts.coupon.map((put) => {
      if (put.before !== undefined) return put
      const ticket = (drawn.get(put.after.campaignId) ?? 0) + 1
      drawn.set(put.after.campaignId, ticket)
      return { ...put, after: { ...put.after, ticket } }
    })
    return { ...changes, puts: { ...changes.puts, coupon } }
  }
}

function attemptsCounted(): (records: Records) => Records {
  const attempts = new Map<string, number>()
  return (records) => {
    let counted = false
    return {
      ...records,
      campaign: (campaignId) => {
        const campaign = records.campaign(campaignId)
        const before = attempts.get(campaignId) ?? 0
        if (!counted && campaign !== undefined) attempts.set(campaignId, before + 1)
        counted = true
        return campaign && before >= campaign.limit ? { ...campaign, issued: campaign.limit } : campaign
      },
    }
  }
}

// The first look after an issue sees the state before it.
function issuesUnseenOnce(): (records: Records) => Records {
  const seen = new Set<string>()
  return (records) => {
    let unseen = false
    return {
      ...records,
      receipt: (scope, operation, key) => {
        const receipt = records.receipt(scope, operation, key)
        if (operation !== "coupons.issue" || receipt === undefined) return receipt
        unseen = !seen.has(receipt.commandId)
        seen.add(receipt.commandId)
        return unseen ? undefined : receipt
      },
      coupon: (campaignId, accountId) => (unseen ? undefined : records.coupon(campaignId, accountId)),
    }
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

function tellBefore(changes: ChangeSet): ChangeSet {
  const event = changes.appends.event.map((each) =>
    each.type === "points.charged"
      ? { ...each, data: { ...each.data, balance: Number(each.data.balance) - Number(each.data.amount) } }
      : each,
  )
  return { ...changes, appends: { ...changes.appends, event } }
}

function loseAUnit(changes: ChangeSet): ChangeSet {
  const order = changes.puts.order.map((put) =>
    put.before === undefined && put.after.paid > 1
      ? { ...put, after: { ...put.after, paid: shifted(put.after.paid - 1) } }
      : put,
  )
  return { ...changes, puts: { ...changes.puts, order } }
}
