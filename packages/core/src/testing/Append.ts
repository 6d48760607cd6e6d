/**
 * The namespace `Append`: checks for lists that only grow, such as ledgers, ticket lists and streams of events.
 *
 * Every element is appended once and is unique, so a single look at the list tells the order of all appends (the
 * inference that Elle makes for list-append histories: Kingsbury & Alvaro, VLDB 2020). Linear but for sorting.
 */

/** Somebody appended an element. `end` is undefined where nobody knows whether it happened. */
export interface Appended {
  readonly list: string
  readonly element: string
  readonly start: number
  readonly end: number | undefined
}

/** Somebody read a list from its beginning. */
export interface Seen {
  readonly list: string
  readonly elements: ReadonlyArray<string>
  readonly start: number
  readonly end: number
}

export type Anomaly =
  | "duplicate"
  /** In the list, but nobody appended it. */
  | "phantom"
  /** Acknowledged, and not in the list in the end. */
  | "lost"
  /** Acknowledged before another one was called, and behind it in the list. */
  | "reordered"
  /** A read that is no beginning of the final list. */
  | "not-a-prefix"
  /** A read that misses what was acknowledged before it began, or what an earlier read had shown. */
  | "stale"

export interface Found {
  readonly anomaly: Anomaly
  readonly list: string
  readonly message: string
}

/** The first anomaly; undefined where there is none. `final` holds each list as it was after everything had ended. */
export const check = (history: {
  readonly appends: ReadonlyArray<Appended>
  readonly reads?: ReadonlyArray<Seen> | undefined
  readonly final: ReadonlyMap<string, ReadonlyArray<string>>
}): Found | undefined => {
  const { appends, reads = [], final } = history
  const appendsOf = Map.groupBy(appends, ({ list }) => list)
  const readsOf = Map.groupBy(reads, ({ list }) => list)
  for (const list of new Set([...appendsOf.keys(), ...readsOf.keys(), ...final.keys()])) {
    const found = checkList(list, appendsOf.get(list) ?? [], readsOf.get(list) ?? [], final.get(list) ?? [])
    if (found !== undefined) return found
  }
  return undefined
}

const checkList = (
  list: string,
  appends: ReadonlyArray<Appended>,
  reads: ReadonlyArray<Seen>,
  final: ReadonlyArray<string>,
): Found | undefined => {
  const found = (anomaly: Anomaly, message: string): Found => ({ anomaly, list, message })
  const places = new Map<string, number>()
  for (const [place, element] of final.entries()) {
    if (places.has(element)) return found("duplicate", `${element} is in the list twice.`)
    places.set(element, place)
  }
  const appended = new Map(appends.map((append) => [append.element, append]))
  let latest: Appended | undefined
  for (const element of final) {
    const append = appended.get(element)
    if (append === undefined) return found("phantom", `${element} is in the list, but nobody appended it.`)
    if (latest !== undefined && append.end !== undefined && append.end < latest.start) {
      return found("reordered", `${element} was acknowledged before ${latest.element} was called, and is behind it.`)
    }
    if (latest === undefined || append.start > latest.start) latest = append
  }
  for (const { element, end } of appends) {
    if (end !== undefined && !places.has(element)) return found("lost", `${element} was acknowledged and is not there.`)
  }
  const firstBad = reads.find(({ elements }) => elements.some((element, place) => final[place] !== element))
  if (firstBad !== undefined) {
    return found("not-a-prefix", `A read saw ${firstBad.elements.join(", ")}, which the list never began with.`)
  }
  return staleOf(list, appends, reads, places)
}

/** How much of the list was known to exist by when; a read that begins later must show as much. */
const staleOf = (
  list: string,
  appends: ReadonlyArray<Appended>,
  reads: ReadonlyArray<Seen>,
  places: ReadonlyMap<string, number>,
): Found | undefined => {
  const facts: Array<{ readonly time: number; readonly length: number }> = []
  for (const { element, end } of appends) {
    if (end !== undefined) facts.push({ time: end, length: (places.get(element) ?? -1) + 1 })
  }
  for (const { elements, end } of reads) facts.push({ time: end, length: elements.length })
  facts.sort((left, right) => left.time - right.time)
  let next = 0
  let least = 0
  for (const read of reads.toSorted((left, right) => left.start - right.start)) {
    for (let fact = facts[next]; fact !== undefined && fact.time < read.start; fact = facts[++next]) {
      least = Math.max(least, fact.length)
    }
    if (read.elements.length < least) {
      return {
        anomaly: "stale",
        list,
        message: `A read saw ${read.elements.length} elements when ${least} were known.`,
      }
    }
  }
  return undefined
}
