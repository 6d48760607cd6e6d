/**
 * Broken engines and rules: what happens to commands before they are decided, to verdicts, and to what callers are told.
 */
import { type Clock, Effect } from "effect"
import { redeem } from "../../coupons/Coupon.ts"
import type { Command, Operation } from "../../decision/Command.ts"
import type { KindName, LedgerName, RecordOf } from "../../decision/kinds.ts"
import type { Records } from "../../decision/Records.ts"
import type { StoreFault } from "../../ports/index.ts"
import { type CommandId, type IdempotencyKey, type ProductId, Quantity, zero } from "../../values.ts"
import { type Mutant, mutant, shifted } from "./Mutant.ts"

/** An operation whose verdict is changed before anybody sees it. */
export const misruled =
  (
    name: string,
    change: (verdict: ReturnType<Operation["decide"]>, command: Command) => ReturnType<Operation["decide"]>,
  ) =>
  (command: Command): Command => {
    if (command.operation.name !== name) return command
    const { operation } = command
    return {
      ...command,
      operation: {
        ...operation,
        decide: (records, request, cause) => change(operation.decide(records, request, cause), command),
      },
    }
  }

export const engineMutants: ReadonlyArray<Mutant> = [
  mutant(
    "later caller gets the earlier ticket",
    "Tickets are handed out in blocks, and the blocks are used out of order.",
    {
      tampering: { command: misruled("coupons.issue", swapTickets) },
    },
  ),
  mutant("stale balance in a stored answer", "The receipt keeps the balance before the charge.", {
    tampering: {
      command: misruled("points.charge", (verdict) =>
        verdict._tag === "Accept"
          ? {
              ...verdict,
              stored: {
                ...verdict.stored,
                balance: shifted(Number(verdict.stored.balance) - (verdict.changes.rows?.entry?.[0]?.change ?? 0)),
              },
            }
          : verdict,
      ),
    },
  }),
  mutant("answer computed before the lock", "A charge is answered as its first try would have been.", {
    tampering: { command: answeredAsFirst },
  }),
  fingerprintIgnored(),
  mutant("retry without its key", "What is sent again after a lost reply is a new command, with a key of its own.", {
    tampering: {
      retried: (command) => {
        const id = idOf(`${command.id}r`)
        return { ...command, id, key: keyOf(id) }
      },
    },
  }),
  mutant("unknown outcome reported as refusal", "A lost reply is told as a store that refused: nothing happened.", {
    tampering: {
      store: (store) => ({
        ...store,
        transact: (keys, decide) =>
          Effect.mapError(
            store.transact(keys, decide),
            (fault): StoreFault => (fault._tag === "Lost" ? { _tag: "Rejected", reason: fault.reason } : fault),
          ),
      }),
    },
  }),
  mutant("refused while an earlier try goes on", "After a lost reply the first try is taken for dead.", {
    tampering: { store: (store) => ({ ...store, settle: () => Effect.succeed(true) }) },
  }),
  mutant("decided after its deadline", "Nobody looks at the clock again once a command is queued.", {
    tampering: { command: (command) => ({ ...command, deadline: Number.MAX_SAFE_INTEGER }) },
  }),
  mutant("time measured by the time of day", "Where the clock is set back, a call has so much more time.", {
    tampering: { clock: byTimeOfDay },
  }),
  mutant("withdrawn calls happen", "A caller who left in time is told so, and the command is run all the same.", {
    tampering: { forgetsWithdrawals: true },
  }),
  mutant("discount by float", "The percentage is computed with floats and rounded.", {
    tampering: { command: discountByFloat },
  }),
  mutant(
    "coupon used up for nothing",
    "An order too small for its coupon is placed without a discount, and redeems it.",
    {
      tampering: { command: redeemedForNothing },
    },
  ),
  mutant("order shares rounded apart", "Each line's share is rounded on its own.", {
    tampering: { command: misruled("orders.place", roundShares) },
  }),
  mutant("coupon not returned on cancel", "The cancel gives points and stock back and forgets the coupon.", {
    tampering: { command: misruled("orders.cancel", (verdict) => without(verdict, "coupon")) },
  }),
  mutant("refund forgotten", "The cancel returns the units and keeps the points.", {
    tampering: {
      command: misruled("orders.cancel", (verdict) => without(verdict, "entry", "account")),
    },
  }),
  mutant("units not returned", "The cancel refunds the points and keeps the units.", {
    tampering: {
      command: misruled("orders.cancel", (verdict) => without(verdict, "movement", "product")),
    },
  }),
  mutant("stock without its movement", "The count says that units were added, and the ledger does not.", {
    tampering: { command: misruled("stock.restock", (verdict) => without(verdict, "movement")) },
  }),
  mutant("cancelled sales counted", "A cancel leaves the hour in which its order was counted as it is.", {
    tampering: { command: misruled("orders.cancel", (verdict) => without(verdict, "bucket")) },
  }),
  mutant("old price charged", "Prices are those of the registration, out of a cache that nobody clears.", {
    tampering: { command: priceAsRegistered },
  }),
  mutant("existing definition guessed", "The refusal of a second registration repeats what was asked.", {
    tampering: {
      decision: (decision, { request }) =>
        decision._tag === "Refused" && decision.refusal._tag === "ProductAlreadyExists"
          ? {
              ...decision,
              refusal: {
                ...decision.refusal,
                existing: { ...decision.refusal.existing, price: shifted(Number(fieldOf(request, "price"))) },
              },
            }
          : decision,
    },
  }),
  mutant("shortage made up", "A refusal always says that none is left.", {
    tampering: {
      decision: (decision) =>
        decision._tag === "Refused" && decision.refusal._tag === "OutOfStock"
          ? {
              ...decision,
              refusal: {
                ...decision.refusal,
                lines: decision.refusal.lines.map((line) => ({ ...line, available: Quantity.make(0) })),
              },
            }
          : decision,
    },
  }),
  mutant("poverty made up", "A refusal names a balance of one point less.", {
    tampering: {
      decision: (decision) =>
        decision._tag === "Refused" && decision.refusal._tag === "PointsNotEnough"
          ? { ...decision, refusal: { ...decision.refusal, available: shifted(decision.refusal.available - 1) } }
          : decision,
    },
  }),
  mutant("wrong ticket shown", "The answer to a repeated issue shows a ticket that nobody has.", {
    tampering: {
      decision: (decision, { operation }) =>
        decision._tag === "Recalled" && operation.name === "coupons.issue"
          ? { ...decision, receipt: { ...decision.receipt, answer: { ...decision.receipt.answer, ticket: 99 } } }
          : decision,
    },
  }),
]

function objectOf(answer: unknown): object {
  return typeof answer === "object" && answer !== null ? answer : {}
}

const fieldOf = (request: unknown, field: string): unknown => Reflect.get(objectOf(request), field)

// biome-ignore lint/plugin/casts: an id that a broken engine makes
const idOf = (id: string): CommandId => id as CommandId
// biome-ignore lint/plugin/casts: a command's id is a legal key
const keyOf = (id: CommandId): IdempotencyKey => `${id}` as IdempotencyKey

/** What was really intended is kept, and never compared. */
function fingerprintIgnored(): Mutant {
  // Every command of a trial passes here before its receipt is written, so what an earlier trial left is not seen.
  const intended = new Map<string, string>()
  const ignored = "v1:ignored"
  return mutant("fingerprint ignored", "A key is enough to be answered, whatever is asked.", {
    tampering: {
      command: (command) => {
        intended.set(command.id, command.fingerprint)
        return { ...command, fingerprint: ignored }
      },
    },
    loose: () => ({
      sees: (records) => ({
        ...records,
        receipt: (scope, operation, key) => {
          const receipt = records.receipt(scope, operation, key)
          return receipt && { ...receipt, fingerprint: ignored }
        },
      }),
      commits: (changes) => ({
        ...changes,
        puts: {
          ...changes.puts,
          receipt: changes.puts.receipt.map((put) => ({
            ...put,
            after: { ...put.after, fingerprint: intended.get(put.after.commandId) ?? ignored },
          })),
        },
      }),
    }),
  })
}

function answeredAsFirst(command: Command): Command {
  let first: unknown
  return misruled("points.charge", (verdict) => {
    if (verdict._tag !== "Accept") return verdict
    first ??= verdict.answer
    return { ...verdict, answer: first }
  })(command)
}

type Verdict = ReturnType<Operation["decide"]>

/** The verdict without what it changes of some kinds and what it appends to their ledgers. */
export function without(verdict: Verdict, ...names: ReadonlyArray<KindName | LedgerName>): Verdict {
  if (verdict._tag !== "Accept") return verdict
  const left = Object.fromEntries(names.map((name) => [name, undefined]))
  const { records, rows } = verdict.changes
  return { ...verdict, changes: { ...verdict.changes, records: { ...records, ...left }, rows: { ...rows, ...left } } }
}

/** The verdict with the new records of a kind changed. */
export function withRecords<K extends Exclude<KindName, "receipt">>(
  verdict: Extract<Verdict, { readonly _tag: "Accept" }>,
  kind: K,
  change: (record: RecordOf[K]) => RecordOf[K],
): Extract<Verdict, { readonly _tag: "Accept" }> {
  const records = { ...verdict.changes.records, [kind]: verdict.changes.records[kind]?.map(change) }
  return { ...verdict, changes: { ...verdict.changes, records } }
}

function redeemedForNothing(command: Command): Command {
  if (command.operation.name !== "orders.place") return command
  const { operation } = command
  return {
    ...command,
    operation: {
      ...operation,
      decide: (records, request, cause) => {
        const verdict = operation.decide(records, request, cause)
        if (verdict._tag !== "CouponMinimumNotMet") return verdict
        const { campaignId } = verdict
        const placed = operation.decide(records, Object.assign({}, request, { campaignId: undefined }), cause)
        const order = placed._tag === "Accept" ? placed.changes.records?.order?.[0] : undefined
        const coupon = order && records.coupon(campaignId, order.accountId)
        if (placed._tag !== "Accept" || order === undefined || coupon === undefined) return placed
        const named = { ...order, campaignId }
        return {
          ...placed,
          answer: named,
          changes: {
            ...placed.changes,
            records: { ...placed.changes.records, order: [named], coupon: [redeem(coupon, order.orderId, cause)] },
          },
          event: { ...placed.event, data: { ...placed.event.data, campaignId } },
        }
      },
    },
  }
}

// The rules are shown a flat discount that was computed wrongly; what is stored is the coupon as it was.
function discountByFloat(command: Command): Command {
  if (command.operation.name !== "orders.place") return command
  const { operation } = command
  return {
    ...command,
    operation: {
      ...operation,
      decide: (records, request, cause) => {
        let issued: ReturnType<typeof records.coupon>
        const lines = fieldOf(request, "lines")
        const verdict = operation.decide(
          {
            ...records,
            coupon: (campaignId, id) => {
              issued = records.coupon(campaignId, id)
              if (issued?.discount.type !== "rate") return issued
              const total = totalOf(records, Array.isArray(lines) ? lines : [])
              const amount = shifted(Math.round(total * (issued.discount.percent / 100)))
              return { ...issued, discount: { type: "flat", amount, minTotal: undefined } }
            },
          },
          request,
          cause,
        )
        if (verdict._tag !== "Accept" || issued === undefined) return verdict
        const { discount } = issued
        return withRecords(verdict, "coupon", (coupon) => ({ ...coupon, discount }))
      },
    },
  }
}

const totalOf = (
  records: Records,
  lines: ReadonlyArray<{ readonly productId: ProductId; readonly quantity: number }>,
) => lines.reduce((sum, { productId, quantity }) => sum + (records.product(productId)?.price ?? 0) * quantity, 0)

function roundShares(verdict: ReturnType<Operation["decide"]>): ReturnType<Operation["decide"]> {
  if (verdict._tag !== "Accept") return verdict
  return withRecords(verdict, "order", (order) => {
    const lines = order.lines.map((line) => {
      const cost = line.unitPrice * line.quantity
      const discount = order.total === 0 ? zero : shifted(Math.round((order.discount * cost) / order.total))
      return { ...line, discount, paid: shifted(cost - discount) }
    })
    return { ...order, lines }
  })
}

// The first two tickets change places: whoever comes first is given number 2.
function swapTickets(verdict: ReturnType<Operation["decide"]>): ReturnType<Operation["decide"]> {
  if (verdict._tag !== "Accept") return verdict
  const drawn = verdict.changes.records.coupon?.[0]?.ticket
  if (drawn === undefined || drawn > 2) return verdict
  const ticket = 3 - drawn
  return {
    ...withRecords(verdict, "coupon", (coupon) => ({ ...coupon, ticket })),
    answer: { ...objectOf(verdict.answer), ticket },
    stored: { ...verdict.stored, ticket },
    event: { ...verdict.event, data: { ...verdict.event.data, ticket } },
  }
}

function priceAsRegistered(command: Command): Command {
  if (command.operation.name !== "orders.place") return command
  const { operation } = command
  return {
    ...command,
    operation: {
      ...operation,
      decide: (records, request, cause) => {
        const old: typeof records = {
          ...records,
          product: (id) => {
            const product = records.product(id)
            return product && { ...product, price: product.registered.price }
          },
        }
        const verdict = operation.decide(old, request, cause)
        if (verdict._tag !== "Accept") return verdict
        return withRecords(verdict, "product", (each) => ({
          ...each,
          price: records.product(each.productId)?.price ?? each.price,
        }))
      },
    },
  }
}

function byTimeOfDay(clock: Clock.Clock): Clock.Clock {
  return {
    currentTimeMillisUnsafe: () => clock.currentTimeMillisUnsafe(),
    currentTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
    monotonicTimeNanosUnsafe: () => clock.currentTimeNanosUnsafe(),
    currentTimeMillis: clock.currentTimeMillis,
    currentTimeNanos: clock.currentTimeNanos,
    monotonicTimeNanos: clock.currentTimeNanos,
    sleep: (duration) => clock.sleep(duration),
  }
}
