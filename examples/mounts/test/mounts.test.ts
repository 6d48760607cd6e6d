import { getRequestListener } from "@hono/node-server"
import { afterEach, describe, expect, it } from "vitest"
import { expressApp, expressAppAfterJson } from "../src/express.ts"
import { express4App, express4AppAfterJson } from "../src/express4.ts"
import { fastifyApp } from "../src/fastify.ts"
import { honoApp } from "../src/hono.ts"
import { nestApp } from "../src/nest.ts"
import * as route from "../src/next/route.ts"
import { shop } from "../src/next/shop.ts"
import { closing, expectAbortToReach, expectTheApi, listening, mountable, stocked, urlOf } from "./support.ts"

const cleanUp: Array<() => unknown> = []
afterEach(async () => {
  for (const clean of cleanUp.splice(0)) await clean()
})

const served = async (listener: Parameters<typeof listening>[0]): Promise<string> => {
  const { url, server } = await listening(listener)
  cleanUp.push(() => closing(server))
  return url
}

describe("mounted on", () => {
  it("Express 5, before express.json(), beside the host's own pages", async () => {
    const mounted = await mountable()
    const url = await served(expressApp(mounted.handler))
    await expectTheApi(url)
    await expectAbortToReach(url, mounted)
    expect(await (await fetch(url)).text()).toBe("the host's own page")
  })

  it("Express 5, after express.json()", async () => {
    const mounted = await mountable()
    const url = await served(expressAppAfterJson(mounted.handler))
    await expectTheApi(url, fetch, { parsedBefore: true })
    await expectAbortToReach(url, mounted)
  })

  it("Express 4, before express.json()", async () => {
    const mounted = await mountable()
    const url = await served(express4App(mounted.handler))
    await expectTheApi(url)
    await expectAbortToReach(url, mounted)
  })

  it("Express 4, after express.json()", async () => {
    const mounted = await mountable()
    const url = await served(express4AppAfterJson(mounted.handler))
    await expectTheApi(url, fetch, { parsedBefore: true })
    await expectAbortToReach(url, mounted)
  })

  it("Fastify", async () => {
    const mounted = await mountable()
    const app = fastifyApp(mounted.handler)
    await app.listen({ port: 0, host: "127.0.0.1" })
    cleanUp.push(() => {
      app.server.closeAllConnections()
      return app.close()
    })
    const url = urlOf(app.server)
    await expectTheApi(url)
    await expectAbortToReach(url, mounted)
  })

  it("Hono", async () => {
    const mounted = await mountable()
    // Its own Request and Response would replace those of the whole process, which is not ours to decide.
    const url = await served(getRequestListener(honoApp(mounted.handler).fetch, { overrideGlobalObjects: false }))
    await expectTheApi(url)
    await expectAbortToReach(url, mounted)
  })

  it("NestJS, beside its own controllers", async () => {
    const mounted = await mountable()
    const app = await nestApp(mounted.handler)
    await app.listen(0, "127.0.0.1")
    cleanUp.push(() => {
      app.getHttpServer().closeAllConnections()
      return app.close()
    })
    const url = urlOf(app.getHttpServer())
    // Nest's own body parser runs when its routes are set up, after what was mounted.
    await expectTheApi(url)
    await expectAbortToReach(url, mounted)
    expect(await (await fetch(url)).text()).toBe("the host's own page")
  })

  it("a Next route, its exported handlers called as Next calls them", async () => {
    await stocked(shop)
    const handlers: Readonly<Record<string, (request: Request) => Promise<Response>>> = { ...route }
    const send = (request: Request): Promise<Response> => {
      const handle = handlers[request.method]
      if (handle === undefined) throw new TypeError(`The route exports no ${request.method}.`)
      return handle(request)
    }
    await expectTheApi("http://next.test", send)
  })

  it("a Next route, whose request is aborted", async () => {
    const mounted = await mountable()
    await expectAbortToReach("http://next.test", mounted, mounted.handler.fetch)
  })
})
