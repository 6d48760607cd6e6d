/**
 * `@holdfast/http/node`: a handler as a listener of `node:http`, and of everything that takes one: Express 4 and 5,
 * Fastify, Nest, Connect. And the order in which a serving process leaves.
 */
export { type ShutDownOptions, shutDown } from "./shutDown.ts"
export { type NodeHandler, toNodeHandler } from "./toNodeHandler.ts"
