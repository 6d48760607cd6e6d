/**
 * What a handler is: which action it carries out, and how the core's words of a request become an answer of the core.
 */
import type { AbortSignalLike, Shop } from "@holdfast/core"
import type { translations } from "../compatibility/compatibility.ts"
import type { About, Names } from "../compatibility/Words.ts"
import type { Action, Caller } from "../exchange/identity.ts"
import type { CacheOptions, CancelOptions, ChargeOptions } from "../options.ts"
import type { No } from "../problems/problem.ts"

/** The calls of a shop that the surface makes. A whole `Shop` has them; a test or a bench may bring its own. */
export interface ShopCalls {
  readonly points: Pick<Shop["points"], "charge" | "balance" | "entries">
  readonly coupons: Pick<Shop["coupons"], "issue" | "request" | "requested" | "coupon" | "ofAccount">
  readonly stock: Pick<Shop["stock"], "product">
  readonly orders: Pick<Shop["orders"], "place" | "get" | "cancel" | "ofAccount">
  readonly popularity: Pick<Shop["popularity"], "top">
  readonly outcome: Shop["outcome"]
  readonly health: Shop["health"]
  /** Where it is not brought, `health` is asked instead. */
  readonly readiness?: Shop["readiness"]
}

/** What a handler has beside its input. */
export interface Call {
  readonly shop: ShopCalls
  /** The idempotency key of a change; empty for a read. */
  readonly key: string
  /** The namespace of the caller's keys. */
  readonly scope: string
  /** Aborts when the peer leaves: a change that no lane has taken by then will not happen. */
  readonly signal: AbortSignalLike
  /** The trace that the request belongs to, as its header says. */
  readonly traceparent: string | undefined
  /** Undefined only for actions that are open to anyone. */
  readonly caller: Caller | undefined
  /** Asks what the host allows, for things whose owner is known only after they were read. */
  readonly allows: (about: About) => boolean | Promise<boolean>
  /** Asks a rule of the host's by its name, before the shop is asked for a change. */
  readonly asks: (rule: string, question: () => boolean | PromiseLike<boolean>) => boolean | Promise<boolean>
  /** The request's names of the core's fields. */
  readonly names: Names
  readonly charge: ChargeOptions<Caller> | undefined
  readonly cancel: CancelOptions<Caller> | undefined
  /** How old answers to reads may be. */
  readonly cache: CacheOptions
  /** Headers that the answer of this very call has beside those of its route. */
  readonly headers: Record<string, string>
  /** How many seconds the request prefers to wait for an answer, by its `Prefer` header. */
  readonly preferredWaitSeconds: number
  /** The longest that an answer may be waited for, in milliseconds. */
  readonly longestWaitMillis: number
  /** Whether the process leaves: then nobody is kept waiting. */
  readonly isLeaving: () => boolean
  /** The most lines that an order may have. */
  readonly maxLines: number
  readonly now: () => number
}

export interface Handling<Input, Answer> {
  readonly action: Action
  /** `public` answers are the same for everybody, unless the host's own rule says who may see them. Default "private". */
  readonly cache?: string
  readonly run: (input: Input, call: Call) => Promise<Answer | No>
}

type Translated = typeof translations

/** One handling for every translation: a missing one does not compile. */
export type Handlings = {
  readonly [Group in keyof Translated]: {
    readonly [Name in keyof Translated[Group]]: Translated[Group][Name] extends {
      readonly input: (request: never) => infer Input
      readonly body: (answer: infer Answer) => unknown
    }
      ? Handling<Input, Answer>
      : never
  }
}
