/**
 * The ways a batch can go, each forced and each seen: on a snapshot, under locks, again after a guard that did not hold, and
 * blindly in one frame.
 */
import {
  type BatchState,
  type ChangeSet,
  mapKinds,
  newBatchState,
  type Path,
  type PutsOfKind,
  type RecordOf,
  type StoreShape,
} from "@holdfast/core/ports"
import { Effect } from "effect"
import pg from "pg"
import { beforeEach, describe, expect, it } from "vitest"
import { PostgresStore } from "../../src/postgres/PostgresStore.ts"
import { transactOnConnections } from "../../src/postgres/StoreOnConnections.ts"
import { Connection } from "../../src/postgres/session/Connection.ts"
import type { Wire } from "../../src/postgres/session/wire.ts"
import {
  AccountId,
  Amount,
  adjustPointsCall,
  broken,
  CampaignId,
  changePriceCall,
  charge,
  command,
  createCampaignCall,
  furnish,
  issue,
  issueCall,
  openCall,
  ProductId,
  place,
  placeCall,
  Quantity,
  restock,
  resumeCall,
  SubscriptionName,
  suspendCall,
  transact,
} from "../support/core.ts"
import { freshSchema, openWire, query, serverForFile } from "../support/stores.ts"

type Batch = Parameters<typeof transact>[1]
type Call = Batch[number]

/** A store whose frames are recorded, and before one of whose frames (the second, unless set) somebody else may act. */
interface Watched {
  readonly schema: string
  readonly store: StoreShape
  readonly other: StoreShape
  readonly frames: Array<string>
  /** What the batches remember. */
  readonly state: BatchState
  meanwhile: Effect.Effect<unknown, unknown>
  disturbed: number
}

describe("paths", () => {
  const { url, server } = serverForFile("paths")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  const watched = (
    use: (watched: Watched) => Effect.Effect<unknown, unknown>,
    path: Path = "snapshot",
  ): Promise<unknown> => {
    const schema = freshSchema()
    return Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const other = yield* PostgresStore.make({ url: url(), schema })
          const wire = yield* openWire(url(), schema, "decide")
          const frames: Array<string> = []
          const recording: Wire = {
            run: (frame) => {
              frames.push(frame.map(({ sql }) => nameOf(sql)).join(" "))
              const before = frames.length === it.disturbed ? Effect.ignore(it.meanwhile) : Effect.void
              return Effect.andThen(before, wire.run(frame))
            },
          }
          const state = newBatchState(path)
          const store: StoreShape = {
            ...other,
            transact: transactOnConnections([new Connection(Effect.succeed(recording), true)], state),
          }
          const it: Watched = { schema, store, other, frames, state, meanwhile: Effect.void, disturbed: 2 }
          yield* furnish(other, {
            accounts: ["ada", "bob"],
            points: 100,
            products: { tea: 5 },
            campaigns: { spring: 3 },
          })
          yield* use(it)
          expect(yield* broken(other)).toEqual([])
          yield* query(url(), `drop schema ${schema} cascade`)
        }),
      ),
    )
  }
  const decisions = (store: StoreShape, batch: Batch) =>
    Effect.map(transact(store, batch), (all) =>
      all.map((one) => (one._tag === "Refused" ? one.refusal._tag : one._tag)),
    )

  it("a batch on a snapshot is two frames: one statement, then one transaction", () =>
    watched(({ store, frames }) =>
      Effect.gen(function* () {
        expect(yield* decisions(store, [place("ada", "tea", 1), place("bob", "tea", 1)])).toEqual([
          "Accepted",
          "Accepted",
        ])
        expect(frames).toEqual(["snapshot", "begin account order product bucket outbox commit"])
      }),
    ))

  it("a batch of refusals is one statement and no transaction", () =>
    watched(({ store, frames }) =>
      Effect.gen(function* () {
        expect(yield* decisions(store, [place("ada", "tea", 6), place("bob", "tea", 9)])).toEqual([
          "OutOfStock",
          "OutOfStock",
        ])
        expect(frames).toEqual(["snapshot"])
      }),
    ))

  it("a refusal beside an acceptance on the same key is decided again under locks", () =>
    watched((shop) =>
      Effect.gen(function* () {
        // On the snapshot there are 5; by the time of the locks, somebody has brought 9 more.
        shop.meanwhile = transact(shop.other, [restock("tea", 9)])
        const batch = [place("ada", "tea", 4), place("bob", "tea", 4)]
        expect(yield* decisions(shop.store, batch)).toEqual(["Accepted", "Accepted"])
        expect(shop.frames).toEqual([
          "snapshot",
          "begin account order product bucket outbox commit",
          "begin lock lock lock receipts",
          "account order product bucket outbox commit",
        ])
      }),
    ))

  it("relative moves follow what others moved meanwhile, and so do the positions of their rows", () =>
    watched((shop) =>
      Effect.gen(function* () {
        shop.meanwhile = Effect.andThen(
          transact(shop.other, [restock("tea", 3)]),
          transact(shop.other, [charge("ada", 5)]),
        )
        expect(yield* decisions(shop.store, [place("ada", "tea", 1)])).toEqual(["Accepted"])
        expect(shop.frames.length).toBe(2)
        const page = { after: undefined, limit: 9, newestFirst: true }
        const [movement] = yield* shop.other.reads.movements(ProductId.make("tea"), page)
        expect(movement).toMatchObject({ revision: 3, change: -1, onHand: 7 })
        const [entry] = yield* shop.other.reads.entries(AccountId.make("ada"), page)
        expect(entry).toMatchObject({ seq: 3, change: -10, balance: 95 })
      }),
    ))

  // The only row of the update is refused as a whole: a guard inside `from u` was never evaluated, and the charge lost.
  it("an exact guard that does not hold sends the batch to the locks, and nothing acknowledged is missing", () =>
    watched((shop) =>
      Effect.gen(function* () {
        shop.meanwhile = transact(shop.other, [charge("ada", 5)])
        const [decided] = yield* transact(shop.store, [charge("ada", 7)])
        // What is answered is what the ledger shows.
        expect(decided).toMatchObject({ _tag: "Accepted", answer: { balance: 112, seq: 3 } })
        expect(shop.frames.slice(2)).toEqual(["begin lock receipts", "account outbox commit"])
        // Remembered: the next batches on that account lock at once, others do not.
        shop.frames.length = 2
        yield* transact(shop.store, [charge("ada", 1)])
        yield* transact(shop.store, [charge("bob", 1)])
        expect(shop.frames.slice(2)).toEqual([
          "begin lock receipts",
          "account outbox commit",
          "snapshot",
          "begin account outbox commit",
        ])
      }),
    ))

  it("a price that changed meanwhile is not sold at", () =>
    watched((shop) =>
      Effect.gen(function* () {
        shop.meanwhile = transact(shop.other, [command(changePriceCall, { productId: "tea", price: 30 })])
        const [decided] = yield* transact(shop.store, [place("ada", "tea", 1)])
        expect(decided).toMatchObject({ _tag: "Accepted", answer: { paid: 30 } })
      }),
    ))

  it("an account that was suspended meanwhile gets no coupon, although nothing of it would have moved", () =>
    watched((shop) =>
      Effect.gen(function* () {
        shop.meanwhile = transact(shop.other, [command(suspendCall, { accountId: "ada" })])
        expect(yield* decisions(shop.store, [issue("ada")])).toEqual(["AccountNotOpen"])
      }),
    ))

  it("a coupon, a product and a receipt that appeared meanwhile are conflicts to decide again", () =>
    watched((shop) =>
      Effect.gen(function* () {
        shop.meanwhile = transact(shop.other, [issue("ada")])
        expect(yield* decisions(shop.store, [issue("ada")])).toEqual(["CouponAlreadyIssued"])
        shop.frames.length = 0
        const twice = place("bob", "tea", 1, "same")
        shop.meanwhile = transact(shop.other, [{ ...twice, id: command(suspendCall, { accountId: "x" }).id }])
        expect(yield* decisions(shop.store, [twice])).toEqual(["Recalled"])
      }),
    ))

  it("stock that somebody else took meanwhile is never sold below zero", () =>
    watched((shop) =>
      Effect.gen(function* () {
        shop.meanwhile = transact(shop.other, [place("bob", "tea", 4)])
        expect(yield* decisions(shop.store, [place("ada", "tea", 2)])).toEqual(["OutOfStock"])
      }),
    ))

  // The coupon is inserted as it is by the end of the batch: as issued, it bought eight further orders.
  it("a coupon that is issued and redeemed in one batch is redeemed", () =>
    watched((shop) =>
      Effect.gen(function* () {
        const definition = { campaignId: "gift", name: "G", discount: { type: "flat", amount: 4 } as const, limit: 1 }
        yield* transact(shop.other, [command(createCampaignCall, definition)])
        const buys = () =>
          command(placeCall, {
            accountId: "ada",
            lines: [{ productId: "tea", quantity: 1 }],
            campaignId: "gift",
          })
        const both = [command(issueCall, { campaignId: "gift", accountId: "ada" }), buys()]
        expect(yield* decisions(shop.store, both)).toEqual(["Accepted", "Accepted"])
        const coupon = yield* shop.other.reads.coupon(CampaignId.make("gift"), AccountId.make("ada"))
        expect(coupon).toMatchObject({ state: "redeemed", version: 2 })
        expect(yield* decisions(shop.store, [buys()])).toEqual(["CouponNotUsable"])
      }),
    ))

  it("a key that somebody holds is named, alone, and asked for first the next time", () =>
    watched((shop) =>
      Effect.gen(function* () {
        const holder = new pg.Client(url())
        yield* Effect.promise(async () => {
          await holder.connect()
          await holder.query("begin")
          await holder.query(`select from ${shop.schema}.product for update`)
        })
        const busy = yield* Effect.flip(transact(shop.store, [place("ada", "tea", 1), charge("bob", 1)]))
        expect(busy).toEqual({ _tag: "Busy", keys: [{ kind: "product", key: ["tea"] }] })
        shop.frames.length = 2
        yield* Effect.flip(transact(shop.store, [place("ada", "tea", 1)]))
        expect(shop.frames.slice(2).join("; ")).not.toContain("account")
        yield* Effect.promise(() => holder.end())
        expect(yield* decisions(shop.store, [place("ada", "tea", 1)])).toEqual(["Accepted"])
      }),
    ))

  it.each<Path>(["blind", "snapshot", "locked"])(
    "events are left out while nobody is subscribed, and none from then on, on the path %s",
    async (path) => {
      await watched(
        ({ store, other, state }) =>
          Effect.gen(function* () {
            const name = SubscriptionName.make("mail")
            yield* transact(store, [charge("bob", 1)])
            expect(state.heard).toBe(false)
            yield* other.outbox.register(name)
            for (const amount of [2, 3]) yield* transact(store, [charge("bob", amount)])
            expect(state.heard).toBe(true)
            const lease = yield* other.outbox.lease(name, "test", 10_000)
            const claimed = lease && (yield* other.outbox.claim(lease, undefined, { events: 10, bytes: 100_000 }))
            expect(claimed?.map(({ event }) => event.data)).toMatchObject([{ amount: 2 }, { amount: 3 }])
            yield* other.outbox.unregister(name)
            yield* transact(store, [charge("bob", 4)])
            expect(state.heard).toBe(false)
          }),
        path,
      )
    },
  )

  describe("blindly", () => {
    const oneFrame = "begin account order product bucket outbox commit"
    /** A shop whose store has sold a tea, charged bob and issued a coupon to him, and so remembers what it left. */
    const blind = (use: (shop: Watched) => Effect.Effect<unknown, unknown>) =>
      watched(
        (shop) =>
          Effect.gen(function* () {
            for (const first of [place("bob", "tea", 1), charge("bob", 1), issue("bob")]) {
              yield* transact(shop.store, [first])
            }
            shop.frames.length = 0
            shop.disturbed = 1
            yield* use(shop)
          }),
        "blind",
      )

    it("orders, charges and claims are one frame each, for accounts that nobody has seen before too", () =>
      blind(({ store, frames }) =>
        Effect.gen(function* () {
          const orders = [place("ada", "tea", 1), place("bob", "tea", 1)]
          expect(yield* decisions(store, orders)).toEqual(["Accepted", "Accepted"])
          expect(yield* transact(store, [charge("bob", 5)])).toMatchObject([{ answer: { balance: 86, seq: 5 } }])
          expect(yield* transact(store, [issue("ada")])).toMatchObject([{ answer: { ticket: 2 } }])
          expect(frames).toEqual([oneFrame, "begin account outbox commit", "begin rely campaign coupon outbox commit"])
          const page = { after: undefined, limit: 9, newestFirst: true }
          const [entry] = yield* store.reads.entries(AccountId.make("ada"), page)
          expect(entry).toMatchObject({ seq: 2, change: -10, balance: 90 })
        }),
      ))

    // What a batch left behind that came to nothing: its numbers are the next ones, and another commit took them.
    it.each<readonly [what: string, remember: (shop: Watched) => Effect.Effect<void>, asked: Call]>([
      ["a balance that no commit made", neverCommitted("account", { balance: Amount.make(20) }), charge("bob", 1)],
      ["a position that no commit made", neverCommitted("account", { seq: 9 }), charge("bob", 1)],
      [
        "a limit that no commit made",
        neverCommitted("account", { balanceLimit: Amount.make(1_000) }),
        charge("bob", 1),
      ],
      ["a price that no commit made", neverCommitted("product", { price: Amount.make(1) }), place("ada", "tea", 1)],
      ["a name that no commit made", neverCommitted("product", { name: "Earl Grey" }), place("ada", "tea", 1)],
      [
        "a limit of a campaign that no commit made",
        neverCommitted("campaign", { limit: Quantity.make(99) }),
        issue("ada"),
      ],
      ["a ticket that no commit gave", neverCommitted("campaign", { issued: Quantity.make(2) }), issue("ada")],
      ["a discount that no commit made", neverCommitted("campaign", { discount: flat }), issue("ada")],
      ["a window that no commit made", neverCommitted("campaign", { closesAt: Date.now() * 2 }), issue("ada")],
    ])("a guard does not hold on %s, whatever its version says", async (_, remember, asked) => {
      await blind((shop) =>
        Effect.gen(function* () {
          yield* remember(shop)
          const decided = yield* transact(shop.store, [asked])
          // Had the first frame held, there would be no second one.
          expect(shop.frames.slice(0, 2)).toEqual([expect.stringMatching(/^begin .* commit$/), "snapshot"])
          expect(decided).toMatchObject([{ _tag: "Accepted" }])
        }),
      )
    })

    it("terms that a batch does not change are not written", () =>
      blind((shop) =>
        Effect.gen(function* () {
          // The guess of an account's terms is right, and its version is not: the row keeps the one it has.
          yield* transact(shop.other, [command(suspendCall, { accountId: "ada" })])
          yield* transact(shop.other, [command(resumeCall, { accountId: "ada" })])
          expect(yield* decisions(shop.store, [place("ada", "tea", 1)])).toEqual(["Accepted"])
          expect(shop.frames.length).toBe(1)
          expect(yield* shop.other.reads.account(AccountId.make("ada"))).toMatchObject({ state: "open", version: 3 })
        }),
      ))

    it("what is not accepted is decided on a snapshot", () =>
      blind(({ store, frames }) =>
        Effect.gen(function* () {
          expect(yield* decisions(store, [place("ada", "tea", 9)])).toEqual(["OutOfStock"])
          expect(yield* decisions(store, [place("ada", "cake", 1)])).toEqual(["ProductNotFound"])
          expect(frames).toEqual(["snapshot", "snapshot"])
        }),
      ))

    it("a charge of an account whose counters are unknown is decided on a snapshot", () =>
      blind(({ store, frames }) =>
        Effect.gen(function* () {
          expect(yield* transact(store, [charge("ada", 5)])).toMatchObject([{ answer: { balance: 105, seq: 2 } }])
          expect(frames).toEqual(["snapshot", "begin account outbox commit"])
        }),
      ))

    const suspended = command(suspendCall, { accountId: "ada" })
    const dearer = command(changePriceCall, { productId: "tea", price: 30 })
    const poor = (shop: Watched) => transact(shop.other, [command(adjustPointsCall, { accountId: "ada", change: -95 })])
    it.each<
      readonly [
        what: string,
        meanwhile: (shop: Watched) => Effect.Effect<unknown, unknown>,
        asked: ReturnType<typeof place>,
        decided: object,
      ]
    >([
      [
        "an account that is not open",
        (shop) => transact(shop.other, [suspended]),
        place("ada", "tea", 1),
        refused("AccountNotOpen"),
      ],
      [
        "an account that is not open",
        (shop) => transact(shop.other, [suspended]),
        issue("ada"),
        refused("AccountNotOpen"),
      ],
      ["an account that does not exist", () => Effect.void, place("eve", "tea", 1), refused("AccountNotFound")],
      ["a claim of an account that does not exist", () => Effect.void, issue("eve"), refused("AccountNotFound")],
      ["points that are not there", poor, place("ada", "tea", 1), refused("PointsNotEnough")],
      [
        "stock that is gone",
        (shop) => transact(shop.other, [place("bob", "tea", 4)]),
        place("ada", "tea", 1),
        refused("OutOfStock"),
      ],
      [
        "another price",
        (shop) => transact(shop.other, [dearer]),
        place("ada", "tea", 1),
        { _tag: "Accepted", answer: { paid: 30 } },
      ],
      [
        "a coupon that was issued",
        (shop) => transact(shop.other, [issue("ada")]),
        issue("ada"),
        refused("CouponAlreadyIssued"),
      ],
      [
        "a ticket that was given",
        (shop) => transact(shop.other, [issue("ada")]),
        issue("cy"),
        { _tag: "Accepted", answer: { ticket: 3 } },
      ],
      [
        "a balance that moved",
        (shop) => transact(shop.other, [charge("bob", 5)]),
        charge("bob", 1),
        { _tag: "Accepted", answer: { balance: 97, seq: 5 } },
      ],
      [
        "a key that was used",
        (shop) => transact(shop.other, [place("bob", "tea", 1, "k")]),
        place("ada", "tea", 1, "k"),
        refused("IdempotencyKeyReused"),
      ],
    ])("%s sends the batch back, and it is decided on what is", async (_, meanwhile, asked, decided) => {
      await blind((shop) =>
        Effect.gen(function* () {
          yield* transact(shop.other, [command(openCall, { accountId: "cy" })])
          shop.meanwhile = meanwhile(shop)
          expect(yield* transact(shop.store, [asked])).toMatchObject([decided])
          expect(shop.frames[0]).toMatch(/^begin .* commit$/)
          expect(shop.frames[1]).toBe("snapshot")
        }),
      )
    })
  })
})

const flat = { type: "flat", amount: Amount.make(7), minTotal: undefined } as const

/** Makes the store remember a record of the shop with some fields that nobody committed. */
const neverCommitted =
  <K extends "account" | "product" | "campaign">(kind: K, fields: Partial<RecordOf[K]>) =>
  ({ other, state }: Watched): Effect.Effect<void> =>
    Effect.map(Effect.orDie(other.scan(kind, undefined, 9)), (records) => {
      const none: ChangeSet = {
        puts: mapKinds<PutsOfKind>(() => []),
        appends: { entry: [], movement: [], event: [] },
      }
      const puts = records.map((before) => ({ before, after: { ...before, ...fields }, guard: "exact" }))
      state.speculation.keep({ ...none, puts: { ...none.puts, [kind]: puts } })
    })

const refused = (tag: string) => ({ _tag: "Refused", refusal: { _tag: tag } })

/** A short name for a statement. */
const nameOf = (sql: string): string => {
  if (sql.startsWith("begin")) return "begin"
  if (sql.startsWith("select json_build_array(\n")) return "snapshot"
  if (sql.includes("for share")) return "rely"
  if (sql.includes("for update")) return "lock"
  if (sql.includes("c.key = k.key")) return "receipts"
  const table = /(?:update|insert into) @\.(\w+)/.exec(sql)?.[1]
  return table === "orders" ? "order" : (table ?? sql)
}
