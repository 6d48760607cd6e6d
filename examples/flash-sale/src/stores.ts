/**
 * The stores that the demo can run on, by the name that `--store` takes. Adapters are loaded only where they are used.
 *
 * The sale itself does not know which one it is: the shop keeps the same promises on all of them.
 */
import type { StoreOption } from "@holdfast/core"
import { memory } from "@holdfast/core/memory"

/** The first one is the default: PostgreSQL inside this process, in memory. */
export const storeNames = ["pglite", "postgres", "memory"] as const
export type StoreName = (typeof storeNames)[number]

export const isStoreName = (name: string): name is StoreName => storeNames.some((known) => known === name)

/** A schema of its own: a demo must not write into the shop that somebody keeps on the same server. */
const schema = "holdfast_demo"

/** Opens nothing yet: that is the shop's to do when it starts. `url` is for `postgres` alone. */
export const storeOf = async (name: StoreName, url: string | undefined): Promise<StoreOption> => {
  switch (name) {
    case "memory":
      return memory()
    case "pglite": {
      const { pglite } = await import("@holdfast/adapters/pglite")
      return pglite({ schema })
    }
    case "postgres": {
      const { postgres } = await import("@holdfast/adapters/postgres")
      if (url === undefined) throw new Error("A PostgreSQL server needs a URL.")
      return postgres({ url, schema })
    }
  }
}
