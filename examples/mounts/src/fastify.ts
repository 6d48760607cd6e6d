/**
 * Fastify: a scope of its own, in which Fastify leaves bodies alone and hands over the raw request.
 */
import type { ShopHandler } from "@holdfast/http"
import { toNodeHandler } from "@holdfast/http/node"
import fastify, { type FastifyInstance } from "fastify"

export const fastifyApp = (handler: ShopHandler): FastifyInstance => {
  const app = fastify()
  const listener = toNodeHandler(handler)
  app.register(
    async (scope) => {
      // Limits on bodies are the handler's: it counts them on the stream and answers in its own form.
      scope.removeAllContentTypeParsers()
      scope.addContentTypeParser("*", (_request, _payload, done) => done(null))
      scope.all("/*", (request, reply) => {
        reply.hijack()
        listener(request.raw, reply.raw)
      })
    },
    { prefix: handler.basePath },
  )
  return app
}
