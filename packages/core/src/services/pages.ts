/**
 * Lists are answered in pages, bounded and with a cursor that stays valid while the list grows.
 */
import { Schema } from "effect"
import type { Page as StorePage } from "../ports/Store.ts"
import { PageLimit } from "../values.ts"

/** One page of a list. */
export interface Page<Item> {
  readonly items: ReadonlyArray<Item>
  /** What to pass as `cursor` for the next page; undefined where this was the last one. */
  readonly nextCursor: string | undefined
}

const defaultLimit = 20

/** The cursor of a list that is ordered by a position. */
export const PositionCursor = Schema.String.check(
  Schema.makeFilter((text: string) =>
    /^\d{1,16}$/.test(text) ? undefined : "must be a nextCursor that an earlier page gave",
  ),
)

/** What every list takes: at most `limit` items (default 20, at most 1,000) after `cursor`. */
export const pageFields = { limit: Schema.optional(PageLimit) }

/** For lists that can be read from either end. Newest first unless said otherwise. */
export const orderField = { order: Schema.optional(Schema.Literals(["newest-first", "oldest-first"])) }

/** The store's page for a caller's. One more item is asked for, to know whether there is a next page. */
export const storePage = <Cursor>(
  page: { readonly limit?: number | undefined; readonly order?: "newest-first" | "oldest-first" | undefined },
  after: Cursor | undefined,
  otherwise: "newest-first" | "oldest-first",
): StorePage<Cursor> => ({
  after,
  limit: (page.limit ?? defaultLimit) + 1,
  newestFirst: (page.order ?? otherwise) === "newest-first",
})

/** The caller's page out of what the store gave for `asked`. */
export const pageOf = <Record, Item>(
  records: ReadonlyArray<Record>,
  asked: StorePage<unknown>,
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
