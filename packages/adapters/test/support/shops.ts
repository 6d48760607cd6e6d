/**
 * Shops on one server for the tests of a file: each on a schema of its own, stopped and dropped after its test.
 */

import { anyServer, type CuttableWire, proxyTo, type Server } from "@holdfast/test-services"
import { Effect } from "effect"
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest"
import { shopOn, type TestShop } from "./shop.ts"
import { freshSchema, query } from "./stores.ts"

export interface Shops {
  readonly url: () => string
  /** Undefined where there is none; then every test of the file is left out. */
  readonly server: () => Server | undefined
  /** One statement on a connection of its own. */
  readonly ask: (sql: string, params?: ReadonlyArray<unknown>) => Promise<ReadonlyArray<Record<string, unknown>>>
  /** The name of a schema that is dropped after the test. */
  readonly schema: () => string
  /** A shop that is stopped after the test. */
  readonly open: (url: string, schema: string, deadlineMillis?: number, workers?: boolean) => TestShop
  /** A wire to the server that can be cut. */
  readonly proxied: () => Promise<CuttableWire>
}

/** `start` says which server, and none where the tests are to be left out. */
export const shopsForFile = (who: string, start: () => Promise<Server | undefined> = () => anyServer(who)): Shops => {
  let server: Server | undefined
  const shops: Array<TestShop> = []
  const proxies: Array<CuttableWire> = []
  const schemas: Array<string> = []
  beforeAll(async () => {
    server = await start()
  })
  afterAll(() => server?.stop())
  beforeEach((context) => context.skip(server === undefined, "no PostgreSQL here"))
  afterEach(async () => {
    await Promise.all(shops.splice(0).map((shop) => shop.stop()))
    await Promise.all(proxies.splice(0).map((proxy) => proxy.close()))
    for (const schema of schemas.splice(0)) await ask(`drop schema if exists ${schema} cascade`)
  })
  const url = (): string => server?.url ?? ""
  const ask: Shops["ask"] = (sql, params = []) => Effect.runPromise(query(url(), sql, params))
  return {
    url,
    server: () => server,
    ask,
    schema: () => {
      const name = freshSchema()
      schemas.push(name)
      return name
    },
    open: (at, schema, deadlineMillis, workers) => {
      const shop = shopOn(at, schema, deadlineMillis, workers)
      shops.push(shop)
      return shop
    },
    proxied: async () => {
      const proxy = await proxyTo(url())
      proxies.push(proxy)
      return proxy
    },
  }
}
