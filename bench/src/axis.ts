/**
 * Axes: round numbers to mark, and texts short enough to stand beside them.
 */

/** Ascending round numbers from 0 to the first one that is not below `maximum`: steps of 1, 2 or 5 × 10ⁿ, at most `count`. */
export const ticksUpTo = (maximum: number, count = 6): ReadonlyArray<number> => {
  if (!(maximum > 0)) return [0, 1]
  const rough = maximum / (count - 1)
  const power = 10 ** Math.floor(Math.log10(rough))
  const step = power * ([1, 2, 5, 10].find((factor) => factor * power >= rough) ?? 10)
  const steps = Math.ceil(maximum / step - 1e-9)
  return Array.from({ length: steps + 1 }, (_, index) => index * step)
}

/** Powers of ten from the last one that is not above the smallest value to the first that is not below the largest. */
export const powersAround = (values: ReadonlyArray<number>): ReadonlyArray<number> => {
  const exponents = values.filter((value) => value > 0).map(Math.log10)
  if (exponents.length === 0) return [1, 10]
  const lowest = Math.floor(Math.min(...exponents))
  const highest = Math.max(lowest + 1, Math.ceil(Math.max(...exponents)))
  return Array.from({ length: highest - lowest + 1 }, (_, index) => Number((10 ** (lowest + index)).toPrecision(1)))
}

/** 1500 as "1.5k", 2000000 as "2M". */
export const shortText = (value: number): string => {
  const [size, unit] = value >= 1e9 ? [1e9, "G"] : value >= 1e6 ? [1e6, "M"] : value >= 1e3 ? [1e3, "k"] : [1, ""]
  return `${Number((value / size).toPrecision(3))}${unit}`
}
