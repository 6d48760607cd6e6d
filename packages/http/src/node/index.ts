/**
 * `@holdfast/http/node`: a handler as a listener of `node:http`, and of everything that takes one: Express 4 and 5,
 * Fastify, Nest, Connect.
 */
export { type NodeHandler, toNodeHandler } from "./toNodeHandler.ts"
