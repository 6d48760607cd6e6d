/**
 * The `Store` port: the one thing an adapter must get right.
 *
 * The store holds the records and grants. It knows no business rule: it shows a decision the current records, and makes
 * durable what the decision answers.
 */
import { Context, Effect, type Scope as EffectScope, Layer } from "effect"
import { stateIn, type Transactions, transactIn } from "../transact/fromTransaction.ts"
import type { StoreFault } from "../transact/StoreFault.ts"
import type { Guarantees, StoreShape } from "./StoreShape.ts"

/**
 * The store of a shop.
 *
 * **Atomicity.** All changes that `decide` answered become durable at once, or none does. Rows of `appends` and the
 * records of `puts` are one commit, and so are the events.
 *
 * **Isolation.** `decide` saw the current records of `keys`, and nobody else changed them before its changes became
 * durable. How (locks, an unlocked snapshot whose guards are verified at commit, one process that does one thing at a
 * time) is the adapter's choice. A decision that changes nothing may be answered from one snapshot taken after the call.
 *
 * **Idempotency.** None of its own: `decide` may run several times for one call, and only the last answer counts. It is
 * pure. Repeating a whole `transact` is safe because its commands find their receipts.
 *
 * **Order.** The events of one key are claimed in the order in which their commits were serialised. Positions (`seq`,
 * `revision`, `ticket`) are gapless per key.
 *
 * **Failure.** Conflicts are retried inside, bounded. `Busy` and `Rejected` say that nothing happened; `Lost` says that
 * nobody knows, and that it may still happen until `settle` says otherwise. Where acceptances of a batch were committed before
 * its refusals were decided again, a fault is of those alone and says so (`committed`). No fault is ever reported as a refusal, and no
 * refusal as a fault.
 */
export class Store extends Context.Service<Store, StoreShape>()("@holdfast/core/Store") {
  /**
   * A store out of a database's transactions: what most adapters are made with. `connect` gives the connection for given
   * options; the algorithm around it is written once, in the core.
   */
  static readonly fromTransaction = <Options, Tx>(
    guarantees: Guarantees,
    connect: (options: Options) => Effect.Effect<Connection<Tx>, StoreFault, EffectScope.Scope>,
  ): StoreAdapter<Options> => ({
    guarantees,
    layer: (options) =>
      Layer.effect(
        Store,
        Effect.map(connect(options), (connection) => storeIn(guarantees, connection)),
      ),
  })
}

/** What an adapter gives to {@link Store.fromTransaction}. */
export interface Connection<Tx>
  extends Transactions<Tx>,
    Pick<StoreShape, "reads" | "scan" | "scanLog" | "outbox" | "settle" | "now" | "join"> {}

/** The store around a connection. */
export const storeIn = <Tx>(guarantees: Guarantees, connection: Connection<Tx>): StoreShape => {
  const { reads, scan, scanLog, outbox, settle, now, join } = connection
  const state = stateIn(connection)
  const transact = transactIn(connection, state)
  // A connection that keeps sessions of its own does not say how many.
  const counts = () => ({ conflicts: state.conflicted, lockedBatches: state.locked, sessions: 0, sessionsOpened: 0 })
  return {
    guarantees,
    counts,
    transact,
    reads,
    scan,
    scanLog,
    outbox,
    settle,
    now,
    ...(join === undefined ? {} : { join }),
  }
}

/** A store made by {@link Store.fromTransaction}: its layer for given options, and what it claims. */
export interface StoreAdapter<Options> {
  readonly guarantees: Guarantees
  readonly layer: (options: Options) => Layer.Layer<Store, StoreFault>
}
