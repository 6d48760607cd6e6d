/**
 * New records are inserted, all others are changed under guards.
 */
import type { Put } from "@holdfast/core"

/** A put of a record that was there. */
export interface Moved<R> extends Put<R> {
  readonly before: R
}

/** The records that are new, and the puts of those that are not, each in the order given. */
export const split = <R>(
  puts: ReadonlyArray<Put<R>>,
): { readonly fresh: ReadonlyArray<R>; readonly moved: ReadonlyArray<Moved<R>> } => {
  const fresh: Array<R> = []
  const moved: Array<Moved<R>> = []
  for (const { before, after, guard } of puts) {
    if (before === undefined) fresh.push(after)
    else moved.push({ before, after, guard })
  }
  return { fresh, moved }
}
