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
import { type KindName, kindNames, kinds } from "../../decision/kinds.ts"
import { type Keys, type Records, recordsOf } from "../../decision/Records.ts"
import type { Event } from "../../events/Event.ts"
import { type Rebased, rebase, rebaseRows } from "../../memory/guards.ts"
import { outboxOf } from "../../memory/MemoryOutbox.ts"
import { readsOf } from "../../memory/reads.ts"
import { afterYield } from "../../memory/step.ts"
import { Tables } from "../../memory/Tables.ts"
import type { Guarantees, Put, RecordOf, StoreShape } from "../../ports/Store.ts"
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

const shapeOf = (store: LooseStore): StoreShape => ({
  guarantees: looseGuarantees,
  transact: (keys, decide) => store.transact(keys, decide),
  ...readsOf(store.tables, afterYield),
  outbox: outboxOf(store.tables.outbox, afterYield),
})

class LooseStore {
  readonly tables = new Tables()
  readonly #loose: Looseness
  readonly #journal: Array<ChangeSet> = []
  readonly #everything = Semaphore.makeUnsafe(1)
  readonly #locks = new Map<string, Semaphore.Semaphore>()

  constructor(loose: Looseness) {
    this.#loose = loose
  }

  /** A store of its own out of what this one had written. */
  reopened(): LooseStore {
    const next = new LooseStore(this.#loose)
    const written = this.#loose.writesLate === true ? this.#journal.slice(0, -1) : this.#journal
    for (const changes of written) next.#commit(changes)
    return next
  }

  #commit(changes: ChangeSet): void {
    this.#journal.push(changes)
    this.tables.commit(changes)
  }

  transact<A>(keys: Keys, decide: (records: Records) => Decided<A>): Effect.Effect<A> {
    return Effect.gen({ self: this }, function* () {
      if (this.#loose.locks !== undefined) return yield* this.#locked(keys, decide)
      yield* Effect.yieldNow
      const decided = this.#decide(keys, decide)
      yield* Effect.yieldNow
      if (decided.changes === undefined) return decided.answer
      if (this.#loose.answersBeforeCommit === true) {
        yield* Effect.forkDetach(Effect.andThen(Effect.yieldNow, this.#apply(decided.changes, true)))
        return decided.answer
      }
      if (!(yield* this.#apply(decided.changes, true))) return yield* this.#locked(keys, decide)
      const again = this.#loose.trustsRefusals === true ? undefined : decided.again()
      yield* Effect.yieldNow
      return again === undefined ? decided.answer : yield* this.#locked(again.keys, again.decide)
    })
  }

  /** Decides and commits without anybody in between, or where the mutant's locks let somebody in between. */
  #locked<A>(keys: Keys, decide: (records: Records) => Decided<A>): Effect.Effect<A> {
    const { locks } = this.#loose
    const gap = locks === undefined ? Effect.void : Effect.yieldNow
    const decideAndCommit = Effect.gen({ self: this }, function* () {
      yield* gap
      const { answer, changes } = this.#decide(keys, decide)
      yield* gap
      if (changes !== undefined) yield* this.#apply(changes, false)
      return answer
    })
    if (locks === "none") return decideAndCommit
    if (locks === undefined) return this.#everything.withPermit(Effect.andThen(Effect.yieldNow, decideAndCommit))
    // A number that says nothing about the key stands for whatever order the caller happened to use.
    const texts = kindNames
      .flatMap((kind) => (kinds[kind].locked ? keys.of(kind).map((key) => keyText([kind, ...key])) : []))
      .sort((left, right) => this.#arrivals(left) - this.#arrivals(right))
    this.#turn++
    return texts.reduceRight<Effect.Effect<A>>(
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
    const snapshot = recordsOf(
      Object.fromEntries(
        kindNames.map((kind) => [kind, keys.of(kind).flatMap((key) => this.tables.get(kind, key) ?? [])]),
      ),
    )
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
    const check = <K extends KindName>(kind: K): ReadonlyArray<Rebased<RecordOf[K]>> | undefined => {
      const held: Array<Rebased<RecordOf[K]>> = []
      for (const put of changes.puts[kind]) {
        const looked = guarded && guards(kind, put)
        const rebased = looked
          ? rebase(kind, put, this.tables.get(kind, kinds[kind].keyOf(put.after)))
          : { put, shift: [] }
        if (rebased !== undefined) held.push(rebased)
        else if (leavesOut === "always" || (leavesOut === "alone" && changes.puts[kind].length === 1)) {
          leftOut.add(keyText([kind, ...kinds[kind].keyOf(put.after)]))
        } else return undefined
      }
      return held
    }
    const account = check("account")
    const coupon = check("coupon")
    const campaign = check("campaign")
    const order = check("order")
    const product = check("product")
    const bucket = check("bucket")
    const receipt = check("receipt")
    if (!account || !coupon || !campaign || !order || !product || !bucket || !receipt) return undefined
    const records = { account, coupon, campaign, order, product, bucket, receipt }
    const entry = rebaseRows(
      "entry",
      changes.appends.entry.filter(({ accountId }) => !leftOut.has(keyText(["account", accountId]))),
      records,
    )
    const movement = rebaseRows(
      "movement",
      changes.appends.movement.filter(({ productId }) => !leftOut.has(keyText(["product", productId]))),
      records,
    )
    if (entry === undefined || movement === undefined) return undefined
    return {
      puts: {
        account: account.map(putOf),
        coupon: coupon.map(putOf),
        campaign: campaign.map(putOf),
        order: order.map(putOf),
        product: product.map(putOf),
        bucket: bucket.map(putOf),
        receipt: receipt.map(putOf),
      },
      appends: { entry, movement, event: changes.appends.event },
    }
  }
}

const putOf = <R>({ put }: Rebased<R>): Put<R> => put
