/**
 * One text for one value: what two runs of the same schedule are compared by, and what models are remembered by.
 *
 * Object keys are sorted, maps and sets keep their order, cycles and functions are named. Not meant to be read back.
 */

/** The most nested levels that are looked at. */
const deepest = 64

export const digest = (value: unknown): string => write(value, [])

const write = (value: unknown, above: ReadonlyArray<object>): string => {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value)
    case "bigint":
      return `${value}n`
    case "function":
      return "function"
    case "symbol":
    case "number":
    case "boolean":
    case "undefined":
      return String(value)
    case "object":
      return value === null ? "null" : writeObject(value, above)
  }
}

const writeObject = (value: object, above: ReadonlyArray<object>): string => {
  if (above.includes(value) || above.length >= deepest) return "…"
  const inside = [...above, value]
  const list = (items: Iterable<unknown>): string => Array.from(items, (item) => write(item, inside)).join(",")
  if (Array.isArray(value)) return `[${list(value)}]`
  if (value instanceof Date) return `date ${value.getTime()}`
  if (value instanceof Error) return `${value.name}: ${value.message}`
  if (value instanceof Map) return `map{${list(value)}}`
  if (value instanceof Set) return `set{${list(value)}}`
  const fields: ReadonlyArray<readonly [string, unknown]> = Object.entries(value)
  return `{${fields
    .toSorted(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, field]) => `${name}:${write(field, inside)}`)
    .join(",")}}`
}
