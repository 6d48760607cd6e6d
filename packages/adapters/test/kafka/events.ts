/** Events as a shop commits them, for tests that need no shop. */
import type { StoredEvent } from "@holdfast/core"

export const event = (number: number, key: string, data: StoredEvent["data"] = { n: number }): StoredEvent => ({
  id: String(number).padStart(26, "0") as StoredEvent["id"],
  type: "points.charged",
  version: 1,
  occurredAt: 1_700_000_000_000 + number,
  aggregate: { type: "account", id: key },
  key,
  data,
})

export const events = (count: number, keys: number, from = 1): ReadonlyArray<StoredEvent> =>
  Array.from({ length: count }, (_, index) => event(from + index, `key-${(from + index) % keys}`))

/** Without what came before. */
const firsts = (seen: ReadonlyArray<StoredEvent>): ReadonlyArray<StoredEvent> => {
  const ids = new Set<string>()
  return seen.filter(({ id }) => !ids.has(id) && ids.add(id))
}

/** What is wrong with what a topic gave, of what was published: something missing, strange, or out of the order of its key. */
export const wrongWith = (
  published: ReadonlyArray<StoredEvent>,
  seen: ReadonlyArray<StoredEvent>,
): ReadonlyArray<string> => {
  const once = firsts(seen)
  const wrong: Array<string> = []
  const byKey = (all: ReadonlyArray<StoredEvent>) => Map.groupBy(all, ({ key }) => key)
  const [sent, got] = [byKey(published), byKey(once)]
  for (const [key, ofKey] of sent) {
    const [expected, found] = [ofKey, got.get(key) ?? []].map((all) => all.map(({ id }) => Number(id)).join(" "))
    if (expected !== found) wrong.push(`${key}: ${expected} was published, ${found} came`)
  }
  for (const key of got.keys()) if (!sent.has(key)) wrong.push(`${key} was never published`)
  return wrong
}
