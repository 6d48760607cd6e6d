/**
 * What guards mean, as a pure function: whether a put that was decided on an older value still holds, and what it comes
 * to on the current one.
 *
 * A relative put moves the counters by what its decision moved them, wherever they are by now, and the rows of its
 * ledger move along. Kinds are known only by their counters and their version, so this works for kinds to come.
 */
import { type Key, type KindName, keyText, kinds, logs, type Put, type RecordOf, type RowOf } from "../ports/Store.ts"
import type { LedgerName } from "./Tables.ts"

/** How far counters moved between the value that was decided on and the current one. */
type Shift = ReadonlyArray<readonly [counter: string, by: number]>

/** A put against the current value, and how far its counters had moved until then. */
export interface Rebased<R> {
  readonly put: Put<R>
  readonly shift: Shift
}

/** The put against the current record; undefined where its guard does not hold. */
export const rebase = <K extends KindName>(
  kind: K,
  { before, after, guard }: Put<RecordOf[K]>,
  current: RecordOf[K] | undefined,
): Rebased<RecordOf[K]> | undefined => {
  if (before === undefined || current === undefined) {
    return before === current ? { put: { before, after, guard }, shift: [] } : undefined
  }
  if (versionOf(before) !== versionOf(current)) return undefined
  if (before === after) return { put: { before: current, after: current, guard }, shift: [] }
  const shift = shiftOf(kind, before, current)
  if (guard === "exact" && shift.length > 0) return undefined
  const moved = shifted(after, shift)
  return moved === undefined ? undefined : { put: { before: current, after: moved, guard }, shift }
}

/** The rows of a ledger moved along with their records; undefined where one of them would show an illegal counter. */
export const rebaseRows = <L extends LedgerName>(
  log: L,
  rows: ReadonlyArray<RowOf[L]>,
  records: { readonly [K in KindName]: ReadonlyArray<Rebased<RecordOf[K]>> },
): ReadonlyArray<RowOf[L]> | undefined => {
  const shifts = shiftsOf(logs[log].of, records)
  if (shifts.size === 0) return rows
  const moved: Array<RowOf[L]> = []
  for (const row of rows) {
    const [owner] = logs[log].keyOf(row)
    const after = shifted(row, shifts.get(String(owner)) ?? [])
    if (after === undefined) return undefined
    moved.push(after)
  }
  return moved
}

/** The shifts of those records of a kind that moved. */
const shiftsOf = <K extends KindName>(
  kind: K,
  records: { readonly [N in KindName]: ReadonlyArray<Rebased<RecordOf[N]>> },
): ReadonlyMap<string, Shift> => {
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

const versionOf = (record: object): unknown => ("version" in record ? record.version : undefined)
