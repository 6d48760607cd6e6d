/**
 * Where broken engines are broken. Only kits that test themselves have any use for it.
 */
import type { Clock } from "effect"
import type { Command, Decision } from "../../decision/Command.ts"
import type { Work } from "../../delivery/InFlight.ts"
import type { StoreShape } from "../../ports/index.ts"
import type { Reply } from "./Trial.ts"

/** Where broken engines are broken: what happens to a command before it is submitted, and to what it is answered. */
export interface Tampering {
  readonly command?: ((command: Command) => Command) | undefined
  /** What is sent again after a lost reply, instead of the same command. Clients straight at the store only. */
  readonly retried?: ((command: Command) => Command) | undefined
  readonly decision?: ((decision: Decision, command: Command) => Decision) | undefined
  /** The clock that an engine measures with. */
  readonly clock?: ((clock: Clock.Clock) => Clock.Clock) | undefined
  readonly reply?: ((reply: Reply, command: Command) => Reply) | undefined
  /** Callers who leave are told so, and their commands stay in the queue. */
  readonly forgetsWithdrawals?: boolean | undefined
  /** What the loops of subscriptions do with the events that they claim. */
  readonly work?: ((work: Work, name: string) => Work) | undefined
  /** The consumer of the bus counts every event that it hears, known or not. */
  readonly forgetfulConsumer?: boolean | undefined
  /** The store as one process sees it, with the store itself, which is one for all processes of a trial. */
  readonly store?: ((seen: StoreShape, itself: StoreShape) => StoreShape) | undefined
}
