/**
 * A simulated database server: committed tables, row locks, and the transactions that are open. Many sessions of many
 * processes may work on it; each step of each of them is a place where others may run.
 *
 * What it commits it also writes to a journal. A standby has that up to some point, and takes over with it: what it does
 * not have is gone. A synchronous standby has what a commit wrote before its client hears of it, unless the wait is
 * cancelled: then the rows are there to be read, and its client is told that nobody knows.
 */
import { Effect, Fiber } from "effect"
import type { ChangeSet, Put } from "../../decision/Changes.ts"
import { type KindName, kinds, type RecordOf } from "../../decision/kinds.ts"
import { type Keys, type Records, recordsOf } from "../../decision/Records.ts"
import { holds, type Rebased, rebase } from "../../memory/guards.ts"
import { Tables } from "../../memory/Tables.ts"
import type { Key, SubscriptionName } from "../../values.ts"
import { type Holder, type Patience, RowLocks } from "./RowLocks.ts"
import { receiptName, uniqueNames } from "./serverStatements.ts"

/** What a server does at each step. Mutants do something else. */
export interface ServerRules {
  /** Whether a put holds on a row. */
  readonly holds: <K extends KindName>(kind: K, put: Put<RecordOf[K]>, current: RecordOf[K] | undefined) => boolean
  /** What a put that holds comes to on a row; undefined where a counter would become illegal. */
  readonly move: <K extends KindName>(
    kind: K,
    put: Put<RecordOf[K]>,
    current: RecordOf[K] | undefined,
  ) => Rebased<RecordOf[K]> | undefined
  /** Whether a commit without events verifies that no subscription waits for them. */
  readonly verifiesAudience: boolean
  /** Whether a row is looked at once more when its lock was given. */
  readonly looksAgain: boolean
  /** Whether what was found waits for the standby before anybody hears of it. */
  readonly confirms: boolean
  /** Whether a blind batch that was sent before its sender heard that the one before it failed comes to nothing too. */
  readonly failsBehind: boolean
}

export const usualRules: ServerRules = {
  holds,
  move: rebase,
  verifiesAudience: true,
  looksAgain: true,
  confirms: true,
  failsBehind: false,
}

/** Whether another machine has what is committed, and when. */
export type Standby = "none" | "asynchronous" | "synchronous"

export interface ServerOptions {
  readonly rules?: ServerRules | undefined
  /** Default: none. */
  readonly standby?: Standby | undefined
  /** Asked at each commit: whether it waits for a synchronous standby to the end. Default: it does. */
  readonly waits?: (() => boolean) | undefined
  /** When waits for locks are given up. Default: by the clock. */
  readonly patience?: Patience | undefined
}

export class SimulatedServer {
  readonly tables = new Tables()
  readonly locks: RowLocks
  readonly active = new Set<Holder>()
  readonly rules: ServerRules
  readonly #options: ServerOptions
  readonly #taken = new Set<string>()
  readonly #names = new Set<SubscriptionName>()
  readonly #journal: Array<(server: SimulatedServer) => void> = []
  /** How much of the journal the standby has. */
  #replicated = 0
  #isOver = false
  #enders: Array<() => void> = []

  /** Runs something as the server's own work, which goes on whatever becomes of the process that asked for it. */
  readonly runs: ServerWork

  constructor(runs: ServerWork, options: ServerOptions = {}) {
    this.runs = runs
    this.rules = options.rules ?? usualRules
    this.#options = options
    this.locks = new RowLocks(options.patience)
  }

  /** Whether its standby has taken over: nothing of it is committed any more. */
  get isOver(): boolean {
    return this.#isOver
  }

  get<K extends KindName>(kind: K, key: Key): RecordOf[K] | undefined {
    return this.tables.get(kind, key)
  }

  /** The records of some keys as they are now, all at once. */
  records(keys: Keys): Records {
    return recordsOf(this.tables.loaded(keys))
  }

  /** Whether a unique name is taken by a row that is committed. */
  isTaken(name: string): boolean {
    return this.#taken.has(name)
  }

  get hasSubscriptions(): boolean {
    return this.#names.size > 0
  }

  /** A record whose counters have not moved yet. */
  emptied<K extends KindName>(kind: K, record: RecordOf[K]): RecordOf[K] {
    return { ...record, ...Object.fromEntries(kinds[kind].counters.map((counter) => [counter, 0])) }
  }

  /** Commits. False where nobody may be told so: the wait for the standby was cancelled, or it has taken over. */
  commit(changes: ChangeSet): boolean {
    if (this.#isOver) return false
    const waits = this.#options.waits?.() ?? true
    this.write((server) => server.#commit(changes), waits)
    return waits || this.#options.standby !== "synchronous"
  }

  /** Does something that the standby will do too. A synchronous one has it before anybody hears of it. */
  write<A>(change: (server: SimulatedServer) => A, waits = true): A {
    const made = change(this)
    this.#journal.push(change)
    if (waits && this.#options.standby === "synchronous") this.#replicated = this.#journal.length
    return made
  }

  /** What was found is on a synchronous standby before anybody hears of it. */
  confirm(): void {
    if (this.rules.confirms && this.#options.standby === "synchronous") this.#replicated = this.#journal.length
  }

  /** The standby gets everything that is committed by now. */
  replicate(): void {
    this.#replicated = this.#journal.length
  }

  /** The standby takes over with what it has; this one commits nothing any more. */
  promote(): SimulatedServer {
    this.#isOver = true
    const next = new SimulatedServer(this.runs, this.#options)
    for (const change of this.#journal.slice(0, this.#replicated)) next.write(change)
    return next
  }

  /** A transaction has ended, whatever became of it. */
  ended(holder: Holder): void {
    this.active.delete(holder)
    this.locks.release(holder)
    const enders = this.#enders
    this.#enders = []
    for (const wake of enders) wake()
  }

  /** The name gets every event of transactions that begin from now on; completes when those before it have ended. */
  register(name: SubscriptionName): Effect.Effect<void> {
    return Effect.suspend(() => {
      this.addName(name)
      return this.#untilEnded(new Set(this.active))
    })
  }

  addName(name: SubscriptionName): void {
    this.write((server) => {
      server.#names.add(name)
      server.tables.outbox.register(name)
    })
  }

  removeName(name: SubscriptionName): void {
    this.write((server) => {
      server.#names.delete(name)
      server.tables.outbox.unregister(name)
    })
  }

  #commit(changes: ChangeSet): void {
    this.tables.commit(changes)
    for (const { before, after } of changes.puts.coupon) {
      if (before === undefined) for (const name of uniqueNames("coupon", after)) this.#taken.add(name)
    }
    for (const { after } of changes.puts.receipt) this.#taken.add(receiptName(after))
  }

  #untilEnded(older: ReadonlySet<Holder>): Effect.Effect<void> {
    return Effect.suspend(() => {
      if (!Array.from(older).some((holder) => this.active.has(holder))) return Effect.void
      const ended = Effect.callback<void>((resume) => {
        this.#enders.push(() => resume(Effect.yieldNow))
      })
      return Effect.flatMap(ended, () => this.#untilEnded(older))
    })
  }
}

/** Starts work of the server, and answers how to end it. */
export type ServerWork = (work: Effect.Effect<unknown>) => Effect.Effect<void>

/** The work of servers in the context that this runs in: theirs, and nobody's who sends them anything. */
export const serverWork: Effect.Effect<ServerWork> = Effect.map(Effect.context<never>(), (services) => (work) => {
  const fiber = Effect.runForkWith(services)(work)
  return Fiber.interrupt(fiber)
})
