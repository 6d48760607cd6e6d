/**
 * The view of a request that a host's own functions get. Everything but the id of the caller is rarely asked for, so
 * whatever costs something is made when it is read.
 */
import type { Exchange, RequestView } from "./Exchange.ts"

export class View implements RequestView {
  readonly #exchange: Pick<Exchange, "method" | "target" | "header">
  readonly #makeRequest: () => Request
  readonly address: string | undefined
  #request: Request | undefined

  constructor(
    exchange: Pick<Exchange, "method" | "target" | "header">,
    address: string | undefined,
    makeRequest: () => Request,
  ) {
    this.#exchange = exchange
    this.address = address
    this.#makeRequest = makeRequest
  }

  get method(): string {
    return this.#exchange.method
  }

  get url(): string {
    return this.#exchange.target
  }

  get headers(): RequestView["headers"] {
    return { get: (name) => this.#exchange.header(name.toLowerCase()) ?? null }
  }

  get request(): Request {
    this.#request ??= this.#makeRequest()
    return this.#request
  }
}
