/**
 * What goes wrong on a game day, one after the other. Each fault ends itself, and people buy all the while.
 */
import { asked, hasFaketime, type KafkaBroker, type Pair, type RedisServer, until } from "@holdfast/test-services"
import { Redis } from "ioredis"
import pg from "pg"
import type { Fleet } from "./Fleet.ts"
import type { Traffic } from "./traffic.ts"

interface GameDayWorld {
  readonly fleet: Fleet
  readonly pair: Pair
  readonly redis: RedisServer | undefined
  readonly broker: KafkaBroker | undefined
  readonly traffic: Traffic
  /** Waits until an alert fires; at once where nobody watches. */
  readonly alerted: (name: string) => Promise<void>
  /** Waits until none is said of that any more; at once where nobody watches. */
  readonly over: (name: string) => Promise<void>
}

export interface Fault {
  readonly name: string
  /** What holds meanwhile, and what is worse than usual. */
  readonly means: string
  /** Whether what it breaks is there. Always, where this is absent. */
  readonly needs?: (world: GameDayWorld) => boolean
  /** Alerts that have to fire. */
  readonly alerts?: ReadonlyArray<string>
  /** Alerts that may: what they look at is worse for some minutes. */
  readonly mayAlert?: ReadonlyArray<string>
  /** Answers how long it took from its mending to the next sale, where it is mended at one moment. */
  readonly run: (world: GameDayWorld) => Promise<number | undefined>
}

/** So long without a sale, with eight people who buy, is a shop that sells nothing. */
const stallMillis = 2_000

/** Enough sales to say that the shop sells again. */
const some = 15

const first = ({ fleet }: GameDayWorld) => {
  const [shop] = fleet.shops
  if (shop === undefined) throw new Error("The fleet is empty.")
  return shop
}

/**
 * Batches were run again and sessions opened again, and both count for minutes. Who had a lease before the outage believes in
 * it for ten seconds, and events may wait for as long; the rules wait for thirty and for a minute, and for two and four seconds
 * on a game day.
 */
const afterAnOutage = [
  "HoldfastRepliesLost",
  "HoldfastSessionsDoNotLast",
  "HoldfastSubscriptionLate",
  "HoldfastSubscriptionTwoOwners",
]

export const faults: ReadonlyArray<Fault> = [
  {
    name: "a process is killed",
    means: "Its callers ask another one with the same key. Nothing is sold twice.",
    run: async (world) => {
      const shop = first(world)
      shop.kill("SIGKILL")
      await world.traffic.sells(some)
      await shop.restart()
      await world.traffic.sells(some)
      return undefined
    },
  },
  {
    name: "a process freezes",
    means: "Its callers wait until they lose patience, and ask another one. What it held it lets go when it wakes.",
    run: async (world) => {
      const shop = first(world)
      shop.kill("SIGSTOP")
      await world.traffic.sells(some)
      shop.kill("SIGCONT")
      await world.traffic.sells(some)
      return undefined
    },
  },
  {
    name: "a process has another clock",
    means: "Its times are ten minutes ahead. Leases go by the store's clock, and nobody else notices.",
    needs: () => hasFaketime("game day"),
    run: async (world) => {
      const shop = first(world)
      shop.kill("SIGKILL")
      await shop.restart("+10m")
      await world.traffic.sells(some * 3)
      shop.kill("SIGKILL")
      await shop.restart()
      await world.traffic.sells(some)
      return undefined
    },
  },
  {
    name: "Redis is flushed",
    means: "Reads and refusals go to the store until it is full again. Nothing was only there.",
    needs: ({ redis }) => redis !== undefined,
    run: async ({ redis, traffic }) => {
      const client = new Redis(redis?.url ?? "")
      await client.flushall()
      await traffic.sells(some)
      await client.quit()
      return undefined
    },
  },
  {
    name: "Redis freezes",
    means: "It is left alone after the first time-outs, and asked again when it answers.",
    needs: ({ redis }) => redis?.freeze !== undefined,
    run: async ({ redis, traffic }) => {
      redis?.freeze?.()
      await traffic.sells(some * 3)
      redis?.thaw?.()
      await traffic.sells(some)
      return undefined
    },
  },
  {
    name: "Kafka freezes",
    means: "Sales go on. Their events wait in the outbox, and come in order when it answers.",
    alerts: ["HoldfastBusLate"],
    // The relay is a subscription too.
    mayAlert: ["HoldfastSubscriptionLate"],
    needs: ({ broker }) => broker !== undefined,
    run: async ({ broker, traffic, alerted, over }) => {
      broker?.freeze()
      await alerted("HoldfastBusLate")
      await traffic.sells(some)
      broker?.thaw()
      await traffic.sells(some)
      for (const name of ["HoldfastBusLate", "HoldfastSubscriptionLate"]) await over(name)
      return undefined
    },
  },
  {
    name: "connections are exhausted",
    means: "Shops keep the sessions that they have, and go on.",
    run: async ({ pair, traffic }) => {
      const taken: Array<pg.Client> = []
      try {
        for (;;) {
          const client = new pg.Client({ connectionString: pair.primary.url })
          client.on("error", () => {})
          await client.connect()
          taken.push(client)
        }
      } catch {
        // There are no more.
      }
      await traffic.sells(some)
      await Promise.all(taken.map((client) => client.end()))
      await traffic.sells(some)
      return undefined
    },
  },
  {
    name: "a synchronous wait is cancelled",
    means: "A commit that nobody else has is told as unknown, and never as done: its caller asks again.",
    run: async ({ pair, traffic }) => {
      await pair.standby.shutDown?.()
      const waiting = "from pg_stat_activity where wait_event = 'SyncRep' and application_name like 'holdfast%'"
      await until(pair.primary.url, `select pid ${waiting}`)
      await asked(pair.primary.url, `select pg_cancel_backend(pid) ${waiting}`)
      await pair.standby.restart()
      await traffic.sells(some)
      return undefined
    },
  },
  {
    name: "primary killed, standby promoted",
    means: "Calls wait. What was acknowledged is on the standby, since commits waited for it.",
    alerts: ["HoldfastStoreUnreachable"],
    mayAlert: afterAnOutage,
    run: async ({ pair, traffic, alerted }) => {
      await pair.primary.kill()
      await alerted("HoldfastStoreUnreachable")
      await pair.promote()
      const mended = performance.now()
      await traffic.sells(1)
      const again = performance.now() - mended
      await traffic.sells(some)
      return again
    },
  },
  {
    name: "the old primary is a standby",
    means: "Nobody takes it for one that takes changes.",
    mayAlert: [...afterAnOutage, "HoldfastStoreUnreachable"],
    run: async ({ pair, traffic }) => {
      await pair.restartAsStandby()
      await until(pair.standby.url, "select 1 from pg_stat_replication")
      await traffic.sells(some)
      return undefined
    },
  },
  {
    name: "the disk is full",
    means: "The server takes no change and may end. Nothing is told as done that is not.",
    alerts: ["HoldfastStoreUnreachable"],
    mayAlert: [...afterAnOutage, "HoldfastCallsUnavailable"],
    needs: ({ pair }) => pair.volume !== undefined,
    run: async ({ pair, traffic, alerted }) => {
      pair.volume?.fill()
      // What the server has kept for its log goes as well.
      const text = "select pg_logical_emit_message(false, 'report', repeat('x', 1000000)) from generate_series(1, 1000)"
      await asked(pair.standby.url, text).catch(() => {})
      await traffic.stalls(stallMillis)
      await alerted("HoldfastStoreUnreachable")
      await pair.standby.kill()
      pair.volume?.free()
      await pair.standby.restart()
      const mended = performance.now()
      await traffic.sells(1)
      const again = performance.now() - mended
      await traffic.sells(some)
      return again
    },
  },
]
