/**
 * Lists are answered in pages, bounded and with a cursor that stays valid while the list grows.
 */
import { Schema } from "effect"
import type { PageRequest } from "../ports/index.ts"
import { PageLimit } from "../values.ts"

/** One page of a list. */
export interface Page<Item> {
  /** The items of this page, in the list's order. */
  readonly items: ReadonlyArray<Item>
  /** What to pass as `cursor` for the next page; undefined where this was the last one. */
  readonly nextCursor: string | undefined
}

const defaultLimit = 20

export const notACursor = "must be a nextCursor that an earlier page gave"

/** The cursor of a list that is ordered by a position. */
export const PositionCursor = Schema.String.check(
  Schema.makeFilter((text: string) => (/^\d{1,16}$/.test(text) ? undefined : notACursor)),
)

/** What every list takes: at most `limit` items (default 20, at most 1,000) after `cursor`. */
export const pageFields = { limit: Schema.optional(PageLimit) }

/** For lists that can be read from either end. Newest first unless said otherwise. */
export const orderField = { order: Schema.optional(Schema.Literals(["newest-first", "oldest-first"])) }

type ListOrder = "newest-first" | "oldest-first"

/** What a caller may say of a page. */
export interface OrderedPage {
  readonly limit?: number | undefined
  readonly order?: ListOrder | undefined
}

/**
 * The store's page for a caller's. One more item is asked for, to know whether there is a next page, where the store does
 * not say so itself.
 */
export const storePage = <Cursor>(
  page: OrderedPage,
  after: Cursor | undefined,
  otherwise: "newest-first" | "oldest-first",
  beyond = 1,
): PageRequest<Cursor> => ({
  after,
  limit: (page.limit ?? defaultLimit) + beyond,
  newestFirst: (page.order ?? otherwise) === "newest-first",
})

/** The caller's page out of what the store gave for `asked`. */
export const pageOf = <Record, Item>(
  records: ReadonlyArray<Record>,
  asked: PageRequest<unknown>,
  cursorOf: (record: Record) => string,
  itemOf: (record: Record) => Item,
): Page<Item> => {
  const shown = records.slice(0, asked.limit - 1)
  const last = shown.at(-1)
  return {
    items: shown.map(itemOf),
    nextCursor: records.length > shown.length && last !== undefined ? cursorOf(last) : undefined,
  }
}

/** The position in a cursor that was checked by `PositionCursor`. */
export const positionOf = (cursor: string | undefined): number | undefined =>
  cursor === undefined ? undefined : Number(cursor)
