/**
 * What became of a call whose answer was lost: the truth, read from its receipt.
 */
import { Context, Effect, Schema } from "effect"
import { decoderOf, isInvalid } from "../engine/admission.ts"
import type { Engine } from "../engine/Engine.ts"
import type { InvalidInput, StoreUnavailable } from "../refusals.ts"
import { IdempotencyKey, Scope } from "../values.ts"
import type { CouponsShape } from "./Coupons.ts"
import type { KernelShape } from "./Kernel.ts"
import { type MaybeWay, orUnavailable, type Replayed, way } from "./method.ts"
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
}

/** What is true of a key now. */
export type KnownOutcome<Name extends OperationName> =
  /** It happened. `answer` is the first answer; an order is answered as it is now. */
  | { readonly status: "accepted"; readonly at: Date; readonly answer: AnswerOf<Name> }
  /** A call of this key is on its way in this process. Ask again. */
  | { readonly status: "pending" }
  /** Nothing was accepted under this key. */
  | { readonly status: "not-found" }

export interface OutcomesShape {
  /** Reads what became of a keyed call. */
  readonly outcome: <Name extends OperationName>(
    query: OutcomeQuery<Name>,
  ) => Effect.Effect<KnownOutcome<Name>, InvalidInput | StoreUnavailable>
}

export class Outcomes extends Context.Service<Outcomes, OutcomesShape>()("@holdfast/core/Outcomes") {}

export function makeOutcomes(kernel: KernelShape, groups: Groups, isPending: Engine["isPending"]): OutcomesShape {
  const ways = new Map(
    Object.entries(groups).flatMap(([group, methods]) =>
      Object.entries<MaybeWay>(methods).flatMap(([name, method]) => {
        const found = method[way]
        return found === undefined ? [] : [[`${group}.${name}`, found] as const]
      }),
    ),
  )
  const decode = decoderOf(
    Schema.Struct({
      operation: Schema.Literals(Array.from(ways.keys())),
      key: IdempotencyKey,
      scope: Schema.optional(Scope),
    }),
  )
  return {
    outcome: Effect.fnUntraced(function* <Name extends OperationName>(query: OutcomeQuery<Name>) {
      const decoded = decode(query)
      if (isInvalid(decoded)) return yield* Effect.fail(decoded)
      const { operation, key, scope = kernel.stamps.scope } = decoded
      // Asked first: a call that ends in between is found in the store, never missed by both.
      const pending = isPending({ operation: { name: operation }, key, scope })
      const receipt = yield* orUnavailable(kernel.store.reads.receipt(scope, operation, key))
      const found = ways.get(operation)
      if (receipt === undefined || found === undefined) return { status: pending ? "pending" : "not-found" } as const
      const { replayed: _, ...answer } = yield* found.recall(receipt)
      // biome-ignore lint/plugin/casts: the way of an operation recalls that operation's answers
      return { status: "accepted", at: new Date(receipt.at), answer: answer as AnswerOf<Name> } as const
    }),
  }
}
