/**
 * Many callers at once on every store: what is promised for one holds for all of them together.
 */
import { Effect, Schedule } from "effect"
import type { Decision } from "../../decision/Command.ts"
import { registerCall } from "../../decision/stockCalls.ts"
import type { StoreShape } from "../../ports/index.ts"
import { AccountId, CampaignId, ProductId } from "../../values.ts"
import { command, transact as transactOnce } from "./commands.ts"
import { broken } from "./contents.ts"
import { expect } from "./expect.ts"
import { type StoreSuite, type SuiteStore, storeCase, storeOf } from "./StoreSuite.ts"
import { charge, furnish, issue, place, restock } from "./shop.ts"

/**
 * Asks again where the store says that its keys were busy and nothing happened, as the engine does, for as long as it
 * takes: on a loaded machine a hundred callers of one row do wait longer than a lane should.
 */
const transact = (...args: Parameters<typeof transactOnce>): ReturnType<typeof transactOnce> =>
  Effect.retry(transactOnce(...args), {
    schedule: Schedule.spaced("20 millis"),
    while: (fault) => fault._tag === "Busy",
  })

const tagOf = (decision: Decision | undefined): string =>
  decision?._tag === "Refused" ? decision.refusal._tag : (decision?._tag ?? "nothing")

/** How many of each ending there were. */
const tally = (decisions: ReadonlyArray<Decision | undefined>): Record<string, number> => {
  const counts: Record<string, number> = {}
  for (const decision of decisions) counts[tagOf(decision)] = (counts[tagOf(decision)] ?? 0) + 1
  return counts
}

const alone = (store: StoreShape, each: Parameters<typeof transact>[1][number]) =>
  Effect.map(transact(store, [each]), ([decision]) => decision)

const together = { concurrency: "unbounded" } as const

export interface ConcurrencyOptions {
  /** How many customers buy at once. Default 20. */
  readonly buyers?: number | undefined
}

/** Many callers at once. */
export const concurrency = ({ name, layer }: SuiteStore, { buyers = 20 }: ConcurrencyOptions = {}): StoreSuite => {
  const make = storeOf(layer)
  const accounts = Array.from({ length: buyers }, (_, index) => `account-${index}`)
  return {
    title: `${name}, used by many at once`,
    cases: [
      storeCase("never sells more than it has while restocking", function* () {
        const store = yield* make
        yield* furnish(store, { accounts, points: 1_000, products: { tea: 20, cup: 5 } })
        const orders = accounts.flatMap((accountId) => [place(accountId, "tea", 2), place(accountId, "cup", 1)])
        const restocks = Array.from({ length: 5 }, () => restock("tea", 1))
        const decisions = yield* Effect.forEach([...orders, ...restocks], (each) => alone(store, each), together)
        expect(yield* broken(store)).toEqual([])
        const [tea, cup] = yield* store.reads.products([ProductId.make("tea"), ProductId.make("cup")])
        const sold = decisions.filter((decision) => decision?._tag === "Accepted").length - restocks.length
        expect(sold).toBeGreaterThanOrEqual(15)
        expect(cup?.onHand).toBe(0)
        expect(tea?.onHand).toBe(25 - 2 * (sold - 5))
        expect(tally(decisions)).toEqual({ Accepted: sold + 5, OutOfStock: 2 * buyers - sold })
      }),

      storeCase("issues exactly the limit, tickets 1 to n, one for each account", function* () {
        const store = yield* make
        yield* furnish(store, { accounts, campaigns: { spring: 7 } })
        const asked = [...accounts, ...accounts].map((accountId) => issue(accountId))
        const decisions = yield* Effect.forEach(asked, (each) => alone(store, each), together)
        expect(tally(decisions)).toMatchObject({ Accepted: 7 })
        expect(yield* broken(store)).toEqual([])
        const page = { after: undefined, limit: 99, newestFirst: false }
        const coupons = yield* store.reads.couponsOfCampaign(CampaignId.make("spring"), page)
        expect(coupons.map(({ ticket }) => ticket)).toEqual([1, 2, 3, 4, 5, 6, 7])
      }),

      storeCase("keeps one account's ledger gapless while charges and orders cross", function* () {
        const store = yield* make
        yield* furnish(store, { accounts: ["ada"], points: 50, products: { tea: 1_000 } })
        const commands = Array.from({ length: 30 }, (_, n) =>
          n % 2 === 0 ? charge("ada", 10) : place("ada", "tea", 1),
        )
        const decisions = yield* Effect.forEach(commands, (each) => alone(store, each), together)
        expect(yield* broken(store)).toEqual([])
        const sold = decisions.filter((decision, n) => n % 2 === 1 && decision?._tag === "Accepted").length
        expect((yield* store.reads.account(AccountId.make("ada")))?.balance).toBe(50 + 150 - 10 * sold)
      }),

      storeCase("decides whole batches that cross each other without losing one", function* () {
        const store = yield* make
        yield* furnish(store, { accounts, points: 1_000, products: { tea: 30, cup: 30 }, campaigns: { spring: 5 } })
        const batches = Array.from({ length: 12 }, (_, n) =>
          accounts
            .slice(n, n + 6)
            .flatMap((id) => [place(id, n % 2 === 0 ? "tea" : "cup", 2), issue(id), charge(id, 1)]),
        )
        const decisions = yield* Effect.forEach(batches, (batch) => transact(store, batch), together)
        expect(yield* broken(store)).toEqual([])
        expect(decisions.flat().length).toBe(12 * 6 * 3)
        const accepted = decisions.flat().filter(({ _tag }) => _tag === "Accepted").length
        const furnished = 2 * accounts.length + 3
        expect((yield* store.scan("receipt", undefined, 10_000)).length).toBe(accepted + furnished)
      }),

      storeCase("gives two that insert the same record at once one acceptance and one refusal", function* () {
        const store = yield* make
        yield* furnish(store, { accounts: ["ada"], campaigns: { spring: 9 } })
        const coupons = yield* Effect.forEach([issue("ada"), issue("ada")], (each) => alone(store, each), together)
        expect(tally(coupons)).toEqual({ Accepted: 1, CouponAlreadyIssued: 1 })
        const registers = [1, 2].map((price) => command(registerCall, { productId: "new", name: "N", price }))
        const products = yield* Effect.forEach(registers, (each) => alone(store, each), together)
        expect(tally(products)).toEqual({ Accepted: 1, ProductAlreadyExists: 1 })
      }),

      storeCase(
        "accepts one of two commands that carry the same key, and recalls it for the other, or refuses another one",
        function* () {
          const store = yield* make
          yield* furnish(store, { accounts: ["ada"], points: 100, products: { tea: 9 } })
          const twice = [place("ada", "tea", 1, "same"), place("ada", "tea", 1, "same")]
          const same = yield* Effect.forEach(twice, (each) => alone(store, each), together)
          expect(tally(same)).toEqual({ Accepted: 1, Recalled: 1 })
          const reused = [place("ada", "tea", 1, "reused"), place("ada", "tea", 2, "reused")]
          const other = yield* Effect.forEach(reused, (each) => alone(store, each), together)
          expect(tally(other)).toEqual({ Accepted: 1, IdempotencyKeyReused: 1 })
          expect(yield* broken(store)).toEqual([])
        },
      ),

      storeCase("accepts one of two commands of the same key that have no other record in common", function* () {
        const store = yield* make
        yield* furnish(store, { accounts: ["ada", "bob"] })
        const both = [charge("ada", 1, "same"), charge("bob", 1, "same")]
        const decisions = yield* Effect.forEach(both, (each) => alone(store, each), together)
        expect(tally(decisions)).toEqual({ Accepted: 1, IdempotencyKeyReused: 1 })
        expect(yield* broken(store)).toEqual([])
      }),
    ],
  }
}
