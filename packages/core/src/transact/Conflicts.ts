/**
 * Remembers which keys were in conflict lately, so that the batches that touch them take their locks first, and one
 * contended wallet does not slow the others down.
 *
 * Where other processes sell the same rows, a batch that decides on what it read nearly always loses, and has then paid for
 * a decision, a frame and its answer. So a key stays locked first for twice as many batches each time that it is in conflict
 * again. After them as many are tried unlocked, and where none of these meets a conflict the key is forgotten.
 */
import { kindNames, kinds } from "../decision/kinds.ts"
import type { Keys } from "../decision/Records.ts"
import { type KeyOf, textOfKey } from "./StoreFault.ts"

/** How many batches that touch a key in conflict go straight to the locks the first time, and at most. */
const fewest = 5
const most = 640
/** How many keys in conflict are remembered. The oldest give way: most buyers come once, and are never asked about again. */
const maxRemembered = 1_024

interface Contended {
  /** How many batches take their locks first after a conflict. */
  readonly span: number
  /** How many of them are left; then how many have to pass unlocked before the key is forgotten. */
  locked: number
  tried: number
}

export class Conflicts {
  /** By key, the one that was in conflict last at the end. */
  readonly #contended = new Map<string, Contended>()

  /** True where the batch touches a key that is locked first; counts the batch. */
  touch(keys: Keys): boolean {
    if (this.#contended.size === 0) return false
    let touched = false
    for (const kind of kindNames) {
      if (!kinds[kind].locked) continue
      for (const key of keys.of(kind)) {
        const text = textOfKey({ kind, key })
        const contended = this.#contended.get(text)
        if (contended === undefined) continue
        if (contended.locked > 0) {
          contended.locked--
          touched = true
        } else if (--contended.tried < 0) this.#contended.delete(text)
      }
    }
    return touched
  }

  /** These keys were found other than a batch had decided on. */
  remember(keys: Iterable<KeyOf>): void {
    for (const { kind, key } of keys) {
      if (!kinds[kind].locked) continue
      const text = textOfKey({ kind, key })
      const before = this.#contended.get(text)
      this.#contended.delete(text)
      if (this.#contended.size >= maxRemembered) this.#forgetOldest()
      const span = before === undefined ? fewest : Math.min(before.span * 2, most)
      this.#contended.set(text, { span, locked: span, tried: span })
    }
  }

  /** Those of the keys that were in conflict not long ago. */
  among(keys: ReadonlyArray<KeyOf>): ReadonlyArray<KeyOf> {
    return keys.filter((each) => this.#contended.has(textOfKey(each)))
  }

  #forgetOldest(): void {
    const [oldest] = this.#contended.keys()
    if (oldest !== undefined) this.#contended.delete(oldest)
  }
}
