/**
 * Batches of one lane that overlap: the next one is decided on what is on its way, and goes down the same connection. What
 * became of the first is seen by the guards of the second.
 */
import { newBatchState, type StoreShape } from "@holdfast/core/ports"
import { Effect, Fiber } from "effect"
import { beforeEach, describe, expect, it } from "vitest"
import { PostgresStore } from "../../src/postgres/PostgresStore.ts"
import { transactOnConnections } from "../../src/postgres/StoreOnConnections.ts"
import { Connection } from "../../src/postgres/session/Connection.ts"
import type { Wire } from "../../src/postgres/session/wire.ts"
import { broken, furnish, issue, transact } from "../support/core.ts"
import { freshSchema, openWire, query, serverForFile } from "../support/stores.ts"

type Batch = Parameters<typeof transact>[1]

/** A batch on its way. */
interface Sent {
  /** Whether it has passed its turn on. */
  readonly passed: () => boolean
  readonly outcomes: Effect.Effect<ReadonlyArray<unknown>, unknown>
}

interface Overlapping {
  readonly other: StoreShape
  /** Sends a batch of lane 0, and answers once its first frame is on its way. */
  readonly send: (...batch: Batch) => Effect.Effect<Sent>
  /** How many frames were sent. */
  readonly frames: () => number
  /** Replies come from now on; before that they are held. */
  readonly letReply: () => void
  /** What happens before the next frame is sent. */
  meanwhile: Effect.Effect<unknown, unknown> | undefined
}

describe("overlapping batches", () => {
  const { url, server } = serverForFile("turns")
  beforeEach((context) => context.skip(server() === undefined, "no PostgreSQL here"))

  /** A campaign of five coupons, of which dan has the first. The store has issued it, and so remembers the campaign. */
  const overlapping = (use: (it: Overlapping) => Effect.Effect<unknown, unknown>): Promise<unknown> => {
    const schema = freshSchema()
    return Effect.runPromise(
      Effect.scoped(
        Effect.gen(function* () {
          const other = yield* PostgresStore.make({ url: url(), schema })
          const wire = yield* openWire(url(), schema, "decide")
          const holding = Promise.withResolvers<void>()
          let held: Promise<void> | undefined
          let frames = 0
          const recording: Wire = {
            run: (frame, sent) =>
              Effect.suspend(() => {
                frames++
                const { meanwhile } = it
                it.meanwhile = undefined
                const reply = wire.run(frame, sent)
                const disturbed = meanwhile === undefined ? reply : Effect.andThen(Effect.ignore(meanwhile), reply)
                return Effect.tap(disturbed, () => Effect.promise(() => held ?? Promise.resolve()))
              }),
          }
          const over = transactOnConnections([new Connection(Effect.succeed(recording), true)], newBatchState())
          const it: Overlapping = {
            other,
            frames: () => frames,
            letReply: holding.resolve,
            meanwhile: undefined,
            send: (...batch) =>
              Effect.gen(function* () {
                let passed = false
                const pass = (): void => {
                  passed = true
                }
                const store: StoreShape = {
                  ...other,
                  transact: (keys, decide) => over(keys, decide, { lane: 0, pass }),
                }
                const before = frames
                const fiber = yield* Effect.forkChild(transact(store, batch))
                // What it needs it remembers, so nothing but its turn can keep it from sending: then it sends none.
                for (let turns = 0; frames === before && turns < 1_000; turns++) yield* Effect.yieldNow
                // Whatever it does once its frame is on its way, it has done when others have had their turn.
                yield* Effect.yieldNow
                return { passed: () => passed, outcomes: Fiber.join(fiber) }
              }),
          }
          yield* furnish(other, {
            accounts: ["ada", "bob", "cy", "dan"],
            points: 100,
            products: { tea: 5 },
            campaigns: { spring: 5 },
          })
          yield* transact({ ...other, transact: over }, [issue("dan")])
          frames = 0
          held = holding.promise
          yield* use(it)
          expect(yield* broken(other)).toEqual([])
          yield* query(url(), `drop schema ${schema} cascade`)
        }),
      ),
    )
  }
  it("a process has two lanes, or one where it is told so, and no other number", async () => {
    const lanesOf = (lanes: unknown) =>
      Effect.runPromise(
        Effect.scoped(
          // A host in JavaScript may pass anything.
          Effect.map(
            PostgresStore.make({ url: url(), schema: freshSchema(), lanes: lanes as 1 }),
            (store) => store.guarantees.lanes,
          ),
        ),
      )
    expect(await lanesOf(undefined)).toBe(2)
    expect(await lanesOf(1)).toBe(1)
    expect(() => lanesOf(3)).toThrow("/lanes: must be 1 or 2.")
  })

  const ticket = (number: number) => ({ _tag: "Accepted", answer: { ticket: number } })
  const taken = { _tag: "Refused", refusal: { _tag: "CouponAlreadyIssued" } }

  it("the next one is sent before the first is answered, and decided on it", () =>
    overlapping(({ send, frames, letReply }) =>
      Effect.gen(function* () {
        const first = yield* send(issue("ada"))
        const second = yield* send(issue("bob"), issue("cy"))
        expect([first.passed(), second.passed(), frames()]).toEqual([true, true, 2])
        letReply()
        expect(yield* first.outcomes).toMatchObject([ticket(2)])
        expect(yield* second.outcomes).toMatchObject([ticket(3), ticket(4)])
        expect(frames()).toBe(2)
      }),
    ))

  it("where the first comes to nothing so does the second, and both are decided on what is", () =>
    overlapping((shop) =>
      Effect.gen(function* () {
        yield* transact(shop.other, [issue("cy")])
        const first = yield* shop.send(issue("ada"))
        const second = yield* shop.send(issue("bob"))
        shop.letReply()
        const tickets = [...(yield* first.outcomes), ...(yield* second.outcomes)]
        expect(tickets).toMatchObject([{ _tag: "Accepted" }, { _tag: "Accepted" }])
        expect(tickets).toEqual(expect.arrayContaining([3, 4].map((n) => expect.objectContaining(ticketed(n)))))
      }),
    ))

  it("one that waits for the connection is decided and sent behind the one that gives it", () =>
    overlapping((shop) =>
      Effect.gen(function* () {
        const gate = Promise.withResolvers<void>()
        shop.meanwhile = Effect.promise(() => gate.promise)
        const first = yield* shop.send(issue("ada"))
        const second = yield* shop.send(issue("bob"))
        expect([first.passed(), second.passed(), shop.frames()]).toEqual([false, false, 1])
        gate.resolve()
        shop.letReply()
        expect(yield* first.outcomes).toMatchObject([ticket(2)])
        expect(yield* second.outcomes).toMatchObject([ticket(3)])
        expect(shop.frames()).toBe(2)
      }),
    ))

  it("a claim that is on its way already is refused by the second", () =>
    overlapping(({ send, letReply }) =>
      Effect.gen(function* () {
        const first = yield* send(issue("ada"))
        const second = yield* send(issue("bob"), issue("ada"))
        letReply()
        expect(yield* first.outcomes).toMatchObject([ticket(2)])
        expect(yield* second.outcomes).toMatchObject([ticket(3), taken])
      }),
    ))

  it("one that has to read first keeps its turn", () =>
    overlapping(({ send, letReply }) =>
      Effect.gen(function* () {
        const first = yield* send(issue("eve"))
        const refused = yield* send(issue("dan"), issue("ada"))
        letReply()
        expect(first.passed()).toBe(true)
        expect(refused.passed()).toBe(true)
        expect(yield* first.outcomes).toMatchObject([{ refusal: { _tag: "AccountNotFound" } }])
        expect(yield* refused.outcomes).toMatchObject([taken, ticket(2)])
        const afterwards = yield* send(issue("bob"))
        expect(yield* afterwards.outcomes).toMatchObject([ticket(3)])
        expect(afterwards.passed()).toBe(false)
      }),
    ))
})

const ticketed = (number: number) => ({ answer: expect.objectContaining({ ticket: number }) })
