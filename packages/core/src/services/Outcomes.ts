/**
 * What became of a call whose answer was lost: the truth, read from its receipt.
 */
import { Context, Effect, Schema } from "effect"
import { issueCall } from "../decision/couponCalls.ts"
import { decoderOf, isInvalid } from "../engine/admission.ts"
import type { Engine } from "../engine/Engine.ts"
import { afterDeadlineMillis, type KeyState } from "../engine/LostReplies.ts"
import type { InvalidInput, StoreNo } from "../refusals.ts"
import { IdempotencyKey, Scope } from "../values.ts"
import type { CouponsShape } from "./Coupons.ts"
import type { KernelShape } from "./Kernel.ts"
import { fastPath, type MaybeFastPath, orStillUnknown, type Replayed } from "./method.ts"
import type { OrdersShape } from "./Orders.ts"
import type { PointsShape } from "./Points.ts"
import type { StockShape } from "./Stock.ts"

/** The services whose calls leave receipts. */
export interface Groups {
  readonly points: PointsShape
  readonly stock: StockShape
  readonly coupons: CouponsShape
  readonly orders: OrdersShape
}

type AnswerOfMethod<Method> = Method extends (input: never) => Effect.Effect<infer Answer, infer _> ? Answer : never

type NamesIn<Group extends keyof Groups> = {
  [Name in keyof Groups[Group] & string]: AnswerOfMethod<Groups[Group][Name]> extends Replayed
    ? `${Group}.${Name}`
    : never
}[keyof Groups[Group] & string]

/** The names of the calls that change something, such as `orders.place`. */
export type OperationName = { [Group in keyof Groups]: NamesIn<Group> }[keyof Groups]

/** What an operation answers. */
export type AnswerOf<Name extends OperationName> = Name extends `${infer Group extends keyof Groups}.${infer Method}`
  ? Method extends keyof Groups[Group]
    ? Omit<AnswerOfMethod<Groups[Group][Method]>, "replayed">
    : never
  : never

export interface OutcomeQuery<Name extends OperationName> {
  readonly operation: Name
  readonly key: string
  readonly scope?: string | undefined
  /**
   * When the call was made last, in whichever process, by the caller's clock. Default: just now. Only where other processes
   * use the store: this one does not know what they have sent, so it can say that nothing happened only once that is too late.
   */
  readonly calledAt?: Date | undefined
}

/** What is true of a key now. */
export type KnownOutcome<Name extends OperationName> =
  /** It happened. `answer` is the first answer; an order is answered as it is now. */
  | { readonly status: "accepted"; readonly at: Date; readonly answer: AnswerOf<Name> }
  /**
   * A call of this key is on its way in this process, or may still be on its way where there is a `finalAt`: from then on
   * the same question is answered for good. Of `coupons.issue` also while coupon requests wait, of which one may have this key.
   */
  | { readonly status: "pending"; readonly finalAt?: Date }
  /** Nothing was accepted under this key, and nothing will be of any call that was made before. */
  | { readonly status: "not-found" }

export interface OutcomesShape {
  /** Reads what became of a keyed call. */
  readonly outcome: <Name extends OperationName>(
    query: OutcomeQuery<Name>,
  ) => Effect.Effect<KnownOutcome<Name>, InvalidInput | StoreNo>
}

export class Outcomes extends Context.Service<Outcomes, OutcomesShape>()("@holdfast/core/Outcomes") {}

export function makeOutcomes(
  kernel: KernelShape,
  groups: Groups,
  { isPending, lostReply }: Pick<Engine, "isPending" | "lostReply">,
): OutcomesShape {
  const ways = new Map(
    Object.entries(groups).flatMap(([group, methods]) =>
      Object.entries<MaybeFastPath>(methods).flatMap(([name, method]) => {
        const found = method[fastPath]
        return found === undefined ? [] : [[`${group}.${name}`, found] as const]
      }),
    ),
  )
  const decode = decoderOf(
    Schema.Struct({
      operation: Schema.Literals(Array.from(ways.keys())),
      key: IdempotencyKey,
      scope: Schema.optional(Scope),
      calledAt: Schema.optional(Schema.Date),
    }),
  )
  const { store, stamps } = kernel
  const now = store.now ?? Effect.sync(stamps.now)
  /**
   * What is not there: for good, or not yet for certain. Where others use the store, one of them may have been asked the
   * same: what this process knows of its own call alone makes nothing final.
   */
  const absent = Effect.fnUntraced(function* (lost: KeyState, calledAt: Date | undefined) {
    const own = lost._tag === "Open" ? lost.until : undefined
    if (store.guarantees.scope === "one process") return own === undefined ? notFound : pendingUntil(own)
    const current = yield* now
    // No call was made later than now, whatever its caller's clock says.
    const calledBy = Math.min(calledAt?.getTime() ?? current, current)
    const anyones = calledBy + stamps.deadlineMillis + afterDeadlineMillis
    if (own !== undefined) return pendingUntil(Math.max(own, anyones))
    return current >= anyones ? notFound : pendingUntil(anyones)
  })
  /** A request becomes a claim of the same key when it is decided. Which keys wait is not known: only that some may. */
  const mayWaitAsRequest = (operation: string) =>
    kernel.requests === undefined || operation !== issueCall.name ? Effect.succeed(false) : kernel.requests.mayWait
  return {
    outcome: Effect.fnUntraced(function* <Name extends OperationName>(query: OutcomeQuery<Name>) {
      const decoded = decode(query)
      if (isInvalid(decoded)) return yield* Effect.fail(decoded)
      const { operation, key, scope = stamps.scope, calledAt } = decoded
      const keyed = { operation: { name: operation }, key, scope }
      // Asked first: a call that ends in between is found in the store, never missed by both; nor is a request. Likewise what a
      // store had to end: what it still did by then is there to be read.
      const isOnItsWay = isPending(keyed) || (yield* orStillUnknown(mayWaitAsRequest(operation)))
      const lost = yield* orStillUnknown(lostReply(keyed))
      const receipt = yield* orStillUnknown(store.reads.receipt(scope, operation, key))
      const found = ways.get(operation)
      if (receipt === undefined || found === undefined) {
        return isOnItsWay ? ({ status: "pending" } as const) : yield* orStillUnknown(absent(lost, calledAt))
      }
      const { replayed: _, ...answer } = yield* found.recall(receipt)
      // biome-ignore lint/plugin/casts: the fast path of an operation recalls that operation's answers
      return { status: "accepted", at: new Date(receipt.at), answer: answer as AnswerOf<Name> } as const
    }),
  }
}

const notFound = { status: "not-found" } as const

const pendingUntil = (finalAt: number) => ({ status: "pending", finalAt: new Date(finalAt) }) as const
