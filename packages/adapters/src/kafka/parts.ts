/** Parts of at most so many, in order. */
export const partsOf = <A>(all: ReadonlyArray<A>, most: number): ReadonlyArray<ReadonlyArray<A>> => {
  const parts: Array<ReadonlyArray<A>> = []
  for (let start = 0; start < all.length; start += most) parts.push(all.slice(start, start + most))
  return parts
}

/** How many bytes of records go in one batch, unless the host says otherwise: half of what a broker takes by default. */
export const defaultBatchBytes = 524_288

/** Parts of at most so many bytes, in order. One that is larger stands alone. */
export const partsBySize = <A>(
  all: ReadonlyArray<A>,
  sizeOf: (one: A) => number,
  most: number,
): ReadonlyArray<ReadonlyArray<A>> => {
  const parts: Array<Array<A>> = []
  let size = Number.POSITIVE_INFINITY
  for (const one of all) {
    size += sizeOf(one)
    if (size > most) {
      parts.push([])
      size = sizeOf(one)
    }
    parts.at(-1)?.push(one)
  }
  return parts
}
