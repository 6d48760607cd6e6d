/**
 * The calls inside a transaction that the host opened.
 */
import { Cause, Context, Effect, Exit } from "effect"
import { makeDirectEngine } from "../engine/directEngine.ts"
import type { JoinNotSupported } from "../refusals.ts"
import { type CouponsShape, makeCoupons } from "../services/Coupons.ts"
import type { KernelShape } from "../services/Kernel.ts"
import { makeOrders, type OrdersShape } from "../services/Orders.ts"
import { makePoints, type PointsShape } from "../services/Points.ts"
import { Runtime } from "../services/Runtime.ts"
import { makeStock, type StockShape } from "../services/Stock.ts"
import { type Host, type Promised, promised } from "./derive.ts"
import { HoldfastError } from "./HoldfastError.ts"
import type { Starter } from "./Starter.ts"

/** Tickets are not issued inside a host's transaction: one that was rolled back would be given twice. */
export interface JoinedGroups {
  readonly points: Promised<PointsShape>
  readonly stock: Promised<StockShape>
  readonly coupons: Promised<Omit<CouponsShape, "issue">>
  readonly orders: Promised<OrdersShape>
}

/** Joins transactions of the host; the same handle has the same groups, however often it is named. */
export const makeWithin = (starter: Starter, kernel: KernelShape): ((transaction: object) => JoinedGroups) => {
  const joined = new WeakMap<object, JoinedGroups>()
  return (transaction) => {
    const known = joined.get(transaction)
    if (known !== undefined) return known
    const groups = join(starter, kernel, transaction)
    joined.set(transaction, groups)
    return groups
  }
}

const join = (starter: Starter, kernel: KernelShape, transaction: object): JoinedGroups => {
  let inside: KernelShape | undefined
  const late: KernelShape = {
    stamps: kernel.stamps,
    get store() {
      return (inside ?? kernel).store
    },
    get submitter() {
      return (inside ?? kernel).submitter
    },
  }
  // Joined again for every call: a client may be in another of the host's transactions by now, or in none.
  let joining: Promise<void> | undefined
  const host: Host = {
    isRunning: false,
    run: starter.run,
    whenStarted: (begin, failed) =>
      starter.whenStarted(() => {
        joining ??= new Promise<void>((resolve, reject) => {
          starter.run(joinedKernel(starter, kernel, transaction), (exit) => {
            if (Exit.isFailure(exit)) return reject(errorOf(exit.cause))
            inside ??= exit.value
            resolve()
          })
        }).finally(() => {
          joining = undefined
        })
        joining.then(begin, failed)
      }, failed),
  }
  const { issue: _, ...coupons } = makeCoupons(late)
  return {
    points: promised(host, makePoints(late)),
    stock: promised(host, makeStock(late)),
    coupons: promised(host, coupons),
    orders: promised(host, makeOrders(late)),
  }
}

const joinedKernel = Effect.fnUntraced(function* (starter: Starter, { stamps }: KernelShape, transaction: object) {
  const { store } = Context.get(starter.running, Runtime).kernel
  const joinedStore = yield* store.join?.(transaction) ?? Effect.fail(notSupported(store.guarantees.name))
  return { stamps, store: joinedStore, submitter: yield* makeDirectEngine(joinedStore) }
})

const errorOf = (cause: Cause.Cause<JoinNotSupported>): unknown => {
  for (const reason of cause.reasons) {
    if (Cause.isFailReason(reason)) return new HoldfastError(reason.error)
  }
  return Cause.squash(cause)
}

const notSupported = (store: string): JoinNotSupported => ({
  _tag: "JoinNotSupported",
  outcome: "nothing-happened",
  store,
  reason: "it joins none",
})
