/**
 * Keys that were held when they were last looked at. A batch that needs one of them asks for it first, alone: it would
 * otherwise wait for it with other rows locked, and hold up those who need these.
 */
import { kindNames } from "../decision/kinds.ts"
import type { Keys } from "../decision/Records.ts"
import { type KeyOf, textOfKey } from "./StoreFault.ts"

/** How many held keys are remembered. */
const maxRemembered = 1_024

export class HeldKeys {
  readonly #held = new Set<string>()

  remember(keys: ReadonlyArray<KeyOf>): void {
    for (const each of keys) {
      if (this.#held.size < maxRemembered) this.#held.add(textOfKey(each))
    }
  }

  forget(keys: Keys): void {
    for (const kind of kindNames) for (const key of keys.of(kind)) this.#held.delete(textOfKey({ kind, key }))
  }

  /** Those of a batch's keys that are remembered; undefined where none is. */
  among(keys: Keys): Keys | undefined {
    if (this.#held.size === 0) return undefined
    const of: Keys["of"] = (kind) => keys.of(kind).filter((key) => this.#held.has(textOfKey({ kind, key })))
    return kindNames.some((kind) => of(kind).length > 0) ? { of } : undefined
  }
}
