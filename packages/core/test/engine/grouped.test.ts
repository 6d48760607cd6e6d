/**
 * What many callers ask together, when the shop is stopped meanwhile.
 */
import { behind, operationsBefore, soon } from "@holdfast/test-services/leaving"
import { Context, Effect, Exit, Fiber, Layer, Scheduler, Scope } from "effect"
import { describe, expect, it, onTestFinished } from "vitest"
import { createHoldfast } from "../../src/index.ts"
import { MemoryStore, makeMemoryRequestLog } from "../../src/memory/index.ts"
import { RequestLog, Store } from "../../src/ports/index.ts"
import { grouped } from "../../src/services/grouped.ts"
import { Runtime } from "../../src/services/Runtime.ts"
import type { RequestsShape } from "../../src/services/requests.ts"
import { AccountId, Scope as CallScope, CampaignId, type CommandId, IdempotencyKey } from "../../src/values.ts"

describe("a group whose scope is closed", () => {
  it("answers who is in the question under way, who is behind it, and who comes after", async () => {
    const scope = Effect.runSync(Scope.make())
    let asked = 0
    const group = await Effect.runPromise(
      Scope.provide(
        grouped({ together: 1, waiting: 10 }, () =>
          Effect.suspend(() => {
            asked++
            return Effect.never
          }),
        ),
        scope,
      ),
    )
    const ask = (item: string) => Effect.runPromise(Effect.flip(group(item)))
    const [under, behind] = [ask("a"), ask("b")]
    await expect.poll(() => asked).toBe(1)
    await Effect.runPromise(Scope.close(scope, Exit.void))
    const notAsked = { _tag: "Ended", wasAsked: false }
    expect(await Promise.all([under, behind, ask("c")])).toEqual([
      { _tag: "Ended", wasAsked: true },
      notAsked,
      notAsked,
    ])
    expect(asked).toBe(1)
  })

  it("answers a caller who came in the turn in which it was closed", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const unanswered: Array<number> = []
        for (const operations of operationsBefore) {
          const scope = yield* Scope.make()
          const ask = yield* Scope.provide(
            grouped({ together: 1, waiting: 10 }, () => Effect.never),
            scope,
          )
          const caller = Effect.runFork(Effect.exit(behind(operations, ask("a"))))
          yield* Scope.close(scope, Exit.void)
          if ((yield* soon(Fiber.await(caller))) === undefined) unanswered.push(operations)
        }
        expect(unanswered).toEqual([])
      }),
    ))

  it("answers whom it had just taken, wherever its fiber lets others run", () =>
    Effect.runPromise(
      Effect.gen(function* () {
        const unanswered: Array<string> = []
        for (const most of [3, 4, 5, 6, 7, 8]) {
          for (let turns = 0; turns < 12; turns++) {
            const scope = yield* Scope.make()
            const group = grouped({ together: 1, waiting: 10 }, () => Effect.never)
            const ask = yield* Scope.provide(group, scope).pipe(
              Effect.provideService(Scheduler.MaxOpsBeforeYield, most),
            )
            const caller = Effect.runFork(Effect.exit(ask("a")))
            for (let turn = 0; turn < turns; turn++) yield* Effect.yieldNow
            yield* Scope.close(scope, Exit.void)
            if ((yield* soon(Fiber.await(caller))) === undefined) unanswered.push(`${most} ${turns}`)
          }
        }
        expect(unanswered).toEqual([])
      }),
    ))

  it("answers a coupon request that its log was sent as unknown, and a look as one that changed nothing", async () => {
    const store = Effect.runSync(MemoryStore.make)
    const log = Effect.runSync(makeMemoryRequestLog())
    const calls = { appended: 0, looked: 0 }
    let isHeld = false
    const held = (name: keyof typeof calls) => {
      calls[name]++
      return isHeld ? Effect.never : Effect.void
    }
    const shop = createHoldfast({
      store: {
        name: "held",
        layer: Layer.succeed(Store, {
          ...store,
          transact: (keys, decide, turn) =>
            Effect.andThen(
              Effect.suspend(() => held("looked")),
              store.transact(keys, decide, turn),
            ),
        }),
      },
      requests: {
        name: "held",
        layer: Layer.succeed(RequestLog, {
          ...log,
          append: (claims) =>
            Effect.andThen(
              Effect.suspend(() => held("appended")),
              log.append(claims),
            ),
        }),
      },
      workers: false,
    })
    onTestFinished(() => shop.stop())
    const { requestId } = await shop.coupons.request({ campaignId: "sale", accountId: "ann" })
    isHeld = true
    const before = { ...calls }
    const request = shop.safe.coupons.request({ campaignId: "sale", accountId: "bob" })
    const look = shop.safe.coupons.requested(requestId)
    await expect.poll(() => calls).toEqual({ appended: before.appended + 1, looked: before.looked + 1 })
    await shop.stop()
    const error = { code: "STORE_UNAVAILABLE" }
    expect(await request).toMatchObject({ error: { ...error, outcome: "unknown" } })
    expect(await look).toMatchObject({ error: { ...error, outcome: "nothing-happened" } })
  })

  it("lets no coupon request in that nobody would decide: a log that ends with the process is emptied after the last one", async () => {
    const scope = Effect.runSync(Scope.make())
    const log = Effect.runSync(makeMemoryRequestLog())
    const claim = {
      campaignId: CampaignId.make("sale"),
      accountId: AccountId.make("ann"),
      at: 0,
      commandId: "late" as CommandId,
      scope: CallScope.make("public"),
      key: IdempotencyKey.make("late"),
    }
    let accept: RequestsShape["accept"] | undefined
    let late: Promise<Exit.Exit<unknown, unknown>> | undefined
    // Comes once the log was found to be empty.
    const waiting = Effect.tap(log.waiting, () =>
      Effect.promise(async () => {
        late ??= Effect.runPromise(Effect.exit(accept?.(claim) ?? Effect.void))
        await late
      }),
    )
    const runtime = Runtime.layer({}).pipe(
      Layer.provide(Layer.effect(Store, MemoryStore.make)),
      Layer.provide(Layer.succeed(RequestLog, { ...log, waiting })),
    )
    const context = await Effect.runPromise(Layer.buildWithScope(runtime, scope))
    accept = Context.get(context, Runtime).kernel.requests?.accept
    await Effect.runPromise(Scope.close(scope, Exit.void))
    expect(await late).toMatchObject({ _tag: "Failure" })
  })
})
