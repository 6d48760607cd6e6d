/**
 * Hono, and everything else that speaks in `Request` and `Response`: Bun, Deno, workers.
 */
import type { ShopHandler } from "@holdfast/http"
import { Hono } from "hono"

export const honoApp = (handler: ShopHandler): Hono => {
  const app = new Hono()
  app.all(`${handler.basePath}/*`, (context) => handler.fetch(context.req.raw))
  return app
}
