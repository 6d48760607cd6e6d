/**
 * The records as the commands of a batch so far left them, and what the batch comes to: the union of its changes.
 *
 * It also notes what each command looks at. Where the command is accepted its decision rests on those values, so they
 * become guarded puts even where nothing of them changes. No rule has to remember to name what it relies on.
 */
import { type Key, keyText } from "../values.ts"
import type { ChangeSet, Put, PutsOfKind } from "./Changes.ts"
import type { Decision } from "./Command.ts"
import {
  type KindName,
  kindNames,
  kinds,
  type LedgerName,
  ledgerNames,
  mapKinds,
  type OfKind,
  type RecordOf,
  type RowOf,
} from "./kinds.ts"
import { find, type Records, recordsBy } from "./Records.ts"

/** One record, as the batch found it and as it leaves it. */
interface Known<R> {
  readonly before: R | undefined
  after: R | undefined
  exact: boolean
  /** Whether an accepted command looked at it or changed it. */
  counts: boolean
}

type KnownRecords = { readonly [K in KindName]: Map<string, Known<RecordOf[K]>> }
interface KnownOfKind extends OfKind {
  readonly made: Map<string, Known<RecordOf[this["kind"]]>>
}
type Rows = { readonly [L in LedgerName]: Array<RowOf[L]> }

export class Overlay {
  readonly #base: Records
  readonly #known: KnownRecords = mapKinds<KnownOfKind>(() => new Map())
  /** What the command in hand has looked at. */
  #seen: Array<Known<unknown>> = []
  readonly #rows: Rows = { entry: [], movement: [] }
  readonly #events: Array<RowOf["event"]> = []
  /** What the next command sees. */
  readonly records: Records = recordsBy((kind, key) => this.#look(kind, key))

  constructor(base: Records) {
    this.#base = base
  }

  /** Another command looks from now on. */
  begin(): void {
    this.#seen = []
  }

  /** Takes over what the command in hand relied on and what it changes. */
  accept({ changes, receipt, event }: Extract<Decision, { readonly _tag: "Accepted" }>): void {
    for (const known of this.#seen) known.counts = true
    const { records, rows, exact } = changes
    const putAll = <K extends keyof typeof records>(kind: K): void => {
      for (const record of records[kind] ?? []) this.#put(kind, record, exact === kind)
    }
    for (const kind of kindNames) if (kind !== "receipt") putAll(kind)
    this.#put("receipt", receipt, true)
    if (rows !== undefined) for (const name of ledgerNames) this.#append(name, rows[name])
    this.#events.push(event)
  }

  changeSet(): ChangeSet {
    return {
      puts: mapKinds<PutsOfKind>((kind) => putsOf(this.#known[kind])),
      appends: { ...this.#rows, event: this.#events },
    }
  }

  hasChanged(kind: KindName, key: Key): boolean {
    const known = this.#known[kind].get(keyText(key))
    return known?.counts === true && known.after !== known.before
  }

  #look<K extends KindName>(kind: K, key: Key): RecordOf[K] | undefined {
    const text = keyText(key)
    const known = this.#known[kind].get(text) ?? this.#find(kind, text, find(this.#base, kind, key))
    if (!known.counts) this.#seen.push(known)
    return known.after
  }

  // A command that changes a record it has not looked at inserts it.
  #put<K extends KindName>(kind: K, record: RecordOf[K], exact: boolean): void {
    const text = keyText(kinds[kind].keyOf(record))
    const known = this.#known[kind].get(text) ?? this.#find(kind, text, undefined)
    known.after = record
    known.exact ||= exact
    known.counts = true
  }

  #append<L extends LedgerName>(name: L, rows: ReadonlyArray<RowOf[L]> = []): void {
    for (const row of rows) this.#rows[name].push(row)
  }

  #find<K extends KindName>(kind: K, text: string, before: RecordOf[K] | undefined): Known<RecordOf[K]> {
    const known: Known<RecordOf[K]> = { before, after: before, exact: false, counts: false }
    this.#known[kind].set(text, known)
    return known
  }
}

/** What nobody relied on needs no guard, and what is absent has none: an insert of the same key finds out. */
const putsOf = <R>(all: ReadonlyMap<string, Known<R>>): ReadonlyArray<Put<R>> => {
  const puts: Array<Put<R>> = []
  for (const { before, after, exact, counts } of all.values()) {
    if (counts && after !== undefined) puts.push({ before, after, guard: exact ? "exact" : "relative" })
  }
  return puts
}
