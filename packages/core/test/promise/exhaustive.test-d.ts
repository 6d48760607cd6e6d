/**
 * Proofs for the compiler, run by `tsc`: a `switch` over `error.code` knows every code, and a call's types say what it
 * may refuse with. Each `@ts-expect-error` is an error that must be there.
 */
import type {
  CreateOptions,
  Event,
  Order,
  Refusal,
  RefusalTag,
  SafeResult,
  Shop,
  Unavailable,
} from "../../src/index.ts"
import { type Code, isHoldfastError } from "../../src/index.ts"

declare const shop: Shop
declare const assertNever: (never: never) => string

type ErrorOf<Result> = Result extends { readonly ok: false; readonly error: infer Failure } ? Failure : never
type Awaitable<Call extends (...input: never) => unknown> = Awaited<ReturnType<Call>>

export const everyCaseOfACharge = (error: ErrorOf<Awaitable<Shop["safe"]["points"]["charge"]>>): string => {
  switch (error.code) {
    case "INVALID_INPUT":
      return String(error.refusal.issues[0]?.pointer)
    case "IDEMPOTENCY_KEY_REUSED":
      return error.refusal.operation
    case "ACCOUNT_NOT_FOUND":
      return error.refusal.accountId
    case "ACCOUNT_NOT_OPEN":
      return error.refusal.state
    case "BALANCE_LIMIT_EXCEEDED":
      return String(error.refusal.limit)
    case "OVERLOADED":
      return String(error.unavailable.retryAfterMillis)
    case "DEADLINE_EXCEEDED":
      return String(error.unavailable.deadlineMillis)
    case "STORE_UNAVAILABLE":
    case "STORE_REJECTED":
      return error.unavailable.reason
    case "STOPPED":
    case "TRANSACTION_CONFLICT":
    case "JOIN_NOT_SUPPORTED":
      return error.outcome
    default:
      return assertNever(error)
  }
}

export const oneCaseMissing = (error: ErrorOf<Awaitable<Shop["safe"]["points"]["charge"]>>): string => {
  switch (error.code) {
    case "INVALID_INPUT":
    case "IDEMPOTENCY_KEY_REUSED":
    case "ACCOUNT_NOT_FOUND":
    case "ACCOUNT_NOT_OPEN":
    case "OVERLOADED":
    case "DEADLINE_EXCEEDED":
    case "STORE_UNAVAILABLE":
    case "STORE_REJECTED":
    case "STOPPED":
    case "TRANSACTION_CONFLICT":
    case "JOIN_NOT_SUPPORTED":
      return error.message
    default:
      // @ts-expect-error BALANCE_LIMIT_EXCEEDED is missing above
      return assertNever(error)
  }
}

/** A read may also find the shop stopped, or unable to start. */
export const everyCaseOfARead = (error: ErrorOf<Awaitable<Shop["safe"]["points"]["balance"]>>): string => {
  switch (error.code) {
    case "ACCOUNT_NOT_FOUND":
    case "INVALID_INPUT":
    case "STORE_UNAVAILABLE":
    case "STORE_REJECTED":
    case "STOPPED":
      return error.message
    default:
      return assertNever(error)
  }
}

export const everyCaseOfAThrow = (error: unknown): string => {
  if (!isHoldfastError(error)) throw error
  const code: Code = error.code
  // @ts-expect-error there is no such code
  if (code === "SOLD_OUT") return ""
  if (error.refusal?._tag === "OutOfStock") return String(error.refusal.lines[0]?.available)
  return error.unavailable?.outcome ?? code
}

const tagOf = (no: Refusal | Unavailable): string => no._tag
export const tag: RefusalTag = "CouponsSoldOut"
export const aNo: string = tagOf({ _tag: "Stopped", outcome: "nothing-happened" })
export const aResult = (placed: SafeResult<Order, never>): Order | undefined => (placed.ok ? placed.value : undefined)

export const inputs = async (): Promise<void> => {
  // @ts-expect-error a charge moves points, so it needs a key
  await shop.points.charge({ accountId: "ada", amount: 5 })
  // @ts-expect-error so does an order
  await shop.orders.place({ accountId: "ada", lines: [] })
  await shop.coupons.issue({ campaignId: "spring", accountId: "ada" })
  const campaign = { campaignId: "c", name: "C", limit: 1 }
  // @ts-expect-error times are dates
  await shop.coupons.createCampaign({ ...campaign, discount: { type: "flat", amount: 1 }, opensAt: 5 })
  // @ts-expect-error a rate is in percent
  await shop.coupons.createCampaign({ ...campaign, discount: { type: "rate", amount: 1 } })
  // @ts-expect-error tickets are not issued inside a transaction that may be rolled back
  await shop.within({}).coupons.issue({ campaignId: "spring", accountId: "ada" })
  // @ts-expect-error reads have no outcome
  await shop.outcome({ operation: "orders.get", key: "k" })
  const outcome = await shop.outcome({ operation: "points.charge", key: "k" })
  if (outcome.status === "accepted") outcome.answer.balance satisfies number
  const order = await shop.orders.place({ accountId: "ada", lines: [{ productId: "tea", quantity: 1 }], key: "k" })
  // @ts-expect-error an order does not show the stock left
  order.onHand
}

// @ts-expect-error an unknown option
export const options: CreateOptions = { quueLimit: 5 }

export const everyEventOfAnOrder = (event: Event): string => {
  switch (event.type) {
    case "orders.placed":
      return event.data.lines.map(({ name, quantity }) => `${quantity} ${name}`).join(", ")
    case "orders.completed":
      return event.data.orderId
    case "orders.cancelled":
      return String(event.data.restocked)
    case "points.charged":
      // @ts-expect-error a charge names no order
      return event.data.orderId
    default:
      // @ts-expect-error a field of some types has to be looked for by type
      return event.data.balance
  }
}

export const oneEvent = ({ data }: Event<"points.charged">): number => data.balance + data.amount + data.seq

// @ts-expect-error there is no such type
export type Misspelt = Event<"order.placed">
