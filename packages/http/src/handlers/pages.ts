/**
 * Pages of lists as JSON: a last page says so with null, which a missing field could not.
 */
import type { Page } from "@holdfast/core"

export const pageBody = <Item, Body>({ items, nextCursor }: Page<Item>, bodyOf: (item: Item) => Body) => ({
  items: items.map(bodyOf),
  nextCursor: nextCursor ?? null,
})
