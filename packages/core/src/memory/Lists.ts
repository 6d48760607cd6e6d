/**
 * Lists of things that belong to an owner, in the order of their positions: an account's entries by `seq`, its orders by
 * id, a campaign's coupons by ticket.
 *
 * Things arrive nearly in order, so that adding looks from the end; reading a page costs a binary search and the page.
 */
import type { PageRequest } from "../ports/index.ts"
import { compareBytes, type Key } from "../values.ts"
import { lowerBound, Sorted } from "./Sorted.ts"

type Position = string | number

interface List<T> {
  readonly owner: string
  readonly items: Array<T>
}

export class Lists<T, P extends Position> {
  readonly #positionOf: (item: T) => P
  readonly #lists = new Map<string, List<T>>()
  readonly #owners = new Sorted<List<T>>(({ owner }) => [owner])

  constructor(positionOf: (item: T) => P) {
    this.#positionOf = positionOf
  }

  add(owner: string, item: T): void {
    const list = this.#lists.get(owner)
    if (list === undefined) {
      const first = { owner, items: [item] }
      this.#lists.set(owner, first)
      this.#owners.add(first)
    } else this.#insert(list.items, item)
  }

  /** One page of an owner's list, in order or from the end. */
  page(owner: string, { after, limit, newestFirst }: PageRequest<P>): ReadonlyArray<T> {
    const items = this.#lists.get(owner)?.items ?? []
    if (!newestFirst) {
      const from = after === undefined ? 0 : this.#indexAfter(items, after)
      return items.slice(from, from + limit)
    }
    const until = after === undefined ? items.length : lowerBound(items, (item) => this.#compareTo(item, after) < 0)
    return items.slice(Math.max(0, until - limit), until).reverse()
  }

  /** The things of all owners, by owner and position, at most `limit` of those after a key of both. */
  scan(after: Key | undefined, limit: number): ReadonlyArray<T> {
    const found: Array<T> = []
    if (limit <= 0) return found
    const [owner, position] = after ?? []
    for (const list of this.#owners.from(owner === undefined ? undefined : [owner], true)) {
      const skips = position !== undefined && list.owner === owner
      const from = skips ? this.#indexAfter(list.items, position) : 0
      for (let index = from; index < list.items.length; index++) {
        const item = list.items[index]
        if (item !== undefined) found.push(item)
        if (found.length === limit) return found
      }
    }
    return found
  }

  #insert(items: Array<T>, item: T): void {
    const position = this.#positionOf(item)
    const last = items.at(-1)
    if (last === undefined || this.#compareTo(last, position) <= 0) items.push(item)
    else items.splice(this.#indexAfter(items, position), 0, item)
  }

  #indexAfter(items: ReadonlyArray<T>, position: Position): number {
    return lowerBound(items, (item) => this.#compareTo(item, position) <= 0)
  }

  #compareTo(item: T, position: Position): number {
    return comparePositions(this.#positionOf(item), position)
  }
}

const comparePositions = (left: Position, right: Position): number =>
  typeof left === "number" && typeof right === "number" ? left - right : compareBytes(String(left), String(right))
