/**
 * When a store that is made of transactions waits for other machines once more: before it answers what rests on rows that
 * it found, and never else.
 */
import { describe, expect, it } from "@effect/vitest"
import { Effect } from "effect"
import { chargeCall, openCall, suspendCall } from "../../src/decision/pointsCalls.ts"
import { outboxOf } from "../../src/memory/MemoryOutbox.ts"
import { readsOf } from "../../src/memory/reads.ts"
import { afterYield } from "../../src/memory/step.ts"
import { Tables } from "../../src/memory/Tables.ts"
import {
  type Connection,
  type Keys,
  type Loaded,
  type LoadedOfKind,
  mapKinds,
  type StoreFault,
} from "../../src/ports/index.ts"
import { storeIn } from "../../src/ports/Store.ts"
import { commandMaker, transact } from "../../src/testing/suites/commands.ts"

const make = commandMaker("w")
const open = (accountId: string) => make(openCall, { accountId })
const charge = (key: string, accountId = "ada") => make(chargeCall, { accountId, amount: 5, key })

const waiting = (onSnapshots: boolean) => {
  const tables = new Tables()
  const waited = { times: 0, fails: false }
  const loaded = (keys: Keys): Loaded =>
    mapKinds<LoadedOfKind>((kind) => keys.of(kind).flatMap((key) => tables.get(kind, key) ?? []))
  const load = (keys: Keys) => Effect.sync(() => loaded(keys))
  const connection: Connection<object> = {
    transaction: (use) => use({}),
    load: (_, keys) => load(keys),
    ...(onSnapshots ? { snapshot: load } : {}),
    apply: (_, changes) => Effect.sync(() => tables.commit(changes)),
    confirm: Effect.suspend(() => {
      waited.times++
      return waited.fails ? Effect.fail<StoreFault>({ _tag: "Lost", reason: "no standby" }) : Effect.void
    }),
    ...readsOf(() => tables, afterYield),
    outbox: outboxOf(tables.outbox, afterYield),
  }
  const guarantees = { name: "waiting", durability: "nothing", scope: "many machines", lanes: 1 } as const
  return { store: storeIn(guarantees, connection), waited }
}

describe.each([
  ["on snapshots", true],
  ["under locks", false],
] as const)("a store that waits for others, %s", (_, onSnapshots) => {
  it.effect("waits before a replay, and before what was so already", () =>
    Effect.gen(function* () {
      const { store, waited } = waiting(onSnapshots)
      yield* transact(store, [open("ada"), charge("k")])
      expect(waited.times).toBe(0)
      yield* transact(store, [charge("k")])
      expect(waited.times).toBe(1)
      yield* transact(store, [make(suspendCall, { accountId: "ada" })])
      yield* transact(store, [make(suspendCall, { accountId: "ada" })])
      expect(waited.times).toBe(2)
    }),
  )

  it.effect("does not wait for a refusal, nor where it commits after it has read", () =>
    Effect.gen(function* () {
      const { store, waited } = waiting(onSnapshots)
      yield* transact(store, [open("ada"), charge("k")])
      yield* transact(store, [charge("other", "nobody")])
      yield* transact(store, [charge("k"), charge("new")])
      expect(waited.times).toBe(0)
    }),
  )

  it.effect("answers nothing where that wait fails", () =>
    Effect.gen(function* () {
      const { store, waited } = waiting(onSnapshots)
      yield* transact(store, [open("ada"), charge("k")])
      waited.fails = true
      expect(yield* Effect.flip(transact(store, [charge("k")]))).toMatchObject({ _tag: "Lost" })
    }),
  )
})
