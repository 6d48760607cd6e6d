/**
 * Broken reads behind the services: outcomes, orders and pages out of places that lag or count wrongly.
 */
import { Effect } from "effect"
import type { PageRequest, Reads, StoreShape } from "../../ports/index.ts"
import { type Mutant, mutant } from "./Mutant.ts"

const reading =
  (change: (reads: Reads) => Partial<Reads>) =>
  (store: StoreShape): StoreShape => ({ ...store, reads: { ...store.reads, ...change(store.reads) } })

/** Nothing is found the first time that somebody looks for it. */
const unseenOnce = (): ((name: string) => boolean) => {
  const looked = new Set<string>()
  return (name) => {
    const unseen = !looked.has(name)
    looked.add(name)
    return unseen
  }
}

/** A page that is found by how many lines were read before, not by the last of them. */
const byOffset = (): (<Row, E>(
  owner: string,
  page: PageRequest<number>,
  read: (page: PageRequest<number>) => Effect.Effect<ReadonlyArray<Row>, E>,
) => Effect.Effect<ReadonlyArray<Row>, E>) => {
  const lines = new Map<string, number>()
  return (owner, page, read) => {
    const name = `${owner} ${page.newestFirst}`
    const before = page.after === undefined ? 0 : (lines.get(name) ?? 0)
    // Whoever asks for a page asks for one line more than it shows.
    lines.set(name, before + page.limit - 1)
    return Effect.map(read({ ...page, after: undefined, limit: before + page.limit }), (rows) => rows.slice(before))
  }
}

export const readMutants: ReadonlyArray<Mutant> = [
  mutant("outcome from a replica", "Receipts are looked up where the last ones have not arrived.", {
    wrap: reading((reads) => {
      const unseen = unseenOnce()
      return {
        receipt: (scope, operation, key) =>
          Effect.map(reads.receipt(scope, operation, key), (receipt) =>
            receipt !== undefined && unseen(receipt.commandId) ? undefined : receipt,
          ),
      }
    }),
  }),
  mutant("order shown late", "An order is looked up in an index that is built behind the sales.", {
    wrap: reading((reads) => {
      const unseen = unseenOnce()
      return {
        order: (orderId) =>
          Effect.map(reads.order(orderId), (order) => (order !== undefined && unseen(orderId) ? undefined : order)),
      }
    }),
  }),
  mutant("pages by offset", "A page begins after as many lines as were read, however many came in since.", {
    wrap: reading((reads) => {
      const offset = byOffset()
      return {
        entries: (id, page) => offset(`account ${id}`, page, (asked) => reads.entries(id, asked)),
        movements: (id, page) => offset(`product ${id}`, page, (asked) => reads.movements(id, asked)),
      }
    }),
  }),
  mutant("cursor past its line", "The line after the last one of a page is on no page.", {
    wrap: reading((reads) => ({
      entries: (id, page) =>
        reads.entries(id, {
          ...page,
          after: page.after === undefined ? undefined : page.after + (page.newestFirst ? -1 : 1),
        }),
    })),
  }),
  mutant("window an hour too long", "The list counts the hour before its window as well.", {
    wrap: reading((reads) => ({ top: (window) => reads.top({ ...window, fromHour: window.fromHour - 1 }) })),
  }),
]
