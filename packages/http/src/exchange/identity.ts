/**
 * Who asks, and what they may do.
 *
 * The shop does no authentication: the host says who a request comes from. By default a caller may act for the user of
 * their own id, and nobody else.
 */
import { maxKeyBytes } from "@holdfast/core"
import type { RequestView } from "./Exchange.ts"

/** Whoever sends a request, as the host knows them. `id` is also the namespace of their idempotency keys. */
export interface Caller {
  readonly id: string
}

/** What a request is about to do. */
export type Action =
  | "points.balance"
  | "points.charge"
  | "points.entries"
  | "coupons.issue"
  | "coupons.request"
  | "coupons.requested"
  | "coupons.coupon"
  | "coupons.ofAccount"
  | "stock.product"
  | "popularity.top"
  | "orders.place"
  | "orders.get"
  | "orders.cancel"
  | "orders.ofAccount"
  | "outcome"

/** What a request is about. Only the ids that the action has. */
export interface Resource {
  /** The user in the path or body, or the owner of the order. */
  readonly userId?: string
  readonly orderId?: string
  readonly productId?: string
  readonly campaignId?: string
}

export interface Question<C extends Caller> {
  /** Undefined only where the action is open to anyone. */
  readonly caller: C | undefined
  readonly action: Action
  readonly resource: Resource
  readonly request: RequestView
}

/** The caller of a request; undefined where nobody is signed in. Throw a `HostUnavailable` where that cannot be known now. */
export type ResolveCaller<C extends Caller> = (request: RequestView) => C | undefined | PromiseLike<C | undefined>

/**
 * Exactly true allows, false forbids, undefined leaves it to the rule that callers act for themselves. Anything else is a
 * mistake of the host's, and is answered 500.
 */
export type Authorize<C extends Caller> = (
  question: Question<C>,
) => boolean | undefined | PromiseLike<boolean | undefined>

/** Actions about things that anyone may see. */
const open: ReadonlySet<Action> = new Set<Action>(["stock.product", "popularity.top"])

export const isOpen = (action: Action): boolean => open.has(action)

/** The rule without a host's own: open actions for anyone, one's own things for oneself. */
export const allowedByDefault = (caller: Caller | undefined, action: Action, owner: string | undefined): boolean =>
  isOpen(action) || (caller !== undefined && (owner === undefined || owner === caller.id))

/** A caller's id is the end of a scope, which may be as long as a key. */
export const isCallerId = (id: unknown): id is string => {
  if (typeof id !== "string" || id.length === 0 || id.length > maxCallerBytes || id.trim() !== id) return false
  if (/^[\x20-\x7e]*$/.test(id)) return true
  return id.isWellFormed() && !/\p{Cc}/u.test(id) && new TextEncoder().encode(id).length <= maxCallerBytes
}

const scopePrefix = "http:"
const maxCallerBytes = maxKeyBytes - scopePrefix.length

/**
 * The namespace of a caller's keys. The prefix keeps it apart from the scopes that the host uses in its own process: a
 * user called "default" does not meet them.
 */
export const scopeOf = (caller: Caller): string => `${scopePrefix}${caller.id}`
