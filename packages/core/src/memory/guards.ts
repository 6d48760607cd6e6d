/**
 * What guards mean, as a pure function: whether a put that was decided on an older value still holds, and what it comes
 * to on the current one.
 *
 * A guard compares values: every term, and for an exact put every counter. A relative put moves the counters by what its
 * decision moved them, wherever they are by now, and the rows of its ledger move along. Kinds are known only by their
 * counters, so this works for kinds to come.
 */
import {
  type ChangeSet,
  type Key,
  type KindName,
  keyText,
  kinds,
  type LedgerName,
  ledgers,
  mapKinds,
  type OfKind,
  type Put,
  type PutsOfKind,
  type RecordOf,
  type RowOf,
  unknownVersion,
} from "../ports/index.ts"

/** How far counters moved between the value that was decided on and the current one. */
type Shift = ReadonlyArray<readonly [counter: string, by: number]>

/** A put against the current value, and how far its counters had moved until then. */
export interface Rebased<R> {
  readonly put: Put<R>
  readonly shift: Shift
}

export interface RebasedOfKind extends OfKind {
  readonly made: ReadonlyArray<Rebased<RecordOf[this["kind"]]>>
}
export type RebasedPuts = { readonly [K in KindName]: ReadonlyArray<Rebased<RecordOf[K]>> }

/** The put against the current record; undefined where its guard does not hold. */
export const rebase = <K extends KindName>(
  kind: K,
  { before, after, guard }: Put<RecordOf[K]>,
  current: RecordOf[K] | undefined,
): Rebased<RecordOf[K]> | undefined => {
  if (before === undefined || current === undefined) {
    return before === current ? { put: { before, after, guard }, shift: [] } : undefined
  }
  if (!holds(kind, { before, after, guard }, current)) return undefined
  if (before === after) return { put: { before: current, after: current, guard }, shift: [] }
  const shift = shiftOf(kind, before, current)
  const moved = shifted(known(after, current), shift)
  return moved === undefined ? undefined : { put: { before: current, after: moved, guard }, shift }
}

/** Who decided on a guess knows no version, and changes none: the record keeps its own. */
const known = <R extends object>(after: R, current: R): R =>
  Reflect.get(after, "version") === unknownVersion ? { ...after, version: Reflect.get(current, "version") } : after

/** Whether the guard of a put holds on a record: every term is as it was read, and for an exact put every counter too. */
export const holds = <K extends KindName>(
  kind: K,
  { before, guard }: Put<RecordOf[K]>,
  current: RecordOf[K] | undefined,
): boolean => {
  if (before === undefined || current === undefined) return before === current
  return sameTerms(kind, before, current) && (guard === "relative" || shiftOf(kind, before, current).length === 0)
}

/**
 * A change set against the current records, its ledger rows moved along with their owners. Undefined where a row would
 * show an illegal counter. Rows whose owner is `leftOut` are left out.
 */
export const rebaseAll = (
  records: RebasedPuts,
  { entry, movement, event }: ChangeSet["appends"],
  leftOut: (kind: KindName, owner: string) => boolean = () => false,
): ChangeSet | undefined => {
  const stays = <L extends LedgerName>(name: L, rows: ReadonlyArray<RowOf[L]>) =>
    rows.filter((row) => !leftOut(ledgers[name].of, ledgers[name].keyOf(row)[0]))
  const entries = rebaseRows("entry", stays("entry", entry), records)
  const movements = rebaseRows("movement", stays("movement", movement), records)
  if (entries === undefined || movements === undefined) return undefined
  return {
    puts: mapKinds<PutsOfKind>((kind) => records[kind].map(({ put }) => put)),
    appends: { entry: entries, movement: movements, event },
  }
}

/** The rows of a ledger moved along with their records; undefined where one of them would show an illegal counter. */
export const rebaseRows = <L extends LedgerName>(
  name: L,
  rows: ReadonlyArray<RowOf[L]>,
  records: RebasedPuts,
): ReadonlyArray<RowOf[L]> | undefined => {
  const shifts = shiftsOf(ledgers[name].of, records)
  if (shifts.size === 0) return rows
  const moved: Array<RowOf[L]> = []
  for (const row of rows) {
    const [owner] = ledgers[name].keyOf(row)
    const after = shifted(row, shifts.get(owner) ?? [])
    if (after === undefined) return undefined
    moved.push(after)
  }
  return moved
}

/** The shifts of those records of a kind that moved. */
const shiftsOf = <K extends KindName>(kind: K, records: RebasedPuts): ReadonlyMap<string, Shift> => {
  const shifts = new Map<string, Shift>()
  for (const { put, shift } of records[kind]) {
    const key: Key = kinds[kind].keyOf(put.after)
    if (shift.length > 0) shifts.set(keyText(key), shift)
  }
  return shifts
}

const shiftOf = <K extends KindName>(kind: K, before: RecordOf[K], current: RecordOf[K]): Shift =>
  kinds[kind].counters
    .map((counter) => [counter, counterOf(current, counter) - counterOf(before, counter)] as const)
    .filter(([, by]) => by !== 0)

/** A value with its counters moved; undefined where one would fall below 0 or pass what can be counted exactly. */
const shifted = <R extends object>(value: R, shift: Shift): R | undefined => {
  if (shift.length === 0) return value
  const moved = shift.map(([counter, by]) => [counter, counterOf(value, counter) + by] as const)
  return moved.every(([, counter]) => Number.isSafeInteger(counter) && counter >= 0)
    ? { ...value, ...Object.fromEntries(moved) }
    : undefined
}

const counterOf = (value: object, counter: string): number => Number(Reflect.get(value, counter))

/** Whether two records of a key agree in everything but their counters. */
const sameTerms = <K extends KindName>(kind: K, before: RecordOf[K], current: RecordOf[K]): boolean => {
  if (before === current) return true
  const counters: ReadonlyArray<string> = kinds[kind].counters
  const now = new Map<string, unknown>(Object.entries(current))
  return Object.entries(before).every(
    ([name, term]) =>
      counters.includes(name) ||
      sameValue(term, now.get(name)) ||
      // A guess was decided on all terms but this one.
      (name === "version" && term === unknownVersion),
  )
}

/** Records hold JSON values: what two of them are written as is what they are. */
const sameValue = (left: unknown, right: unknown): boolean =>
  left === right || (typeof left === "object" && JSON.stringify(left) === JSON.stringify(right))
