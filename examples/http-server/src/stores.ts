/**
 * The store that a flag names. Adapters are loaded only where they are used: the shop in memory needs no driver.
 */
import type { BusOption, CreateOptions, StoreOption } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"
import type { StoreFlag } from "./flags.ts"

export const openStore = async (flag: StoreFlag): Promise<StoreOption> => {
  switch (flag.name) {
    case "memory":
      return memory()
    case "pglite": {
      const { pglite } = await loaded("pglite", import("@holdfast/adapters/pglite"))
      return pglite(flag.dir === undefined ? {} : { dir: flag.dir })
    }
    case "postgres": {
      const { postgres } = await loaded("postgres", import("@holdfast/adapters/postgres"))
      return postgres({ url: flag.url })
    }
  }
}

/** What the processes of a shop share on a Redis. */
export const openShared = async (url: string): Promise<Pick<CreateOptions, "cache" | "ranking">> => {
  const { redis, redisRanking } = await loaded("redis", import("@holdfast/adapters/redis"))
  return { cache: redis({ url, products: true }), ranking: redisRanking({ url }) }
}

/** A topic for the shop's events, on brokers of which there may be one only: this is an example. */
export const openBus = async (
  brokers: ReadonlyArray<string>,
): Promise<BusOption & { readonly close: () => Promise<void> }> => {
  const { kafka, kafkajs } = await loaded("kafka", import("@holdfast/adapters/kafka"))
  const transport = kafkajs({ brokers })
  const bus = kafka({ kafka: transport, topic: "shop.events", source: "/http-server", replication: 1 })
  return { ...bus, close: transport.close }
}

const loaded = <Module>(name: string, importing: Promise<Module>): Promise<Module> =>
  importing.catch((error: unknown) => {
    throw new Error(`--store ${name} cannot be loaded: its adapter or its driver is not installed.`, { cause: error })
  })
