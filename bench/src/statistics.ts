/**
 * Medians and percentiles.
 */

/** The middle one of the numbers, or the mean of the two in the middle. NaN where there are none. */
export const median = (values: ArrayLike<number>): number => {
  const sorted = Float64Array.from(values).sort()
  const middle = sorted.length / 2
  const upper = sorted[Math.floor(middle)] ?? Number.NaN
  return Number.isInteger(middle) ? (upper + (sorted[middle - 1] ?? Number.NaN)) / 2 : upper
}

/** The nearest-rank percentile: the smallest of the numbers that at least `percent` % of them do not exceed. */
export const percentile = (values: ArrayLike<number>, percent: number): number => {
  const sorted = Float64Array.from(values).sort()
  return sorted[Math.max(0, Math.ceil((percent / 100) * sorted.length) - 1)] ?? Number.NaN
}

/**
 * The quotients of two figures that were measured in turns, one per turn. Their median is the ratio to compare: a busy
 * neighbour on the machine slows both halves of a turn, and so moves it less than the quotient of two medians.
 */
export const quotientsOf = (
  numerators: ReadonlyArray<number>,
  denominators: ReadonlyArray<number>,
): ReadonlyArray<number> => numerators.map((numerator, turn) => numerator / (denominators[turn] ?? Number.NaN))

/** Lowest … median … highest: how far the rounds are apart says how much a difference means. */
export const spreadText = (values: ReadonlyArray<number>, digits = 3): string =>
  [Math.min(...values), median(values), Math.max(...values)]
    .map((value) => significant(value, digits).toLocaleString("en-US"))
    .join(" … ")

/** Keeps `digits` digits that mean something: figures of a shared machine have no more. */
export const significant = (value: number, digits: number): number => Number(value.toPrecision(digits))

/**
 * The geometric mean of quotients with its 95 % interval: the mean of their logarithms and twice its standard error, nearly
 * (Student's t has 2.00 for 60 of them). Of fewer than ten the interval is too narrow.
 */
export const meanWithInterval = (quotients: ReadonlyArray<number>) => {
  const logs = quotients.map(Math.log)
  const mean = logs.reduce((sum, each) => sum + each, 0) / logs.length
  const variance = logs.reduce((sum, each) => sum + (each - mean) ** 2, 0) / Math.max(1, logs.length - 1)
  const half = 2 * Math.sqrt(variance / logs.length)
  return { mean: Math.exp(mean), low: Math.exp(mean - half), high: Math.exp(mean + half) }
}
