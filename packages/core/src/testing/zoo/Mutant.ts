/**
 * A mutant: a store or an engine that is broken on purpose, in one small way.
 */
import { Effect, Layer } from "effect"
import { type KindName, kinds, type RecordOf } from "../../decision/kinds.ts"
import { Store, type StoreShape } from "../../ports/index.ts"
import { Amount } from "../../values.ts"
import type { Adapter } from "../conformance/Adapter.ts"
import type { Tampering } from "../trial/Tampering.ts"
import { type Looseness, looseGuarantees, makeLooseStore, reopenLooseStore } from "./LooseStore.ts"

export interface Mutant {
  readonly name: string
  /** What is wrong with it. */
  readonly about: string
  readonly adapter: Adapter
}

/** Makes a mutant out of the loose store: one step left out, a wrapper around it, or an engine that is tampered with. */
export const mutant = (
  name: string,
  about: string,
  how: {
    readonly loose?: () => Looseness
    readonly wrap?: (store: StoreShape) => StoreShape
    readonly tampering?: Tampering
    /** Whether it claims to survive being killed. */
    readonly reopens?: boolean
  },
): Mutant => ({
  name,
  about,
  adapter: {
    name,
    guarantees: looseGuarantees,
    runs: "simulated",
    tampering: how.tampering,
    reopen: how.reopens === true ? reopenLooseStore : undefined,
    layer: Layer.effect(
      Store,
      Effect.suspend(() => Effect.map(makeLooseStore(how.loose?.()), (store) => how.wrap?.(store) ?? store)),
    ),
  },
})

/** An amount that may have been computed wrongly, but is one. */
export const shifted = (amount: number): Amount => Amount.make(Math.max(0, amount))

export const versionOf = (record: object): unknown => Reflect.get(record, "version")

/** The counters of a record, and nothing else of it. */
export const countersOf = <K extends KindName>(kind: K, record: RecordOf[K]): object =>
  Object.fromEntries(kinds[kind].counters.map((counter) => [counter, record[counter]]))
