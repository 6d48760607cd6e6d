/**
 * A stage on a real PostgreSQL server: each shop reaches it through a proxy of its own, which holds frames and replies, and a
 * connection beside them asks who waits for a lock. It works for every driver that speaks the protocol over TCP without
 * encryption: what the proxy does not know it passes on.
 */
import { type AddressInfo, connect, createServer, type Server } from "node:net"
import { setImmediate as nextTurn } from "node:timers/promises"
import { PgConnection } from "@effect/sql-pg"
import type { StoreFault, StoreShape } from "@holdfast/core/ports"
import type { Tapes } from "@holdfast/core/testing"
import { Effect, Redacted, type Scope } from "effect"
import { HeldConnection } from "./HeldConnection.ts"

export interface PostgresStagesOptions {
  /** `postgres://user:password@host:port/database` of a server that nobody else uses meanwhile. */
  readonly url: string
  /** How many shops. */
  readonly shops: number
  /** Opens a store at an address: once at the server itself, and at the proxy of each shop for every order that is played. */
  readonly open: (url: string) => Effect.Effect<StoreShape, StoreFault, Scope.Scope>
}

/** Nothing moves for so long only where something hangs. Decides nothing but that the run has failed. */
const hangMillis = 30_000
/** For so many turns in a row nothing may have moved. */
const stillTurns = 3

/**
 * Opens the store that is not held and the connection beside it, which end with the scope, and answers how a stage is opened:
 * with proxies and shops of its own, so that nothing is remembered from one order to the next.
 */
export const postgresStages = Effect.fnUntraced(function* ({
  url,
  shops,
  open,
}: PostgresStagesOptions): Effect.fn.Return<Tapes.OpenStage, StoreFault, Scope.Scope> {
  const watch = yield* Effect.orDie(PgConnection.make({ url: Redacted.make(url) }))
  const store = yield* open(url)
  return Effect.gen(function* () {
    const proxies = yield* Effect.forEach(Array.from({ length: shops }), () => proxyTo(url))
    const stores = yield* Effect.forEach(proxies, (proxy) => open(proxy.url), { concurrency: "unbounded" })
    return stageOf(watch, store, stores, proxies)
  })
})

const stageOf = (
  watch: PgConnection.PgConnection,
  store: StoreShape,
  stores: ReadonlyArray<StoreShape>,
  proxies: ReadonlyArray<Proxy>,
): Tapes.Stage => {
  const named = (): ReadonlyArray<readonly [at: string, connection: HeldConnection]> =>
    proxies.flatMap(({ connections }, shop) =>
      connections.map((connection, index) => [`${shop}.${index}`, connection] as const),
    )

  /** Server processes whose connection was cut, until the server has ended them. */
  const ended = new Set<number>()
  const haveEnded = Effect.suspend(() => {
    if (ended.size === 0) return Effect.succeed(true)
    return Effect.map(Effect.orDie(watch.query(living, [`{${Array.from(ended).join(",")}}`])), ({ rows }) => {
      if (rows.length === 0) ended.clear()
      return rows.length === 0
    })
  })

  /** Whether everything at the server waits for a lock, as the server itself says. */
  const isServerStill = (): Effect.Effect<boolean> =>
    Effect.suspend(() => {
      const busy = named().flatMap(([, connection]) => (connection.isAtServer ? [connection] : []))
      if (busy.length === 0) return Effect.succeed(true)
      const pids = busy.map(({ pid }) => pid)
      return Effect.map(Effect.orDie(watch.query(blocked, [`{${pids.join(",")}}`])), ({ rows }) => {
        const waiting = new Set(rows.map(({ pid }) => Number(pid)))
        for (const connection of busy) connection.isBlocked = connection.isAtServer && waiting.has(connection.pid)
        return busy.every(({ isWaiting, isAtServer }) => isWaiting || !isAtServer)
      })
    })

  const moves: Tapes.Stage["moves"] = (isQuiet) =>
    Effect.gen(function* () {
      const until = performance.now() + hangMillis
      for (let still = 0; still < stillTurns; ) {
        yield* turn
        const opening = named().some(([, connection]) => connection.isOpening)
        still = !opening && isQuiet() && (yield* haveEnded) && (yield* isServerStill()) ? still + 1 : 0
        if (performance.now() > until)
          return yield* Effect.die(new Error("Nothing moved any more, and nothing rested."))
      }
      const found = named()
      const those = (does: Tapes.Move["does"], whatOf: (connection: HeldConnection) => string | undefined) =>
        found.flatMap(([at, connection]): ReadonlyArray<Tapes.Move> => {
          const what = whatOf(connection)
          return what === undefined ? [] : [{ does, at, what }]
        })
      return [
        ...those("send", ({ nextFrame }) => nextFrame),
        ...those("reply", ({ nextReply }) => nextReply),
        ...those("timeout", ({ waitsWith }) => waitsWith),
        ...those("cut", ({ mayLose }) => mayLose),
      ]
    })

  const make: Tapes.Stage["make"] = ({ does, at }) =>
    Effect.suspend(() => {
      const connection = named().find(([name]) => name === at)?.[1]
      if (connection === undefined) return Effect.die(new Error(`There is no connection ${at}.`))
      if (does === "send") return Effect.sync(() => connection.send())
      if (does === "reply") return Effect.sync(() => connection.reply())
      if (does === "cut") {
        ended.add(connection.pid)
        return Effect.sync(() => connection.close())
      }
      connection.giveUp()
      return Effect.asVoid(Effect.orDie(watch.query("select pg_cancel_backend($1)", [connection.pid])))
    })

  const each = (act: (connection: HeldConnection) => void): Effect.Effect<void> =>
    Effect.sync(() => {
      for (const [, connection] of named()) act(connection)
    })

  return {
    store,
    shops: stores,
    outstanding: (shop) => proxies[shop]?.connections.reduce((sum, { outstanding }) => sum + outstanding, 0) ?? 0,
    turn,
    moves,
    make,
    hold: Effect.suspend(() => {
      for (const proxy of proxies) proxy.hold(true)
      return each((connection) => connection.hold())
    }),
    letGo: Effect.suspend(() => {
      for (const proxy of proxies) proxy.hold(false)
      return each((connection) => connection.letGo())
    }),
  }
}

const turn: Effect.Effect<void> = Effect.promise(() => nextTurn())

/** Those of some server processes that wait for a lock which somebody holds. */
const blocked = "select pid from unnest($1::int[]) pid where cardinality(pg_blocking_pids(pid)) > 0"

/** Those of some server processes that have not ended. */
const living = "select pid from pg_stat_activity where pid = any($1::int[])"

interface Proxy {
  readonly url: string
  /** In the order in which they were opened; those that were closed before everything was held are left out. */
  readonly connections: Array<HeldConnection>
  readonly hold: (held: boolean) => void
}

const proxyTo = (target: string): Effect.Effect<Proxy, never, Scope.Scope> => {
  const there = new URL(target)
  return Effect.map(
    Effect.acquireRelease(
      Effect.promise(async () => {
        const connections: Array<HeldConnection> = []
        const state = { held: false }
        const server: Server = createServer({ noDelay: true }, (near) => {
          const far = connect({ host: there.hostname, port: Number(there.port || 5432), noDelay: true })
          connections.push(new HeldConnection(near, far, state.held))
        })
        await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
        return { server, connections, state }
      }),
      ({ server, connections }) =>
        Effect.promise(async () => {
          for (const connection of connections) connection.close()
          await new Promise((resolve) => server.close(resolve))
        }),
    ),
    ({ server, connections, state }): Proxy => {
      const here = new URL(target)
      here.hostname = "127.0.0.1"
      here.port = String(addressOf(server).port)
      return {
        url: here.href,
        connections,
        hold: (held) => {
          state.held = held
          if (held) connections.splice(0, connections.length, ...connections.filter(({ isClosed }) => !isClosed))
        },
      }
    },
  )
}

const addressOf = (server: Server): AddressInfo => {
  const address = server.address()
  if (typeof address !== "object" || address === null) throw new Error("The proxy has no address.")
  return address
}
