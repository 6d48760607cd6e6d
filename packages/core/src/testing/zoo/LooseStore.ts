/**
 * The zoo's store: correct as it stands, and made of steps that a mutant can leave out.
 *
 * It decides on an unlocked snapshot, then checks guards and commits in one step, and decides again under one lock for
 * everything where a guard did not hold or a refusal is uncertain. With every step in its place it keeps every law, which
 * the controls of the zoo show; each mutant changes one thing.
 */

import { Effect, Semaphore } from "effect"
import type { ChangeSet } from "../../decision/Changes.ts"
import type { Decided } from "../../decision/fold.ts"
import { type KindName, kindNames, kinds, mapKinds } from "../../decision/kinds.ts"
import { type Keys, type Records, recordsOf } from "../../decision/Records.ts"
import type { Event } from "../../events/Event.ts"
import { type Rebased, type RebasedOfKind, rebase, rebaseAll } from "../../memory/guards.ts"
import { outboxOf } from "../../memory/MemoryOutbox.ts"
import { readsOf } from "../../memory/reads.ts"
import { afterYield } from "../../memory/step.ts"
import { Tables } from "../../memory/Tables.ts"
import type { Guarantees, Put, RecordOf, StoreFault, StoreShape } from "../../ports/index.ts"
import { textOfKey } from "../../transact/StoreFault.ts"
import { keyText } from "../../values.ts"
import { onlyReceipts, withoutLate } from "./partly.ts"

/** What a mutant does differently. Each is one named place in the store's transact. */
export interface Looseness {
  /** Whether a put's guard is looked at. Default: always. */
  readonly guards?: (kind: KindName, put: Put<unknown>) => boolean
  /** What decisions see instead of the records. */
  readonly sees?: (records: Records, tables: Tables) => Records
  /** What is committed instead of the changes. */
  readonly commits?: (changes: ChangeSet, tables: Tables) => ChangeSet
  /** What is answered instead of the answer; `before` the commit it came from. */
  readonly answersBeforeCommit?: boolean
  /** Refusals of a mixed batch are answered as they stand. */
  readonly trustsRefusals?: boolean
  /**
   * What becomes of a row whose guard fails: it is left out with its ledger rows and the rest is committed, always or
   * only where it is the one row of its kind. Default: nothing is committed.
   */
  readonly leavesOut?: "always" | "alone"
  /** Events are written before the guards are looked at, or in a commit of their own afterwards. */
  readonly events?: "before" | "after"
  /** Receipts are written in a commit of their own afterwards. */
  readonly receiptsAfter?: boolean
  /** The last commit is not yet written when the store is killed. */
  readonly writesLate?: boolean
  /**
   * A standby holds what commits waited for, and is what is opened when the store is killed. One wait in three is cancelled:
   * its commit is there to be read, and its caller hears that the reply was lost. What is found there waits once more before
   * anybody hears of it, or with `forgotten` only refusals do.
   */
  readonly standby?: "waits" | "forgotten"
  /** Each key has its own lock, taken in the order in which the caller names them, instead of one lock for all. */
  readonly locks?: "unordered" | "none"
}

export const looseGuarantees: Guarantees = {
  name: "loose memory",
  durability: "nothing",
  scope: "one process",
  lanes: 2,
}

/** A store with everything in its place but what the mutant changes. */
export const makeLooseStore = (loose: Looseness = {}): Effect.Effect<StoreShape> =>
  Effect.sync(() => {
    const store = new LooseStore(loose)
    const shape = shapeOf(store)
    opened.set(shape, store)
    return shape
  })

/** The stores that were made, for whoever kills them. */
const opened = new WeakMap<StoreShape, LooseStore>()

/** Kills a loose store and opens what it had written. */
export const reopenLooseStore = (store: StoreShape): Effect.Effect<StoreShape> =>
  Effect.sync(() => {
    const killed = opened.get(store)
    return killed === undefined ? store : shapeOf(killed.reopened())
  })

const shapeOf = (store: LooseStore): StoreShape => {
  const outbox = outboxOf(store.tables.outbox, afterYield)
  return {
    guarantees: looseGuarantees,
    transact: (keys, decide) => store.transact(keys, decide),
    settle: () => Effect.succeed(true),
    // Whatever anybody sees of it is on the standby too.
    ...readsOf(
      () => store.tables,
      (look) => afterYield(() => store.confirmed(look)),
    ),
    outbox: {
      ...outbox,
      claim: (...asked) => Effect.map(outbox.claim(...asked), (found) => store.confirmed(() => found)),
    },
  }
}

class LooseStore {
  readonly tables = new Tables()
  readonly #loose: Looseness
  readonly #journal: Array<ChangeSet> = []
  /** How much of it the standby has, and how many commits have waited for that. */
  #replicated = 0
  #waits = 0
  readonly #everything = Semaphore.makeUnsafe(1)
  readonly #locks = new Map<string, Semaphore.Semaphore>()

  constructor(loose: Looseness) {
    this.#loose = loose
  }

  /** A store of its own out of what this one had written. */
  reopened(): LooseStore {
    const next = new LooseStore(this.#loose)
    const { writesLate, standby } = this.#loose
    const onStandby = standby === undefined ? this.#journal : this.#journal.slice(0, this.#replicated)
    const written = writesLate === true ? onStandby.slice(0, -1) : onStandby
    for (const changes of written) next.#commit(changes)
    return next
  }

  #commit(changes: ChangeSet): void {
    this.#journal.push(changes)
    this.tables.commit(changes)
  }

  /** What somebody found, once the standby has it. */
  confirmed<A>(look: () => A): A {
    if (this.#loose.standby !== "forgotten") this.#replicated = this.#journal.length
    return look()
  }

  /** A commit waits for the standby. */
  readonly #wait: Effect.Effect<void, StoreFault> = Effect.suspend(() => {
    if (this.#loose.standby !== undefined && ++this.#waits % 3 === 0) {
      return Effect.fail({ _tag: "Lost", reason: "the wait for the standby was cancelled", attempt: {} })
    }
    return this.#replicate
  })
  readonly #replicate = Effect.sync(() => {
    this.#replicated = this.#journal.length
  })

  /** What commits nothing waits too, before it is answered. */
  #answer<A>({ answer, restsOnRows }: Decided<A>): Effect.Effect<A> {
    const forgets = this.#loose.standby === "forgotten" && restsOnRows === true
    return forgets ? Effect.succeed(answer) : Effect.as(this.#replicate, answer)
  }

  transact<A>(keys: Keys, decide: (records: Records) => Decided<A>): Effect.Effect<A, StoreFault> {
    return Effect.gen({ self: this }, function* () {
      if (this.#loose.locks !== undefined) return yield* this.#locked(keys, decide)
      yield* Effect.yieldNow
      const decided = this.#decide(keys, decide)
      yield* Effect.yieldNow
      if (decided.changes === undefined) return yield* this.#answer(decided)
      if (this.#loose.answersBeforeCommit === true) {
        yield* Effect.forkDetach(Effect.andThen(Effect.yieldNow, this.#apply(decided.changes, true)))
        return decided.answer
      }
      if (!(yield* this.#apply(decided.changes, true))) return yield* this.#locked(keys, decide)
      yield* this.#wait
      const again = this.#loose.trustsRefusals === true ? undefined : decided.again()
      yield* Effect.yieldNow
      return again === undefined ? decided.answer : yield* this.#locked(again.keys, again.decide)
    })
  }

  /** Decides and commits without anybody in between, or where the mutant's locks let somebody in between. */
  #locked<A>(keys: Keys, decide: (records: Records) => Decided<A>): Effect.Effect<A, StoreFault> {
    const { locks } = this.#loose
    const gap = locks === undefined ? Effect.void : Effect.yieldNow
    const decideAndCommit = Effect.gen({ self: this }, function* () {
      yield* gap
      const decided = this.#decide(keys, decide)
      yield* gap
      if (decided.changes === undefined) return yield* this.#answer(decided)
      yield* this.#apply(decided.changes, false)
      yield* this.#wait
      return decided.answer
    })
    if (locks === "none") return decideAndCommit
    if (locks === undefined) return this.#everything.withPermit(Effect.andThen(Effect.yieldNow, decideAndCommit))
    // A number that says nothing about the key stands for whatever order the caller happened to use.
    const texts = kindNames
      .flatMap((kind) => (kinds[kind].locked ? keys.of(kind).map((key) => textOfKey({ kind, key })) : []))
      .sort((left, right) => this.#arrivals(left) - this.#arrivals(right))
    this.#turn++
    return texts.reduceRight<Effect.Effect<A, StoreFault>>(
      (inner, text) => this.#lock(text).withPermit(Effect.andThen(Effect.yieldNow, inner)),
      decideAndCommit,
    )
  }

  #turn = 0
  #arrivals(text: string): number {
    const direction = this.#turn % 2 === 0 ? 1 : -1
    return direction * Array.from(text).reduce((sum, letter) => sum * 31 + letter.charCodeAt(0), 0)
  }

  #lock(text: string): Semaphore.Semaphore {
    const lock = this.#locks.get(text) ?? Semaphore.makeUnsafe(1)
    this.#locks.set(text, lock)
    return lock
  }

  #decide<A>(keys: Keys, decide: (records: Records) => Decided<A>): Decided<A> {
    const snapshot = recordsOf(this.tables.loaded(keys))
    return decide(this.#loose.sees?.(snapshot, this.tables) ?? snapshot)
  }

  /** Checks guards and commits; false, with nothing committed, where one does not hold. */
  #apply(decided: ChangeSet, guarded: boolean): Effect.Effect<boolean> {
    return Effect.gen({ self: this }, function* () {
      const { events, receiptsAfter } = this.#loose
      const changes = this.#loose.commits?.(decided, this.tables) ?? decided
      const late: Array<Event> = []
      if (events === "before") this.tables.outbox.append(changes.appends.event)
      if (events === "after") late.push(...changes.appends.event)
      const held = this.#rebased(changes, guarded)
      if (held === undefined) return false
      this.#commit(withoutLate(held, { events: events !== undefined, receipts: receiptsAfter === true }))
      if (receiptsAfter === true) {
        yield* Effect.yieldNow
        this.#commit(onlyReceipts(held))
      }
      if (late.length > 0) {
        yield* Effect.yieldNow
        this.tables.outbox.append(late)
      }
      return true
    })
  }

  /** The changes against what is stored now; undefined where a guard does not hold. */
  #rebased(changes: ChangeSet, guarded: boolean): ChangeSet | undefined {
    const { guards = () => true, leavesOut } = this.#loose
    const leftOut = new Set<string>()
    let holds = true
    const check = <K extends KindName>(kind: K): ReadonlyArray<Rebased<RecordOf[K]>> => {
      const held: Array<Rebased<RecordOf[K]>> = []
      for (const put of changes.puts[kind]) {
        const key = kinds[kind].keyOf(put.after)
        const looked = guarded && guards(kind, put)
        const rebased = looked ? rebase(kind, put, this.tables.get(kind, key)) : { put, shift: [] }
        if (rebased !== undefined) held.push(rebased)
        else if (leavesOut === "always" || (leavesOut === "alone" && changes.puts[kind].length === 1)) {
          leftOut.add(textOfKey({ kind, key }))
        } else holds = false
      }
      return held
    }
    const records = mapKinds<RebasedOfKind>(check)
    if (!holds) return undefined
    return rebaseAll(records, changes.appends, (kind, owner) => leftOut.has(keyText([kind, owner])))
  }
}
