import { createHoldfast, type Shop } from "@holdfast/core"
import { postgres } from "../postgres/index.ts"
import type { PostgresOptions } from "../postgres/options.ts"
import type { Options } from "./arguments.ts"
import { withServer } from "./connect.ts"

/** Uses a shop that handles no events of its own, on a schema that is there, and stops it. What it logs goes to stderr. */
export const withShop = <A>(options: Options, use: (shop: Shop, server: PostgresOptions) => Promise<A>): Promise<A> =>
  withServer(options, async (server) => {
    const store = postgres({ ...server, migrate: "check" })
    const shop = createHoldfast({ store, workers: false, logger: (_, message) => console.error(message) })
    return use(shop, server).finally(() => shop.stop())
  })
