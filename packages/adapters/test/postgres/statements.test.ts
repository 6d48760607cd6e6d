/**
 * `statements.snapshot.sql` is what PostgreSQL is really sent: for each call the statements by name, and for each statement
 * what its parameters hold. `vitest -u` writes it again.
 */
import { PGlite } from "@electric-sql/pglite"
import { createHoldfast, type Shop } from "@holdfast/core"
import { kindNames, ledgerNames, type Path, Store, type StoreFault, type StoreShape } from "@holdfast/core/ports"
import { Effect, Layer, type Scope } from "effect"
import { afterAll, beforeAll, expect, it } from "vitest"
import { openFromDatabase } from "../../src/pglite/databaseWire.ts"
import { storeOnConnections } from "../../src/postgres/StoreOnConnections.ts"
import { migrate } from "../../src/postgres/schema/migrate.ts"
import { Connection } from "../../src/postgres/session/Connection.ts"
import type { Statement, Wire } from "../../src/postgres/session/wire.ts"
import { suspectsAmong } from "../../src/postgres/statements/busy.ts"
import { SubscriptionName } from "../support/core.ts"

const mails = SubscriptionName.make("mails")

let database: PGlite
beforeAll(async () => {
  database = await PGlite.create()
})
afterAll(() => database.close())

const guarantees = { name: "pglite", durability: "nothing", scope: "one process", lanes: 1 } as const

/** What was sent while something ran: frame by frame. */
class Recording {
  readonly statements = new Map<string, Statement>()
  #frames: Array<string> = []

  readonly wire = (wire: Wire): Wire => ({
    ...wire,
    run: (frame, sent) => {
      for (const each of frame) this.#note(each)
      this.#frames.push(frame.map(({ name, sql }) => name ?? sql.split(" ").slice(0, 1).join(" ")).join(", "))
      return wire.run(frame, sent)
    },
  })

  /** The frames since it was asked last. */
  frames(): ReadonlyArray<string> {
    return this.#frames.splice(0)
  }

  #note(statement: Statement): void {
    const { name, sql } = statement
    if (name === undefined) return
    const before = this.statements.get(name)
    // One name is one text.
    if (before !== undefined) expect(sql, name).toBe(before.sql)
    this.statements.set(name, statement)
  }
}

/** A store in a schema of its own, on the wire that is recorded. */
const storeIn = (schema: string, path: Path, record: (wire: Wire) => Wire) =>
  Effect.gen(function* (): Effect.fn.Return<
    { readonly store: StoreShape; readonly wire: Wire },
    StoreFault,
    Scope.Scope
  > {
    const wire = yield* openFromDatabase(database, schema, "decide")
    yield* migrate(wire, schema, "auto")
    const connection = yield* Connection.make(Effect.succeed(record(wire)))
    const connections = {
      reading: connection,
      listing: connection,
      scanning: connection,
      delivering: connection,
      probing: connection,
    }
    const store = storeOnConnections(guarantees, schema, { deciding: [connection], ...connections }, { path })
    return { store, wire: record(wire) }
  })

const order = { accountId: "ada", lines: [{ productId: "tee", quantity: 1 }], reference: "cart" }
const tooMany = { accountId: "ada", lines: [{ productId: "tee", quantity: 1_000 }] }

/** Places an order, and keeps its id for later calls. */
const place =
  (input: Parameters<Shop["orders"]["place"]>[0]) =>
  async ({ orders }: Shop, placed: Array<string>) => {
    placed.push((await orders.place(input)).orderId)
  }

/** Orders, claims, points and stock, one call after the other. */
const calls: ReadonlyArray<readonly [name: string, call: (shop: Shop, placed: Array<string>) => Promise<unknown>]> = [
  ["points.open", ({ points }) => points.open({ accountId: "ada" })],
  ["points.charge", ({ points }) => points.charge({ accountId: "ada", amount: 1_000, key: "charge" })],
  ["points.charge, repeated", ({ points }) => points.charge({ accountId: "ada", amount: 1_000, key: "charge" })],
  ["points.adjust", ({ points }) => points.adjust({ accountId: "ada", change: -5, reason: "lost", key: "adjust" })],
  ["points.suspend", ({ points }) => points.suspend({ accountId: "ada", key: "suspend" })],
  ["points.resume", ({ points }) => points.resume({ accountId: "ada", key: "resume" })],
  ["stock.register", ({ stock }) => stock.register({ productId: "tee", name: "Tee", price: 5, onHand: 100 })],
  ["stock.restock", ({ stock }) => stock.restock({ productId: "tee", quantity: 5, key: "restock" })],
  ["stock.rename", ({ stock }) => stock.rename({ productId: "tee", name: "T-shirt", key: "rename" })],
  [
    "coupons.createCampaign",
    ({ coupons }) =>
      coupons.createCampaign({ campaignId: "sale", name: "Sale", discount: { type: "flat", amount: 1 }, limit: 10 }),
  ],
  ["coupons.issue", ({ coupons }) => coupons.issue({ accountId: "ada", campaignId: "sale" })],
  ["orders.place", place({ ...order, key: "first" })],
  ["orders.place, with a coupon", place({ ...order, campaignId: "sale", key: "second" })],
  ["orders.place, once more", place({ ...order, key: "third" })],
  ["orders.place, out of stock", ({ orders }) => orders.place({ ...tooMany, key: "fourth" }).catch(() => undefined)],
  ["orders.cancel", ({ orders }, [, orderId = ""]) => orders.cancel({ accountId: "ada", orderId, key: "cancel" })],
  ["orders.complete", ({ orders }, [orderId = ""]) => orders.complete({ orderId, key: "complete" })],
  ["coupons.revoke", ({ coupons }) => coupons.revoke({ accountId: "ada", campaignId: "sale", key: "revoke" })],
  ["points.balance", ({ points }) => points.balance("ada")],
  ["points.entries", ({ points }) => points.entries({ accountId: "ada" })],
  ["points.entries, oldest first", ({ points }) => points.entries({ accountId: "ada", order: "oldest-first" })],
  ["stock.product", ({ stock }) => stock.product("tee")],
  ["stock.products", ({ stock }) => stock.products()],
  ["stock.movements", ({ stock }) => stock.movements({ productId: "tee" })],
  ["coupons.campaign", ({ coupons }) => coupons.campaign("sale")],
  ["coupons.coupon", ({ coupons }) => coupons.coupon({ accountId: "ada", campaignId: "sale" })],
  ["coupons.ofAccount", ({ coupons }) => coupons.ofAccount({ accountId: "ada" })],
  ["coupons.ofCampaign", ({ coupons }) => coupons.ofCampaign({ campaignId: "sale" })],
  ["orders.get", ({ orders }, [orderId = ""]) => orders.get(orderId)],
  ["orders.ofAccount", ({ orders }) => orders.ofAccount({ accountId: "ada" })],
  ["orders.byReference", ({ orders }) => orders.byReference({ reference: "cart" })],
  ["popularity.top", ({ popularity }) => popularity.top()],
  ["outcome", (shop) => shop.outcome({ operation: "orders.place", key: "first" })],
]

/** What each call sends on a way that batches may go, with an audience for its events. */
const sentByCalls = async (path: Path, recording: Recording): Promise<ReadonlyArray<string>> => {
  const program = Effect.gen(function* () {
    const { store } = yield* storeIn(`calls_${path}`, path, recording.wire)
    yield* store.outbox.register(mails)
    const shop = createHoldfast({ store: { name: "recorded", layer: Layer.succeed(Store, store) }, workers: false })
    yield* Effect.promise(() => shop.start())
    recording.frames()
    const lines: Array<string> = []
    const placed: Array<string> = []
    for (const [name, call] of calls) {
      yield* Effect.promise(() => call(shop, placed))
      lines.push(`-- ${name}`, ...recording.frames().map((frame) => `--   ${frame}`))
    }
    yield* Effect.promise(() => shop.stop())
    return lines
  })
  return Effect.runPromise(Effect.scoped(program))
}

/** Delivery, scans and the search for keys that are held, straight at the store. */
const askTheRest = (recording: Recording) =>
  Effect.gen(function* () {
    const { store, wire } = yield* storeIn("calls_any", "any", recording.wire)
    const { outbox } = store
    const lease = yield* outbox.lease(mails, "here", 60_000)
    if (lease === undefined) throw new Error("The lease is free.")
    yield* outbox.renew(lease, 60_000)
    const [first, second] = yield* outbox.claim(lease, undefined, { events: 100, bytes: 100_000 })
    if (first === undefined || second === undefined) throw new Error("Events wait.")
    yield* outbox.reread(lease, [first.position, second.position], 100_000)
    // A row of less than one event comes in slices.
    yield* outbox.claim(lease, undefined, { events: 1, bytes: 1 })
    yield* outbox.acknowledge(lease, [first.position])
    yield* outbox.park(lease, second.position, "no mail today", 1)
    yield* outbox.parked(mails, undefined, 10)
    yield* outbox.unpark(mails, second.position)
    yield* outbox.depth(mails)
    yield* outbox.release(lease)
    yield* outbox.unregister(mails)
    for (const after of [undefined, ["1"], ["1", "1"], ["1", "1", "1"]] as const) {
      for (const kind of kindNames) yield* store.scan(kind, after, 1)
    }
    for (const after of [undefined, ["a"], ["a", 1]] as const) {
      for (const ledger of ledgerNames) yield* store.scanLog(ledger, after, 1)
    }
    if (store.archivedBefore !== undefined) yield* store.archivedBefore
    yield* suspectsAmong(wire, { of: (kind) => [kind === "bucket" ? ["tee", 1] : ["a", "a"]] })
  })

it("the statements that are sent, each with what its parameters hold", async () => {
  const recording = new Recording()
  const any = await sentByCalls("any", recording)
  for (const path of ["blind", "snapshot", "locked"] as const) await sentByCalls(path, recording)
  await Effect.runPromise(Effect.scoped(askTheRest(recording)))
  const statements = Array.from(recording.statements.values())
    .map(({ name = "", names = [], sql }) => {
      const parameters = names.map((each, index) => `$${index + 1} ${each}`).join(", ")
      // As many as the text uses.
      const used = new Set(Array.from(sql.matchAll(/\$(\d+)/g), ([, number]) => Number(number)))
      expect(
        Array.from(used).sort((left, right) => left - right),
        name,
      ).toEqual(names.map((_, index) => index + 1))
      return [name, `-- ${name}\n-- ${parameters === "" ? "no parameters" : parameters}\n${sql};\n`] as const
    })
    .sort(([left], [right]) => (left < right ? -1 : 1))
  const text = [
    "-- What PostgreSQL is sent, recorded from a run. A test compares it; `vitest -u` writes it again.",
    "-- `@.` stands for the schema of the shop.",
    "--",
    "-- Calls, one after the other, and the frames of each: what stands on one line is sent in one piece.",
    "--",
    ...any,
    "",
    "-- The statements by name.",
    "",
    ...statements.map(([, each]) => each),
  ].join("\n")
  await expect(text).toMatchFileSnapshot("statements.snapshot.sql")
})
