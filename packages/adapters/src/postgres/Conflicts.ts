/**
 * Remembers which keys were in conflict lately, so that the batches that touch them take their locks first, and one
 * contended wallet does not slow the others down.
 */
import {
  type ChangeSet,
  type Keys,
  type KindName,
  keyText,
  kindNames,
  kinds,
  type Put,
  type RecordOf,
} from "@holdfast/core"

/** How many batches that touch a key in conflict go straight to the locks. */
const lockedAfterConflict = 5
/** How many keys in conflict are remembered. */
const maxRemembered = 1_024

export class Conflicts {
  readonly #batchesLeft = new Map<string, number>()

  /** True where the batch touches a key that was in conflict; counts the batch. */
  touch(keys: Keys): boolean {
    if (this.#batchesLeft.size === 0) return false
    let touched = false
    for (const kind of kindNames) {
      if (!kinds[kind].locked) continue
      for (const key of keys.of(kind)) {
        const text = keyText([kind, ...key])
        const left = this.#batchesLeft.get(text)
        if (left === undefined) continue
        touched = true
        if (left > 1) this.#batchesLeft.set(text, left - 1)
        else this.#batchesLeft.delete(text)
      }
    }
    return touched
  }

  /** The statement that changes this kind found something else than was decided on: one of these keys was in conflict. */
  remember(changes: ChangeSet, kind: KindName): void {
    if (kinds[kind].locked) this.#remember(kind, changes)
  }

  #remember<K extends KindName>(kind: K, { puts }: ChangeSet): void {
    const all: ReadonlyArray<Put<RecordOf[K]>> = puts[kind]
    // Exact guards fail far more often than a change of terms, and there are few of them.
    const exact = all.filter(({ before, guard }) => before !== undefined && guard === "exact")
    for (const { after } of exact.length > 0 ? exact : all) {
      if (this.#batchesLeft.size >= maxRemembered) return
      this.#batchesLeft.set(keyText([kind, ...kinds[kind].keyOf(after)]), lockedAfterConflict)
    }
  }
}
