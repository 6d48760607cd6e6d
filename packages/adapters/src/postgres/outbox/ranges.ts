/**
 * Sets of whole numbers that are nearly gapless, as ascending ranges with gaps between them. Pure.
 */

/** From the first to the second number, both included. */
export type Range = readonly [low: number, high: number]

/** The index of the first range that does not end before a number. */
const indexAt = (ranges: ReadonlyArray<Range>, number: number): number => {
  // Nearly always it is the last one, or behind it.
  const last = ranges.at(-1)
  if (last === undefined || last[1] < number) return ranges.length
  let [low, high] = [0, ranges.length - 1]
  while (low < high) {
    const middle = (low + high) >> 1
    const range = ranges[middle]
    if (range !== undefined && range[1] < number) low = middle + 1
    else high = middle
  }
  return low
}

export const includes = (ranges: ReadonlyArray<Range>, number: number): boolean => {
  const range = ranges[indexAt(ranges, number)]
  return range !== undefined && range[0] <= number
}

/** Adds a number to ranges that are the caller's to change. */
export const add = (ranges: Array<Range>, number: number): void => {
  const index = indexAt(ranges, number)
  const [before, at] = [ranges[index - 1], ranges[index]]
  if (at !== undefined && at[0] <= number) return
  const joinsBefore = before !== undefined && before[1] === number - 1
  const joinsAfter = at !== undefined && at[0] === number + 1
  if (joinsBefore && joinsAfter) ranges.splice(index - 1, 2, [before[0], at[1]])
  else if (joinsBefore) ranges[index - 1] = [before[0], number]
  else if (joinsAfter) ranges[index] = [number, at[1]]
  else ranges.splice(index, 0, [number, number])
}

/** What is greater than a number. */
export const above = (ranges: ReadonlyArray<Range>, number: number): ReadonlyArray<Range> =>
  ranges.flatMap(([low, high]): ReadonlyArray<Range> => (high <= number ? [] : [[Math.max(low, number + 1), high]]))

/** The newest `most` of them. What came before is left out as if it had not been there. */
export const newest = (ranges: ReadonlyArray<Range>, most: number): ReadonlyArray<Range> => ranges.slice(-most)

/** What is between them, from `from` up to `to`. */
export const gapsIn = (ranges: ReadonlyArray<Range>, from: number, to: number): ReadonlyArray<Range> => {
  const gaps: Array<Range> = []
  let low = from
  for (const [first, last] of ranges) {
    if (first > low) gaps.push([low, first - 1])
    low = last + 1
  }
  if (low <= to) gaps.push([low, to])
  return gaps
}
