/** The part of autocannon that the journeys use; the package brings no types. */
declare module "autocannon" {
  import type { EventEmitter } from "node:events"

  interface AutocannonRequest {
    readonly method?: string
    readonly path?: string
    readonly body?: string
    readonly headers?: Readonly<Record<string, string>>
  }

  interface Options {
    readonly url: string
    readonly connections: number
    readonly duration: number
    readonly overallRate: number
    /** Seconds until a request without an answer counts as failed. */
    readonly timeout: number
    readonly requests: ReadonlyArray<{
      /** What is written into `context` is there when the answer comes. */
      readonly setupRequest: (request: AutocannonRequest, context: { step?: unknown }) => AutocannonRequest
      readonly onResponse: (status: number, body: string, context: { step?: unknown }) => void
    }>
  }

  interface Outcome {
    /** Milliseconds, corrected for requests that were sent late because an earlier one had no answer yet. */
    readonly latency: Readonly<Record<"p50" | "p97_5" | "p99" | "max", number>>
    readonly errors: number
    readonly timeouts: number
  }

  interface Running extends EventEmitter, PromiseLike<Outcome> {
    on(event: "response", heard: (client: unknown, status: number, bytes: number, millis: number) => void): this
  }

  const autocannon: (options: Options) => Running
  export default autocannon
}
