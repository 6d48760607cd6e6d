/**
 * Express 5: one line. Before `express.json()`, so that what a body does wrong is answered as a problem document; after
 * it works as well.
 */
import type { ShopHandler } from "@holdfast/http"
import { toNodeHandler } from "@holdfast/http/node"
import express, { type Express } from "express"

export const expressApp = (handler: ShopHandler): Express => {
  const app = express()
  app.use("/api/v1", toNodeHandler(handler))
  app.use(express.json())
  app.get("/", (_, response) => {
    response.send("the host's own page")
  })
  return app
}

/** The other order: somebody else's `express.json()` has read the body already. */
export const expressAppAfterJson = (handler: ShopHandler): Express => {
  const app = express()
  app.use(express.json())
  app.use("/api/v1", toNodeHandler(handler))
  return app
}
