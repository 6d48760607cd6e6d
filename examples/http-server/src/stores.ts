/**
 * The store that a flag names. Adapters are loaded only where they are used: the shop in memory needs no driver.
 */
import type { StoreOption } from "@holdfast/core"
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

const loaded = <Module>(name: string, importing: Promise<Module>): Promise<Module> =>
  importing.catch((error: unknown) => {
    throw new Error(`--store ${name} cannot be loaded: its adapter or its driver is not installed.`, { cause: error })
  })
