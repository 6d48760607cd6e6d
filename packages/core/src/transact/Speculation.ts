/**
 * What batches left behind, to decide the next ones on without reading: the blind path's records.
 *
 * They may be old, or not durable yet, or of a batch that will come to nothing, and an account may even be a guess. So they
 * can only lead to acceptance, and never by themselves: the guards compare every term that a decision read, exact ones
 * every counter, checks keep counters legal, and unique keys find what was taken for absent. Where any of these does not
 * hold nothing is written, and the batch is decided on a snapshot like all others. So is one in which anything is not
 * accepted: a refusal or a replay has to come from a snapshot taken after the call began.
 */
import { type ChangeSet, eachPut, type Put } from "../decision/Changes.ts"
import { type KindName, kinds, mapKinds, type OfKind, type RecordOf } from "../decision/kinds.ts"
import { type Records, recordsBy } from "../decision/Records.ts"
import { type Key, keyText, unknownVersion } from "../values.ts"

/** The most records of one kind. */
const maxRecords = 16_384
/** The most batches that go another way after blind decisions that came to nothing. */
const longestPause = 64

type Kept = { readonly [K in KindName]: Map<string, RecordOf[K]> }
interface KeptOfKind extends OfKind {
  readonly made: Map<string, RecordOf[this["kind"]]>
}

export class Speculation {
  readonly #kept: Kept = mapKinds<KeptOfKind>(() => new Map())
  /** By kind, a record whose terms most others share. */
  readonly #examples: { [K in KindName]?: RecordOf[K] } = {}
  #pause = 0
  #failures = 0

  /** Whether it is worth while to decide blindly: not right after that came to nothing. Counts the batch. */
  isPromising(): boolean {
    if (this.#examples.account === undefined) return false
    return this.#pause === 0 || this.#pause-- === 0
  }

  /** A blind decision was made durable, or came to nothing. */
  turnedOut(well: boolean): void {
    this.#failures = well ? 0 : this.#failures + 1
    this.#pause = well ? 0 : Math.min(2 ** this.#failures, longestPause)
  }

  /** Records for one decision, and whether it needed any that has to be read. */
  records(): { readonly records: Records; readonly missed: () => boolean } {
    let missed = false
    const find = <K extends KindName>(kind: K, key: Key): RecordOf[K] | undefined => {
      const { unread } = kinds[kind]
      if (unread === "absent") return undefined
      const record = this.#kept[kind].get(keyText(key)) ?? this.#guess(kind, key)
      missed ||= record === undefined
      return record
    }
    return { records: recordsBy(find), missed: () => missed }
  }

  /** What became durable, or is on its way to be. Where a guess will do, records are kept only for their counters. */
  keep({ puts }: ChangeSet): void {
    eachPut(puts, (kind, put) => this.#keep(kind, put))
  }

  /**
   * What was on its way and came to nothing. A record whose counters alone are wrong will do where these move by addition.
   */
  forget({ puts }: ChangeSet): void {
    eachPut(puts, (kind, { before, after, guard }) => {
      const moves = guard === "relative" && versionOf(before) === versionOf(after) && kinds[kind].guess === undefined
      if (!moves) this.#kept[kind].delete(keyText(kinds[kind].keyOf(after)))
    })
  }

  #keep<K extends KindName>(kind: K, { after, guard }: Put<RecordOf[K]>): void {
    const { unread, guess, keyOf } = kinds[kind]
    if (unread !== "kept" || versionOf(after) === unknownVersion) return
    const key = keyOf(after)
    const text = keyText(key)
    if (guess !== undefined && guess(after, key) !== undefined) this.#examples[kind] = after
    if (guess === undefined || guard === "exact" || this.#kept[kind].has(text)) {
      keepOldestOut(this.#kept[kind], text, after)
    }
  }

  #guess<K extends KindName>(kind: K, key: Key): RecordOf[K] | undefined {
    const example = this.#examples[kind]
    return example === undefined ? undefined : kinds[kind].guess?.(example, key)
  }
}

/** Whether changes can be written without knowing the record: a guess has no counters to compare. */
export const isWritable = ({ puts }: ChangeSet): boolean => {
  let writable = true
  eachPut(puts, (_, { before, guard }) => {
    if (guard === "exact" && versionOf(before) === unknownVersion) writable = false
  })
  return writable
}

const keepOldestOut = <R>(records: Map<string, R>, key: string, record: R): void => {
  if (records.size >= maxRecords && !records.has(key)) {
    const [oldest] = records.keys()
    if (oldest !== undefined) records.delete(oldest)
  }
  records.set(key, record)
}

const versionOf = (record: object | undefined): unknown =>
  record !== undefined && "version" in record ? record.version : undefined
