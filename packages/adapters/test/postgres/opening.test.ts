/**
 * Sessions while they are opened: whoever leaves meanwhile takes nothing along, and nothing is waited for without end.
 */
import type { Buffer } from "node:buffer"
import { connect, createServer, type Server as Listener, type Socket } from "node:net"
import { Clock, Context, Deferred, Duration, Effect, Exit, Fiber } from "effect"
import pg from "pg"
import { afterEach, describe, expect, it } from "vitest"
import { addressOf } from "../../src/postgres/connect/address.ts"
import { openAt } from "../../src/postgres/connect/nativeOpen.ts"
import { openFromPool } from "../../src/postgres/connect/poolWire.ts"
import { PostgresStore } from "../../src/postgres/PostgresStore.ts"
import { Connection, type OpenWire } from "../../src/postgres/session/Connection.ts"
import { type Failure, statement, type Wire } from "../../src/postgres/session/wire.ts"
import { shopsForFile } from "../support/shops.ts"

const cleanUps: Array<() => unknown> = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp()
})

/** Listens on a port of its own, whose number is answered. */
const listening = async (came: (socket: Socket) => void): Promise<number> => {
  const sockets = new Set<Socket>()
  const server: Listener = createServer((socket) => {
    sockets.add(socket.on("error", () => {}))
    came(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  cleanUps.push(() => {
    for (const socket of sockets) socket.destroy()
    return new Promise((resolve) => server.close(resolve))
  })
  const address = server.address()
  return typeof address === "object" && address !== null ? address.port : 0
}

const system = Context.get(Context.empty(), Clock.Clock)
const answering: Wire = { run: () => Effect.succeed({ values: ["1"], failed: undefined }) }
const one = statement("select 1")

describe("a connection", () => {
  const { url, schema } = shopsForFile("opening")

  it("given a borrower who leaves while the host's pool has none to lend → gives back what is lent to it then", async () => {
    const pool = new pg.Pool({ connectionString: url(), max: 3 })
    const held = await Promise.all([0, 1, 2].map(() => pool.connect()))
    const asking = Effect.gen(function* () {
      const probing = yield* Connection.make(openFromPool(pool, "holdfast", "read"), false, true)
      const probe = yield* Effect.forkChild(probing.ask(one))
      yield* Effect.promise(() => expect.poll(() => pool.waitingCount).toBe(1))
      const leaving = yield* Effect.forkChild(Fiber.interrupt(probe))
      yield* Effect.yieldNow
      for (const client of held) client.release()
      yield* Fiber.join(leaving)
      yield* Effect.promise(() => expect.poll(() => pool.idleCount).toBe(3))
      expect(yield* probing.ask(one)).toBe(null)
    })
    await Effect.runPromise(Effect.scoped(asking))
    expect([pool.totalCount, pool.idleCount, pool.waitingCount]).toEqual([3, 3, 0])
    await pool.end()
  })

  it("given that whoever opens a session is interrupted → nothing of it is left, and the next one opens at once", async () => {
    const opening = Deferred.makeUnsafe<void>()
    let [opened, closed, isUp] = [0, 0, false]
    const open: OpenWire = Effect.acquireRelease(
      Effect.suspend(() => {
        opened++
        Deferred.doneUnsafe(opening, Exit.void)
        return isUp ? Effect.succeed(answering) : Effect.never
      }),
      () => Effect.sync(() => closed++),
      { interruptible: true },
    )
    const asking = Effect.gen(function* () {
      const connection = yield* Connection.make(open, true)
      const first = yield* Effect.forkChild(connection.ask(one))
      yield* Deferred.await(opening)
      yield* Fiber.interrupt(first)
      isUp = true
      expect(yield* connection.ask(one)).toBe("1")
    })
    await Effect.runPromise(Effect.scoped(asking))
    expect([opened, closed]).toEqual([2, 1])
  })

  it("given that it is closed while a session is opened → closes that session too", async () => {
    const [opening, goOn] = [Deferred.makeUnsafe<void>(), Deferred.makeUnsafe<void>()]
    let closed = 0
    const open: OpenWire = Effect.acquireRelease(
      Effect.gen(function* () {
        yield* Deferred.succeed(opening, undefined)
        yield* Deferred.await(goOn)
        return answering
      }),
      () => Effect.sync(() => closed++),
    )
    const asking = Effect.gen(function* () {
      const connection = new Connection(open, true)
      const asked = yield* Effect.forkChild(connection.ask(one))
      yield* Deferred.await(opening)
      yield* connection.close
      yield* Deferred.succeed(goOn, undefined)
      expect(Exit.isFailure(yield* Fiber.await(asked))).toBe(true)
    })
    await Effect.runPromise(asking)
    expect(closed).toBe(1)
  })

  it("given a clock that is set back while the server is away → finds the server when it is back", async () => {
    let [setBackMillis, isUp] = [0, false]
    const now = (): number => system.currentTimeMillisUnsafe() - setBackMillis
    const clock: Clock.Clock = {
      ...system,
      sleep: (duration) => system.sleep(duration),
      monotonicTimeNanosUnsafe: () => system.monotonicTimeNanosUnsafe(),
      currentTimeMillisUnsafe: now,
      currentTimeMillis: Effect.sync(now),
    }
    const refused: Failure = { code: undefined, message: "refused", cause: undefined }
    const open: OpenWire = Effect.suspend(() => (isUp ? Effect.succeed(answering) : Effect.fail(refused)))
    const asking = Effect.gen(function* () {
      const connection = yield* Connection.make(open, true)
      expect(Exit.isFailure(yield* Effect.exit(connection.ask(one)))).toBe(true)
      setBackMillis = 86_400_000
      isUp = true
      const ask = Effect.provideService(connection.ask(one), Clock.Clock, clock)
      const told = () => Effect.runPromise(Effect.orElseSucceed(ask, () => "away"))
      yield* Effect.promise(() => expect.poll(told).toBe("1"))
    })
    await Effect.runPromise(Effect.provideService(Effect.scoped(asking), Clock.Clock, clock))
  })

  it.each(["disable", "require"])(
    "given a server that takes connections and says nothing, and sslmode=%s → fails after connect_timeout, and hangs up",
    async (mode) => {
      let [came, left] = [0, 0]
      const port = await listening((socket) => {
        came++
        // It reads what is sent, or it would not hear that the other side has gone.
        socket.resume().on("close", () => left++)
      })
      const address = addressOf(`postgres://ann@127.0.0.1:${port}/app?connect_timeout=2&sslmode=${mode}`)
      if (typeof address === "string") throw new Error(address)
      const opening = Effect.scoped(openAt(address, "holdfast", "read", undefined))
      const failure = await Effect.runPromise(Effect.flip(opening))
      expect(failure.message).toContain("no connection within 2000 ms")
      await expect.poll(() => [came, left]).toEqual([1, 1])
    },
  )

  it("given a server that freezes at the first statement of a start → the start gives that session up, and takes another", async () => {
    const { hostname, port } = new URL(url())
    const frozen = Promise.withResolvers<void>()
    let sessions = 0
    const through = await listening((near) => {
      sessions++
      const far = connect(Number(port), hostname).on("error", () => near.destroy())
      let isFrozen = false
      near.on("data", (bytes: Buffer) => {
        isFrozen ||= sessions === 1 && bytes.includes("server_encoding")
        if (isFrozen) frozen.resolve()
        else far.write(bytes)
      })
      far.on("data", (bytes: Buffer) => near.write(bytes))
      near.on("close", () => far.destroy())
    })
    // Minutes pass when the first session is frozen.
    const clock: Clock.Clock = {
      ...system,
      monotonicTimeNanosUnsafe: () => system.monotonicTimeNanosUnsafe(),
      currentTimeMillisUnsafe: () => system.currentTimeMillisUnsafe(),
      sleep: (duration) =>
        sessions === 1 && Duration.toMillis(duration) > 60_000
          ? Effect.promise(() => frozen.promise)
          : system.sleep(duration),
    }
    const at = `postgres://postgres@127.0.0.1:${through}/postgres`
    const starting = Effect.flatMap(
      PostgresStore.make({ url: at, schema: schema() }),
      ({ probe }) => probe ?? Effect.void,
    )
    await Effect.runPromise(Effect.provideService(Effect.scoped(starting), Clock.Clock, clock))
    expect(sessions).toBeGreaterThan(1)
  })
})
