/**
 * The calls inside a transaction that the host opened.
 */
import { Cause, Context, Effect, Exit, Semaphore } from "effect"
import { makeDirectEngine } from "../engine/directEngine.ts"
import { HoldfastError } from "../HoldfastError.ts"
import type { InvalidInput, JoinNotSupported } from "../refusals.ts"
import { type CouponsShape, makeCoupons } from "../services/Coupons.ts"
import type { KernelShape } from "../services/Kernel.ts"
import { makeOrders, type OrdersShape } from "../services/Orders.ts"
import { makePoints, type PointsShape } from "../services/Points.ts"
import { Runtime } from "../services/Runtime.ts"
import { makeStock, type StockShape } from "../services/Stock.ts"
import { type Host, type Promised, promised, type SafePromised, safePromised } from "./derive.ts"
import type { Starter } from "./Starter.ts"

/**
 * Tickets are not issued inside a host's transaction: one that was rolled back would be given twice. Requests are not kept by
 * the host's transaction either.
 */
interface JoinedShapes {
  readonly points: PointsShape
  readonly stock: StockShape
  readonly coupons: Omit<CouponsShape, "issue" | "request" | "requested">
  readonly orders: OrdersShape
}

type Groups = { readonly [Group in keyof JoinedShapes]: Promised<JoinedShapes[Group]> }
type SafeGroups = { readonly [Group in keyof JoinedShapes]: SafePromised<JoinedShapes[Group], JoinNotSupported> }

export interface JoinedGroups extends Groups {
  /** The same calls, answering `{ ok: true, value }` or `{ ok: false, error }` instead of rejecting. */
  readonly safe: SafeGroups
}

/** Joins transactions of the host; the same handle has the same groups, however often it is named. */
export const makeWithin = (starter: Starter, kernel: KernelShape): ((transaction: object) => JoinedGroups) => {
  const joined = new WeakMap<object, JoinedGroups>()
  return (transaction) => {
    if (!isHandle(transaction)) throw new HoldfastError(noTransaction)
    const known = joined.get(transaction)
    if (known !== undefined) return known
    const groups = join(starter, kernel, transaction)
    joined.set(transaction, groups)
    return groups
  }
}

/** A host in JavaScript, or one whose `tx` is any, may pass what is not there. */
const isHandle = (given: unknown): boolean =>
  (typeof given === "object" && given !== null) || typeof given === "function"

const noTransaction: InvalidInput = {
  _tag: "InvalidInput",
  issues: [{ pointer: "/transaction", message: "must be the transaction that you opened" }],
}

const join = (starter: Starter, kernel: KernelShape, transaction: object): JoinedGroups => {
  const turns = Semaphore.makeUnsafe(1)
  let current: JoinedGroups | undefined
  // Joined again by every call: a client may be in another of the host's transactions by now, or in none. Calls that are
  // made in one go, as in a `Promise.all`, are made in the same one.
  const now = (): JoinedGroups => {
    if (current === undefined) {
      current = joinOnce(starter, kernel, transaction, turns)
      void Promise.resolve().then(() => {
        current = undefined
      })
    }
    return current
  }
  const { points, stock, coupons, orders, safe } = now()
  return {
    points: late(points, () => now().points),
    stock: late(stock, () => now().stock),
    coupons: late(coupons, () => now().coupons),
    orders: late(orders, () => now().orders),
    safe: {
      points: late(safe.points, () => now().safe.points),
      stock: late(safe.stock, () => now().safe.stock),
      coupons: late(safe.coupons, () => now().safe.coupons),
      orders: late(safe.orders, () => now().safe.orders),
    },
  }
}

/** The same methods, of whatever group there is when one is called. */
const late = <Group extends object>(group: Group, now: () => Group): Group =>
  // biome-ignore lint/plugin/casts: every method is there under its own name, and passes on what it is given
  Object.fromEntries(
    Object.keys(group).map((name) => [
      name,
      (...input: ReadonlyArray<unknown>) => {
        const calls: object = now()
        return Reflect.apply(Reflect.get(calls, name), calls, input)
      },
    ]),
  ) as Group

/** The calls of one transaction, which the first of them joins. */
const joinOnce = (
  starter: Starter,
  kernel: KernelShape,
  transaction: object,
  turns: Semaphore.Semaphore,
): JoinedGroups => {
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
  let joining: Promise<void> | undefined
  const host: Host = {
    isRunning: false,
    run: starter.run,
    caller: starter.caller,
    whenStarted: (begin, failed) =>
      starter.whenStarted(() => {
        joining ??= new Promise<void>((resolve, reject) => {
          starter.run(joinedKernel(starter, kernel, transaction, turns), (exit) => {
            if (Exit.isFailure(exit)) return reject(errorOf(exit.cause))
            inside = exit.value
            resolve()
          })
        })
        joining.then(begin, failed)
      }, failed),
  }
  const { issue: _, request: __, requested: ___, ...coupons } = makeCoupons(late)
  const shapes: JoinedShapes = { points: makePoints(late), stock: makeStock(late), coupons, orders: makeOrders(late) }
  return {
    points: promised(host, shapes.points),
    stock: promised(host, shapes.stock),
    coupons: promised(host, shapes.coupons),
    orders: promised(host, shapes.orders),
    safe: {
      points: safePromised(host, shapes.points),
      stock: safePromised(host, shapes.stock),
      coupons: safePromised(host, shapes.coupons),
      orders: safePromised(host, shapes.orders),
    },
  }
}

const joinedKernel = Effect.fnUntraced(function* (
  starter: Starter,
  { stamps }: KernelShape,
  transaction: object,
  turns: Semaphore.Semaphore,
) {
  const { engine, kernel, spans } = Context.get(starter.running, Runtime)
  const { store } = kernel
  const joinedStore = yield* store.join?.(transaction) ?? Effect.fail(notSupported(store.guarantees.name))
  return { stamps, store: joinedStore, submitter: yield* makeDirectEngine(joinedStore, { engine, turns, spans }) }
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
