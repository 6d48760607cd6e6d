/**
 * The store inside a transaction of the host: what it does there is committed and rolled back with it, and ends with it.
 */
import { Effect, type Scope } from "effect"
import type { StoreFault, StoreShape } from "../../ports/index.ts"
import { AccountId } from "../../values.ts"
import { transact } from "./commands.ts"
import { expect } from "./expect.ts"
import { type StoreSuite, type SuiteStore, storeCase, storeOf } from "./StoreSuite.ts"
import { charge, furnish } from "./shop.ts"

/** A connection of the host to what the layer's stores are on, with one transaction after the other. */
export interface HostConnection {
  /** What `join` takes. */
  readonly handle: unknown
  readonly begin: Effect.Effect<void, StoreFault>
  readonly commit: Effect.Effect<void, StoreFault>
  readonly rollback: Effect.Effect<void, StoreFault>
}

/** A store that joins transactions of its host. */
export interface JoiningStore extends SuiteStore {
  readonly host: Effect.Effect<HostConnection, StoreFault, Scope.Scope>
}

const ada = AccountId.make("ada")

/** Inside a transaction of the host. */
export const joined = ({ name, layer, host }: JoiningStore): StoreSuite => {
  const make = storeOf(layer)
  const shop = Effect.gen(function* () {
    const store = yield* make
    yield* furnish(store, { accounts: ["ada"], points: 100 })
    const { handle, ...transaction } = yield* host
    const join = Effect.suspend(() => store.join?.(handle) ?? Effect.die(new Error("This store joins nothing."))).pipe(
      Effect.mapError(({ reason }): StoreFault => ({ _tag: "Rejected", reason })),
    )
    const balance = Effect.map(store.reads.account(ada), (account) => Number(account?.balance))
    return { ...transaction, join, balance }
  })
  const charged = (store: StoreShape, amount: number) =>
    Effect.map(transact(store, [charge("ada", amount)]), (decisions) => decisions.map(({ _tag }) => _tag))
  const endOf = (store: StoreShape) =>
    Effect.match(charged(store, 1_000), { onSuccess: () => "Accepted", onFailure: ({ _tag }) => _tag })
  return {
    title: `${name}, inside a transaction of the host`,
    cases: [
      storeCase("shows what it did when the host commits, and nothing of it where the host rolls back", function* () {
        const { begin, commit, rollback, join, balance } = yield* shop
        yield* begin
        expect(yield* charged(yield* join, 5)).toEqual(["Accepted"])
        expect(yield* balance).toBe(100)
        yield* commit
        expect(yield* balance).toBe(105)
        yield* begin
        const store = yield* join
        expect(yield* charged(store, 70)).toEqual(["Accepted"])
        expect(Number((yield* store.reads.account(ada))?.balance)).toBe(175)
        yield* rollback
        expect(yield* balance).toBe(105)
      }),

      storeCase("changes nothing once its transaction has ended, whatever was begun on its handle since", function* () {
        const { begin, commit, rollback, join, balance } = yield* shop
        for (const end of [commit, rollback]) {
          yield* begin
          const ended = yield* join
          expect(yield* charged(ended, 1)).toEqual(["Accepted"])
          yield* end
          expect(yield* endOf(ended)).toBe("Rejected")
          yield* begin
          expect(yield* endOf(ended)).toBe("Rejected")
          // The other transaction is as usable as before.
          expect(yield* charged(yield* join, 1)).toEqual(["Accepted"])
          expect(yield* endOf(ended)).toBe("Rejected")
          yield* commit
        }
        expect(yield* balance).toBe(103)
      }),
    ],
  }
}
