/**
 * What clients of a trial ask the services: what became of a key, an order that was answered, a list page by page.
 */
import { Effect, Exit } from "effect"
import type { Engine } from "../../engine/Engine.ts"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import { makeCoupons } from "../../services/Coupons.ts"
import type { KernelShape } from "../../services/Kernel.ts"
import { makeOrders } from "../../services/Orders.ts"
import { makeOutcomes, type OperationName } from "../../services/Outcomes.ts"
import { makePoints } from "../../services/Points.ts"
import type { Page } from "../../services/pages.ts"
import { makeStock } from "../../services/Stock.ts"
import { Scope } from "../../values.ts"
import type { Question } from "./Plan.ts"
import type { Told } from "./Trial.ts"

/** The services of one process, as far as they only read. */
export interface Asking {
  readonly ask: (question: Question, orderId: string | undefined) => Effect.Effect<Told | undefined, StoreFault>
}

type Order = "newest-first" | "oldest-first"

export const makeAsking = (
  store: StoreShape,
  prefix: string,
  engine: Pick<Engine, "isPending" | "lostReply">,
  now: () => number,
): Asking => {
  const kernel: KernelShape = {
    store,
    // Nothing that is asked here changes anything.
    submitter: {
      submit: () => {
        throw new Error("A question is no command.")
      },
      withdraw: () => {},
      readInTime: (_, reading) => reading,
    },
    stamps: {
      now,
      nextId: () => {
        throw new Error("A question has no id.")
      },
      deadlineMillis: 0,
      scope: Scope.make(prefix),
      settings: { accounts: "opened-on-purpose" },
    },
  }
  const points = makePoints(kernel)
  const stock = makeStock(kernel)
  const coupons = makeCoupons(kernel)
  const orders = makeOrders(kernel)
  const { outcome } = makeOutcomes(kernel, { points, stock, coupons, orders }, engine)

  const pages = <Item, E>(
    page: (cursor: string | undefined) => Effect.Effect<Page<Item>, E>,
    rowOf: (item: Item) => readonly [position: string, value: number],
  ): Effect.Effect<Told, E> =>
    Effect.gen(function* () {
      const rows: Array<readonly [string, number]> = []
      let cursor: string | undefined
      for (let read = 0; read < mostPages; read++) {
        const { items, nextCursor } = yield* page(cursor)
        rows.push(...items.map(rowOf))
        if (nextCursor === undefined) break
        cursor = nextCursor
        // Others write while somebody turns the page.
        yield* Effect.yieldNow
      }
      return { _tag: "Listed", rows }
    })

  const list = (what: Extract<Question, { readonly of: string }>): Effect.Effect<Told, unknown> => {
    const { limit, order } = what
    const id = `${prefix}-${what.id}`
    const from = (cursor: string | undefined): { limit: number; order: Order; cursor: string | undefined } => ({
      limit,
      order,
      cursor,
    })
    switch (what.of) {
      case "entries":
        return pages(
          (cursor) => points.entries({ accountId: id, ...from(cursor) }),
          ({ seq, balance }) => [String(seq), balance],
        )
      case "movements":
        return pages(
          (cursor) => stock.movements({ productId: id, ...from(cursor) }),
          ({ revision, onHand }) => [String(revision), onHand],
        )
      case "orders":
        return pages(
          (cursor) => orders.ofAccount({ accountId: id, ...from(cursor) }),
          ({ orderId, paid }) => [orderId, paid],
        )
    }
  }

  const agoOf = (millis: number | undefined): Date | undefined =>
    millis === undefined ? undefined : new Date(now() - millis)

  return {
    ask: (question, orderId) => {
      switch (question.what) {
        case "outcome":
          return answered(
            outcome({
              // biome-ignore lint/plugin/casts: plans name operations as the services do
              operation: question.call as OperationName,
              key: question.key,
              calledAt: agoOf(question.calledAgoMillis),
            }),
            (known): Told => ({
              _tag: "Outcome",
              status: known.status,
              open: known.status === "pending" && known.finalAt !== undefined,
              answer: known.status === "accepted" ? known.answer : undefined,
            }),
          )
        case "order":
          return orderId === undefined
            ? Effect.succeed(undefined)
            : answered(orders.get(orderId), ({ paid }): Told => ({ _tag: "Order", orderId, paid }), {
                _tag: "Order",
                orderId,
                paid: undefined,
              })
        case "list":
          return answered(list(question), (told) => told)
      }
    },
  }
}

/** More pages than any trial's list has. */
const mostPages = 200

/** What a service answered; `refused` where it refused. A question that met a fault was not answered. */
const answered = <A, E>(
  asked: Effect.Effect<A, E>,
  told: (answer: A) => Told,
  refused?: Told,
): Effect.Effect<Told | undefined> =>
  Effect.map(Effect.exit(asked), (exit) => (Exit.isSuccess(exit) ? told(exit.value) : refused))
