/**
 * Express 4: the same line.
 */

import type { RequestListener } from "node:http"
import { createRequire } from "node:module"
import type { ShopHandler } from "@holdfast/http"
import { toNodeHandler } from "@holdfast/http/node"
import type express5 from "express"

// An alias, so that both versions can stand in one repository; what is used here has the same types in both. In a project
// of your own this is `import express from "express"`.
const express: typeof express5 = createRequire(import.meta.url)("express4")

export const express4App = (handler: ShopHandler): RequestListener => {
  const app = express()
  app.use("/api/v1", toNodeHandler(handler))
  return app
}

export const express4AppAfterJson = (handler: ShopHandler): RequestListener => {
  const app = express()
  app.use(express.json())
  app.use("/api/v1", toNodeHandler(handler))
  return app
}
