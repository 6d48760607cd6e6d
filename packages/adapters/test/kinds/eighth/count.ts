// Counts in tallies on every kind of store, through two engines at once, and prints what callers were answered and what each
// store holds in the end. It runs in the copy of the sources that `eighthKind.test.ts` makes.
import { Effect, type Layer } from "effect"
import { SqliteStore } from "./examples/sqlite-adapter/src/SqliteStore.ts"
import { PgliteStore } from "./packages/adapters/src/pglite/PgliteStore.ts"
import type { Command, Operation } from "./packages/core/src/decision/Command.ts"
import { accept, noLane } from "./packages/core/src/decision/call.ts"
import { fingerprintOf } from "./packages/core/src/decision/fingerprint.ts"
import { type Engine, makeEngine } from "./packages/core/src/engine/Engine.ts"
import type { Outcome } from "./packages/core/src/engine/Pending.ts"
import { InterleavingStore } from "./packages/core/src/memory/InterleavingStore.ts"
import { MemoryStore } from "./packages/core/src/memory/PlainStore.ts"
import { Store, type StoreFault } from "./packages/core/src/ports/index.ts"
import { countUp } from "./packages/core/src/stock/Tally.ts"
import { AccountId, type CommandId, IdempotencyKey, ProductId, Scope } from "./packages/core/src/values.ts"

const units = 25
const accounts = ["ada", "bob"].map((id) => AccountId.make(id))
const productId = ProductId.make("tee")

const count: Operation<{ readonly accountId: AccountId }, { readonly units: number }> = {
  name: "tallies.count",
  intention: ({ accountId }) => ({ accountId }),
  keys: ({ accountId }, add) => add("tally", [accountId, productId]),
  lane: noLane,
  operator: false,
  decide: (records, { accountId }) => {
    const found = records.tally(accountId, productId)
    const counted = countUp(found ?? { accountId, productId, units: 0, note: "few", version: 1 }, 1)
    // A term changes on the way, beside the counter.
    const tally = counted.units === 20 ? { ...counted, note: "many", version: counted.version + 1 } : counted
    const event = { type: "stock.retired", aggregate: { type: "product", id: productId }, key: productId } as const
    return accept(
      { units: tally.units },
      { records: { tally: [tally] }, exact: "tally" },
      { ...event, data: { productId } },
    )
  },
}

const commandOf = (accountId: AccountId, n: number): Command => {
  const request = { accountId }
  const key = IdempotencyKey.make(`${accountId}-${n}`)
  return {
    operation: count as unknown as Operation,
    id: key as string as CommandId,
    at: Date.now(),
    deadline: Date.now() + 600_000,
    scope: Scope.make("public"),
    key,
    fingerprint: fingerprintOf(count.intention(request)),
    request,
  }
}

const submit = (engine: Engine, command: Command) =>
  Effect.callback<Outcome>((resume) => {
    engine.submit(command, (outcome) => resume(Effect.succeed(outcome)))
  })

const counted = Effect.gen(function* () {
  const store = yield* Store
  const engines = [yield* makeEngine(store, { queueLimit: 1_000 }), yield* makeEngine(store, { queueLimit: 1_000 })]
  const commands = Array.from({ length: units }, (_, n) => accounts.map((accountId) => commandOf(accountId, n))).flat()
  const outcomes = yield* Effect.forEach(
    commands.flatMap((command, index) =>
      engines.slice(index % 2, (index % 2) + 1).map((engine) => ({ engine, command })),
    ),
    ({ engine, command }) => submit(engine, command),
    { concurrency: "unbounded" },
  )
  const repeated = yield* Effect.forEach(engines, (engine) => submit(engine, commandOf(AccountId.make("ada"), 0)))
  return {
    store: store.guarantees.name,
    answers: outcomes.map((outcome) => (outcome._tag === "Accepted" ? outcome.answer : outcome)),
    repeated: repeated.map(({ _tag }) => _tag),
    rows: yield* store.scan("tally", undefined, 10),
    afterFirst: yield* store.scan("tally", ["ada", "tee"], 10),
  }
})

const stores: ReadonlyArray<Layer.Layer<Store, StoreFault>> = [
  MemoryStore.layer,
  InterleavingStore.layer(),
  SqliteStore.layer({ file: ":memory:" }),
  PgliteStore.layer(),
  PgliteStore.layer({ path: "locked" }),
]
for (const layer of stores) {
  console.log(JSON.stringify(await Effect.runPromise(Effect.scoped(Effect.provide(counted, layer)))))
}
