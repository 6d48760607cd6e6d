/**
 * Why a store could not do what was asked. Never a refusal: those are answers of decisions.
 */
import { type KindName, kindNames, kinds } from "../decision/kinds.ts"
import type { Keys } from "../decision/Records.ts"
import { type Key, keyText } from "../values.ts"

export type StoreFault =
  /**
   * The connection or the reply was lost. It may have happened or not, and it may still happen. `attempt` is what was sent;
   * absent where the store cannot say.
   */
  (
    | {
        readonly _tag: "Lost"
        readonly reason: string
        readonly cause?: unknown
        readonly attempt?: Attempt | undefined
      }
    /**
     * Somebody else holds these keys for longer than a lane should wait. Nothing happened. `someOf` is true where it may be any
     * of them, such as a new record that another transaction has made and not committed: whoever asks for fewer finds out.
     */
    | { readonly _tag: "Busy"; readonly keys: ReadonlyArray<KeyOf>; readonly someOf?: boolean | undefined }
    /**
     * The store answered that it does not do this, for a reason that is neither conflict nor connection. Nothing happened, and
     * again it would be the same: whoever called is told that this is certain, and that trying again is useless. What may
     * work another time, such as a disk that is full, is `Lost`.
     */
    | { readonly _tag: "Rejected"; readonly reason: string; readonly cause?: unknown }
  ) & {
    /**
     * What a part of the same call that was committed before is answered with, where there was one: its acceptances stand. It
     * is the answer of the decision that was committed; its refusals are not final, and the fault is of those alone.
     */
    readonly committed?: unknown
  }

/**
 * What a store was sent and may still do when nobody hears of it any more: a session on a server outlives the connection of
 * its client. `nothing` where it certainly did and will do none of it; else the store's own, for `settle`.
 */
export type Attempt = "nothing" | object

/** A key with its kind. */
export interface KeyOf {
  readonly kind: KindName
  readonly key: Key
}

/** A text that names a key among those of all kinds, for maps in memory only. */
export const textOfKey = ({ kind, key }: KeyOf): string => keyText([kind, ...key])

/** Everything that a batch locks. */
export const lockedKeys = (keys: Keys): ReadonlyArray<KeyOf> =>
  kindNames.flatMap((kind) => (kinds[kind].locked ? keys.of(kind).map((key) => ({ kind, key })) : []))
